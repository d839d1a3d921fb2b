#include "migrations/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/generated_page.h"

namespace crossfade::migrations {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kDown = "\n-- migrate:down\nSELECT 1;\n";

struct Linted {
  std::vector<LintFinding> findings;

  std::multiset<std::string> codes() const {
    std::multiset<std::string> out;
    for (const LintFinding& finding : findings) out.insert(finding.code);
    return out;
  }
  const LintFinding& finding(std::string_view code) const {
    for (const LintFinding& finding : findings) {
      if (finding.code == code) return finding;
    }
    ADD_FAILURE() << "no finding " << code;
    static const LintFinding none;
    return none;
  }
};

std::vector<Statement> up_of(const MigrationFile& file) {
  return parse_statements(file.up_sql, file.path, file.up_first_line);
}

/// The last of these files, in the company of the others.
Linted lint_last(const std::vector<std::string>& texts, const FactSource& facts = no_facts) {
  DirectoryShape shape;
  MigrationFile file;
  for (std::size_t index = 0; index < texts.size(); ++index) {
    const std::string name = "000" + std::to_string(index + 1);
    file = parse_migration_text(name, name + ".sql", texts[index]);
    for (const Statement& statement : up_of(file)) shape.apply(statement);
  }
  return {lint_file(file, up_of(file), parse_statements(file.down_sql, file.path, file.down_first_line),
                    shape, facts)};
}

Linted lint(std::string_view up, const FactSource& facts = no_facts) {
  return lint_last({"-- migrate:up\n" + std::string(up) + std::string(kDown)}, facts);
}

TEST(Lint, SaysNothingOfWhatIsInstant) {
  for (const std::string_view sql :
       {"ALTER TABLE t ADD c int", "ALTER TABLE t ADD c timestamptz NOT NULL DEFAULT now()",
        "CREATE TABLE n (id bigint PRIMARY KEY, at timestamptz)", "CREATE INDEX CONCURRENTLY x ON t (i)",
        "INSERT INTO t VALUES (1)", "ALTER TABLE t ALTER c DROP NOT NULL", "COMMENT ON TABLE t IS 'x'",
        "ALTER TABLE t ADD CHECK (i > 0) NOT VALID", "ALTER TABLE t VALIDATE CONSTRAINT c",
        "ALTER TYPE mood ADD VALUE 'x'", "GRANT SELECT ON t TO PUBLIC",
        "CREATE TYPE mood AS ENUM ('a'); ALTER TABLE t ADD c mood DEFAULT 'a'"}) {
    EXPECT_EQ(lint(sql).codes(), std::multiset<std::string>{}) << sql;
  }
}

TEST(Lint, GivesEachStatementItsCodeAndLevel) {
  struct Case {
    std::string_view sql;
    std::string_view code;
    LintLevel level;
  };
  for (const Case& each : {
           Case{"ALTER TABLE t ALTER i TYPE bigint", "change-type", LintLevel::note},
           Case{"ALTER TABLE t ALTER i SET NOT NULL", "set-not-null", LintLevel::note},
           Case{"CREATE INDEX ON t (i)", "create-index", LintLevel::note},
           Case{"DROP INDEX x", "drop-index", LintLevel::note},
           Case{"UPDATE t SET i = 1", "change-rows", LintLevel::note},
           Case{"ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()", "add-column-volatile-default",
                LintLevel::note},
           Case{"VACUUM FULL t", "rewrite-table", LintLevel::note},
           Case{"ALTER TABLE t ADD c json", "add-json-column", LintLevel::warning},
           Case{"CREATE TABLE n (c json)", "add-json-column", LintLevel::warning},
           Case{"CREATE TABLE n (id serial)", "integer-key", LintLevel::warning},
           Case{"CREATE TABLE n (id int PRIMARY KEY)", "integer-key", LintLevel::warning},
           Case{"CREATE TABLE n (id smallint, PRIMARY KEY (id))", "integer-key", LintLevel::warning},
           Case{"CREATE TABLE n (id int GENERATED ALWAYS AS IDENTITY)", "integer-key", LintLevel::warning},
           Case{"CREATE TABLE n (at timestamp)", "timestamp-without-time-zone", LintLevel::note},
           Case{"CREATE TABLE n (c char(3))", "char-column", LintLevel::note},
           Case{"ALTER TABLE t RENAME i TO j", "rename-column", LintLevel::warning},
           Case{"ALTER TABLE t RENAME TO u", "rename-relation", LintLevel::warning},
           Case{"ALTER TYPE mood RENAME VALUE 'a' TO 'b'", "rename-enum-value", LintLevel::warning},
           Case{"ALTER TABLE t ENABLE ROW LEVEL SECURITY", "change-access", LintLevel::warning},
           Case{"REFRESH MATERIALIZED VIEW v", "refresh-materialized-view", LintLevel::warning},
           Case{"SET search_path = a", "session-setting", LintLevel::warning},
           Case{"DROP VIEW v", "drop-object", LintLevel::warning},
           Case{"DROP SCHEMA s", "drop-object", LintLevel::error},
           Case{"ALTER TABLE t DROP c", "drop-column", LintLevel::error},
           Case{"DROP TABLE t", "drop-table", LintLevel::error},
           Case{"TRUNCATE t", "truncate", LintLevel::error},
           Case{"ALTER TABLE t ADD c int NOT NULL", "add-column-not-null", LintLevel::error},
           Case{"DO $$ BEGIN END $$", "opaque-sql", LintLevel::error},
           Case{"COMMIT", "transaction-control", LintLevel::error},
           Case{"LOCK TABLE t", "lock-table", LintLevel::error},
       }) {
    const Linted linted = lint(each.sql);
    ASSERT_EQ(linted.findings.size(), 1U) << each.sql;
    EXPECT_EQ(linted.findings.front().code, each.code) << each.sql;
    EXPECT_EQ(to_string(linted.findings.front().level), to_string(each.level)) << each.sql;
    EXPECT_FALSE(linted.findings.front().fix.empty());
  }
}

TEST(Lint, PointsAtTheCommandAndTheColumn) {
  const Linted linted =
      lint_last({"-- migrate:up\n\n  ALTER TABLE app.t ADD a int,\n    DROP COLUMN b;\nCREATE TABLE n (\n  "
                 "id serial\n);\n" +
                 std::string(kDown)});
  const LintFinding& dropped = linted.finding("drop-column");
  EXPECT_EQ(dropped.file, "0001.sql");
  EXPECT_EQ(dropped.line, 4);
  EXPECT_EQ(dropped.column, 5);
  EXPECT_THAT(dropped.message, HasSubstr("app.t"));
  EXPECT_EQ(dropped.hazard, "11");
  const LintFinding& key = linted.finding("integer-key");
  EXPECT_EQ(key.line, 6);
  EXPECT_EQ(key.column, 3);
  EXPECT_THAT(key.message, HasSubstr("n.id"));
}

TEST(Lint, LetsATableBeThatTheFileMakesItself) {
  EXPECT_EQ(lint("CREATE TABLE n (id bigint); CREATE INDEX ON n (id); ALTER TABLE n ADD c int NOT NULL;"
                 "UPDATE n SET c = 1; ALTER TABLE n ALTER c TYPE bigint; TRUNCATE n; DROP TABLE n;"
                 "SELECT id INTO m FROM t; ALTER TABLE m ADD PRIMARY KEY (id)")
                .codes(),
            std::multiset<std::string>{});
}

TEST(Lint, TakesAFilledColumnForOneBackfill) {
  EXPECT_THAT(lint("ALTER TABLE t ADD c int NOT NULL; UPDATE t SET c = i").codes(),
              UnorderedElementsAre("set-not-null", "change-rows"));
  EXPECT_THAT(lint("-- crossfade:backfill c = i\nALTER TABLE t ADD c int NOT NULL").codes(),
              UnorderedElementsAre("set-not-null"));
  EXPECT_THAT(lint("ALTER TABLE t ADD c int NOT NULL; UPDATE t SET d = i").codes(),
              UnorderedElementsAre("add-column-not-null", "change-rows", "data-change-with-ddl"));
}

TEST(Lint, LooksForIndexesOfForeignKeysInTheWholeDirectory) {
  const std::string key =
      "ALTER TABLE t ADD CONSTRAINT k FOREIGN KEY (p) REFERENCES parent NOT VALID;" + std::string(kDown);
  const std::string up = "-- migrate:up\n";
  EXPECT_THAT(lint_last({up + key}).codes(), UnorderedElementsAre("unindexed-foreign-key"));
  EXPECT_TRUE(lint_last({"CREATE INDEX ON t (p, q);", up + key}).codes().empty());
  EXPECT_TRUE(lint_last({"CREATE TABLE t (p bigint UNIQUE);", up + key}).codes().empty());
  EXPECT_THAT(lint_last({"CREATE INDEX ON t (p) WHERE p > 0;", up + key}).codes(),
              UnorderedElementsAre("unindexed-foreign-key"));
  EXPECT_THAT(lint_last({"CREATE INDEX x ON t (p); DROP INDEX x;", up + key}).codes(),
              UnorderedElementsAre("unindexed-foreign-key"));
  EXPECT_THAT(lint_last({"CREATE INDEX ON t (q, p);", up + key}).codes(),
              UnorderedElementsAre("unindexed-foreign-key"));
}

TEST(Lint, ComparesTheTypesOfForeignKeys) {
  const std::string parent = "CREATE TABLE public.parent (id bigserial PRIMARY KEY);";
  const auto child = [](const std::string& type) {
    return "-- migrate:up\nCREATE TABLE child (p " + type +
           " UNIQUE REFERENCES parent, c varchar(9) UNIQUE REFERENCES names (name));" + std::string(kDown);
  };
  const std::string names = "CREATE TABLE names (name text UNIQUE);";
  const Linted other = lint_last({parent, names, child("int")});
  EXPECT_THAT(other.codes(), UnorderedElementsAre("foreign-key-type"));
  EXPECT_THAT(other.findings.front().message, HasSubstr("p is int4, parent.id is int8"));
  EXPECT_TRUE(lint_last({parent, names, child("bigint")}).codes().empty());
}

TEST(Lint, SeesWhatStatementsOfOneFileDoTogether) {
  EXPECT_THAT(lint("ALTER TABLE t RENAME a TO b; ALTER TABLE t RENAME c TO d").codes(),
              UnorderedElementsAre("rename-column", "rename-column", "several-application-changes"));
  EXPECT_THAT(lint("ALTER TABLE t DROP a, DROP b").codes(),
              UnorderedElementsAre("drop-column", "drop-column"));
  EXPECT_THAT(lint("ALTER TABLE t ADD c int; DELETE FROM t WHERE i = 1").codes(),
              UnorderedElementsAre("change-rows", "data-change-with-ddl"));
  EXPECT_THAT(lint("ALTER TABLE t ADD c int; ALTER TABLE u ADD c int").codes(),
              UnorderedElementsAre("many-locks-in-transaction"));
  EXPECT_THAT(lint("CREATE INDEX ON t (a); CREATE INDEX ON t (b);"
                   "ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES p NOT VALID, ADD FOREIGN KEY (b) REFERENCES "
                   "q NOT VALID")
                  .codes(),
              UnorderedElementsAre("create-index", "create-index", "several-foreign-keys"));
  EXPECT_THAT(
      lint("ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT k")
          .codes(),
      UnorderedElementsAre("validate-at-once"));
  EXPECT_THAT(lint_last({"CREATE INDEX x ON t (a);",
                         "-- migrate:up\nDROP INDEX x; CREATE INDEX x ON t (a, b);" + std::string(kDown)})
                  .codes(),
              UnorderedElementsAre("drop-index", "replace-index", "create-index"));
}

TEST(Lint, IsSilencedByDirectives) {
  EXPECT_TRUE(lint("-- crossfade:allow drop-column nobody reads it\nALTER TABLE t DROP c").codes().empty());
  EXPECT_TRUE(lint("-- crossfade:opaque old function\nSELECT do_it()").codes().empty());
  const Linted unused =
      lint("-- crossfade:allow drop-table x\n-- crossfade:opaque x\nALTER TABLE t ADD c int");
  EXPECT_THAT(unused.codes(), UnorderedElementsAre("unused-allow", "unused-opaque"));
  EXPECT_EQ(unused.finding("unused-allow").line, 2);
  EXPECT_EQ(to_string(unused.finding("unused-allow").level), "note");
}

TEST(Lint, AsksForADownSectionAndReadsIt) {
  EXPECT_THAT(lint_last({"ALTER TABLE t ADD c int;"}).codes(), UnorderedElementsAre("missing-down"));
  const Linted down = lint_last(
      {"-- migrate:up\nALTER TABLE t ADD c int;\n-- migrate:down\nALTER TABLE t DROP c;\nCOMMIT;\n"});
  EXPECT_THAT(down.codes(), UnorderedElementsAre("transaction-control"));
  EXPECT_EQ(down.findings.front().line, 5);
}

TEST(Lint, BelievesTheDatabase) {
  const auto with = [](bool rewrites, bool scans) {
    return [=](const MigrationFile&, const Statement&) {
      StatementFacts facts;
      facts.hazard.rewrites = rewrites;
      facts.hazard.builds_index = false;
      facts.hazard.scans = scans;
      facts.size = "about 10 rows, 8 kB";
      return facts;
    };
  };
  EXPECT_TRUE(lint("ALTER TABLE t ALTER v TYPE varchar(80)", with(false, false)).codes().empty());
  const Linted narrower = lint("ALTER TABLE t ALTER v TYPE varchar(10)", with(true, true));
  ASSERT_THAT(narrower.codes(), UnorderedElementsAre("narrow-type"));
  EXPECT_EQ(to_string(narrower.findings.front().level), "warning");
  EXPECT_THAT(narrower.findings.front().message,
              HasSubstr("as written it rewrites the table; about 10 rows, 8 kB"));
  const Linted refused = lint("ALTER TABLE t DROP c", [](const MigrationFile&, const Statement&) {
    StatementFacts facts;
    facts.refusal = Problem{"no-such-table", "t", "there is no such table", "", "", ""};
    return facts;
  });
  EXPECT_THAT(refused.codes(), UnorderedElementsAre("no-such-table"));
}

TEST(Lint, TurnsWhatDoesNotParseIntoAFinding) {
  const LintFinding finding = parse_finding(
      {"syntax-error", "a/b.sql:3:7", "syntax error at or near \"x\"", "", "", "correct the SQL"}, "a/b.sql");
  EXPECT_EQ(finding.line, 3);
  EXPECT_EQ(finding.column, 7);
  EXPECT_EQ(to_string(finding.level), "error");
  EXPECT_EQ(finding.fix, "correct the SQL");
  EXPECT_EQ(parse_finding({"foreign-format", "a/b.sql", "m", "", "", "n"}, "a/b.sql").line, 1);
}

TEST(LintRules, StandInTheLintingPage) {
  std::string table = "| code | level | hazard | finds | what to do |\n|---|---|---|---|---|\n";
  for (const LintRule& rule : lint_rules()) {
    table += "| `" + std::string(rule.code) + "`" + (rule.wants_database ? " *" : "") + " | " +
             std::string(to_string(rule.level)) + " | " + std::string(rule.hazard) + " | " +
             std::string(rule.finds) + " | " + std::string(rule.fix) + " |\n";
  }
  tests::expect_generated("linting.md", "lint rules", table);
}

TEST(LintRules, BelongToHazardRowsOfTheSameCode) {
  std::set<std::string_view> codes;
  for (const LintRule& rule : lint_rules()) {
    EXPECT_TRUE(codes.insert(rule.code).second) << rule.code;
    EXPECT_FALSE(rule.finds.empty());
    EXPECT_FALSE(rule.fix.empty());
    if (!rule.hazard.empty()) {
      EXPECT_NO_THROW(hazard_row(rule.hazard)) << rule.hazard;
    }
  }
  EXPECT_TRUE(
      std::is_sorted(lint_rules().begin(), lint_rules().end(),
                     [](const LintRule& left, const LintRule& right) { return left.code < right.code; }));
  for (const HazardRow& row : hazard_table()) {
    const LintRule* rule = lint_rule(row.code);
    if (rule != nullptr) {
      EXPECT_EQ(rule->hazard, row.number);
    }
    // What is neither instant nor the server's own business must not be passed over.
    const bool quiet = row.hazard_class == HazardClass::instant || row.origin == HazardOrigin::server ||
                       row.origin == HazardOrigin::parser || row.number == "37" || row.number == "73";
    EXPECT_TRUE(quiet || rule != nullptr) << row.number << " " << row.code;
  }
}

}  // namespace
}  // namespace crossfade::migrations
