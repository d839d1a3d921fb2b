#include "migrations/alembic_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "migrations/executed_statements.h"
#include "postgres/problem.h"

namespace crossfade::migrations {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// As alembic 1.8 printed it for tests/alembic/shop.
std::string captured(const std::string& name) {
  std::ifstream stream(std::string(CROSSFADE_SOURCE_DIR) + "/tests/alembic/captured/" + name);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

AlembicScript split(const std::string& text) {
  return split_alembic_script({text, "upgrade.sql", 1});
}

std::string failure_code(const std::string& text) {
  try {
    split(text);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    return failure.problem().code + " " + failure.problem().object;
  }
  return "";
}

std::vector<std::string> names_of(const AlembicScript& script) {
  std::vector<std::string> out;
  for (const AlembicRevision& revision : script.revisions) out.push_back(revision.revision);
  return out;
}

const AlembicRevision& revision_of(const AlembicScript& script, const std::string& name) {
  const auto found = std::find_if(script.revisions.begin(), script.revisions.end(),
                                  [&](const AlembicRevision& revision) { return revision.revision == name; });
  if (found == script.revisions.end()) throw std::logic_error("no revision " + name);
  return *found;
}

TEST(AlembicScript, FindsEveryRevisionOfARealScript) {
  const AlembicScript script = split(captured("shop_named.sql"));
  EXPECT_THAT(script.revisions, SizeIs(18));
  EXPECT_EQ(script.version_table->name, "alembic_version");
  EXPECT_THAT(script.create_version_table, HasSubstr("alembic_version_pkc"));
  const AlembicRevision& first = script.revisions.front();
  EXPECT_EQ(first.revision, "4f1a01c0de01");
  EXPECT_THAT(first.from, IsEmpty());
  EXPECT_THAT(first.statements, SizeIs(5));
  EXPECT_THAT(first.version_changes, ElementsAre(VersionChange{"", "4f1a01c0de01"}));
}

TEST(AlembicScript, LeadsFromTheBaseToTheHeadRowByRow) {
  std::set<std::string> heads;
  for (const AlembicRevision& revision : split(captured("shop_named.sql")).revisions)
    heads = apply_version_changes(heads, revision);
  EXPECT_THAT(heads, ElementsAre("4f1a01c0de13"));
}

TEST(AlembicScript, LeavesNothingOfTransactionsAndVersionsInTheSql) {
  for (const AlembicRevision& revision : split(captured("shop_named.sql")).revisions) {
    for (const char* word : {"alembic_version", "BEGIN;", "COMMIT", "-- Running"})
      EXPECT_THAT(revision.sql, Not(HasSubstr(word))) << revision.revision;
  }
}

TEST(AlembicScript, KeepsAutocommitBlocksTogether) {
  const AlembicScript script = split(captured("shop_named.sql"));
  EXPECT_THAT(
      revision_of(script, "ca7a10600003").statements,
      ElementsAre("CREATE INDEX CONCURRENTLY products_label_idx ON products (label)",
                  "CREATE INDEX CONCURRENTLY products_heavy_idx ON products (id) WHERE weight % 1000 = 0"));
}

TEST(AlembicScript, ReadsAMergeAsRowsThatGoAndOneThatMoves) {
  const AlembicScript script = split(captured("shop_named.sql"));
  const AlembicRevision& merge = revision_of(script, "4f1a01c0de06");
  EXPECT_THAT(merge.from, ElementsAre("b111a6000002", "ca7a10600003"));
  EXPECT_THAT(merge.statements, IsEmpty());
  ASSERT_THAT(merge.version_changes, SizeIs(2));
  EXPECT_EQ(merge.version_changes[0].to, "");
  EXPECT_EQ(merge.version_changes[1].to, "4f1a01c0de06");
}

TEST(AlembicScript, KeepsFunctionBodiesAndLiteralsWhole) {
  const AlembicScript script = split(captured("shop_named.sql"));
  EXPECT_THAT(revision_of(script, "4f1a01c0de12").statements, SizeIs(2));
  EXPECT_EQ(revision_of(script, "4f1a01c0de05").statements.front(),
            "UPDATE orders SET comment = 'none; -- 0% off' WHERE comment LIKE '50%'");
}

TEST(AlembicScript, KeepsTheScriptsLineNumbers) {
  const std::string text = captured("shop_named.sql");
  const AlembicScript script = split(text);
  const AlembicRevision& revision = revision_of(script, "4f1a01c0de13");
  const auto before =
      std::count(revision.sql.begin(),
                 revision.sql.begin() + static_cast<std::ptrdiff_t>(revision.sql.find("ALTER")), '\n');
  const auto at = text.find("ALTER TABLE customers DROP COLUMN nickname");
  const auto expected = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n') + 1;
  EXPECT_EQ(revision.first_line + before, expected);
}

TEST(AlembicScript, IsTheSameForBothParameterStyles) {
  const std::string doubled = captured("shop_doubled.sql");
  const std::string plain = captured("shop_named.sql");
  EXPECT_EQ(percent_signs(plain), PercentSigns::plain);
  EXPECT_EQ(percent_signs(doubled), PercentSigns::unclear);
  EXPECT_EQ(with_single_percents(doubled), plain);
}

TEST(AlembicScript, GivesARevisionTheSameFingerprintWhereverItStands) {
  const std::string whole = captured("shop_named.sql");
  const auto marker = whole.find("-- Running upgrade 4f1a01c0de11");
  const AlembicScript tail = split("BEGIN;\n\n" + whole.substr(marker));
  EXPECT_THAT(names_of(tail), ElementsAre("4f1a01c0de12", "4f1a01c0de13"));
  EXPECT_EQ(revision_of(tail, "4f1a01c0de12").fingerprint(),
            revision_of(split(whole), "4f1a01c0de12").fingerprint());
}

TEST(AlembicScript, ReadsOneTransactionForEachRevision) {
  const AlembicScript script = split(
      "BEGIN;\n\n-- Running upgrade a -> b\n\nALTER TABLE t ADD COLUMN x int;\n\n"
      "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';\n\nCOMMIT;\n\n"
      "BEGIN;\n\n-- Running upgrade b -> c\n\nCOMMIT;\n\nALTER TYPE mood ADD VALUE 'x';\n\nBEGIN;\n\n"
      "UPDATE alembic_version SET version_num='c' WHERE alembic_version.version_num = 'b';\n\nCOMMIT;\n\n");
  EXPECT_THAT(names_of(script), ElementsAre("b", "c"));
  EXPECT_THAT(script.revisions[1].statements, ElementsAre("ALTER TYPE mood ADD VALUE 'x'"));
}

TEST(AlembicScript, ReadsAVersionTableOfAnotherNameAndSchema) {
  const AlembicScript script = split(
      "BEGIN;\n\nCREATE TABLE app.\"Version\" (\n    version_num VARCHAR(32) NOT NULL\n);\n\n"
      "-- Running upgrade  -> a\n\nCREATE TABLE t (id int);\n\n"
      "INSERT INTO app.\"Version\" (version_num) VALUES ('a') RETURNING "
      "app.\"Version\".version_num;\n\nCOMMIT;\n\n");
  EXPECT_EQ(script.version_table->display(), "app.Version");
  EXPECT_THAT(script.revisions.front().statements, SizeIs(1));
}

TEST(AlembicScript, ReadsADowngradeToTheBase) {
  const AlembicScript script = split(
      "BEGIN;\n\n-- Running downgrade m -> a, b\n\n"
      "INSERT INTO alembic_version (version_num) VALUES ('a') RETURNING alembic_version.version_num;\n\n"
      "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'm';\n\n"
      "-- Running downgrade b -> \n\nDROP TABLE t;\n\n"
      "DELETE FROM alembic_version WHERE alembic_version.version_num = 'b';\n\nCOMMIT;\n\n"
      "DROP TABLE alembic_version;\n\n");
  ASSERT_THAT(script.revisions, SizeIs(2));
  EXPECT_TRUE(script.revisions[0].downgrade);
  EXPECT_THAT(script.revisions[0].to, ElementsAre("a", "b"));
  EXPECT_THAT(script.revisions[1].statements, ElementsAre("DROP TABLE t"));
  EXPECT_THAT(apply_version_changes(apply_version_changes({"m"}, script.revisions[0]), script.revisions[1]),
              ElementsAre("a"));
}

constexpr const char* kVersion =
    "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';\n\nCOMMIT;\n\n";

TEST(AlembicScript, GivesBackASemicolonThatACommentSwallowed) {
  const AlembicScript script = split(
      "BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x = 1 -- all of them;\n\nDELETE FROM u -- "
      "too;\n\n" +
      std::string(kVersion));
  EXPECT_THAT(script.revisions.front().statements, ElementsAre("UPDATE t SET x = 1", "DELETE FROM u"));
}

TEST(AlembicScript, KeepsACommentInsideAStatement) {
  const AlembicScript script =
      split("BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x = 1 -- some;\n\nWHERE x = 0;\n\n" +
            std::string(kVersion));
  EXPECT_THAT(script.revisions.front().statements, ElementsAre("UPDATE t SET x = 1 -- some;\n\nWHERE x = 0"));
}

TEST(AlembicScript, RefusesACommentThatCanBeReadBothWays) {
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\nVACUUM -- all;\n\nANALYZE;\n\n" +
                         std::string(kVersion)),
            "alembic-script upgrade.sql:5:8");
}

TEST(AlembicScript, AcceptsCommitsThatRevisionsAddThemselves) {
  const AlembicScript script =
      split("BEGIN;\n\n-- Running upgrade a -> b\n\nCOMMIT;\n\nCREATE INDEX CONCURRENTLY i ON t (x);\n\n" +
            std::string(kVersion));
  EXPECT_THAT(script.revisions.front().statements, SizeIs(1));
}

TEST(AlembicScript, NamesTheLineOfWhatItDoesNotUnderstand) {
  EXPECT_EQ(
      failure_code("BEGIN;\n\nCREATE SCHEMA app;\n\n-- Running upgrade a -> b\n\n" + std::string(kVersion)),
      "alembic-script upgrade.sql:3:1");
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\nROLLBACK;\n\n" + std::string(kVersion)),
            "alembic-script upgrade.sql:5:1");
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\nDROP TABLE t;\n\nCOMMIT;\n\n"),
            "alembic-script upgrade.sql:3:1");
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> c\n\n" + std::string(kVersion)),
            "alembic-script upgrade.sql:3:1");
  EXPECT_EQ(
      failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\n"
                   "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';\n\n"
                   "INSERT INTO audit VALUES (1);\n\nCOMMIT;\n\n"),
      "alembic-script upgrade.sql:7:1");
  EXPECT_EQ(failure_code("Traceback (most recent call last):\n"), "syntax-error upgrade.sql:1:1");
}

TEST(AlembicScript, RefusesParametersWithoutTheirValues) {
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x = :value;\n\n" +
                         std::string(kVersion)),
            "alembic-parameter upgrade.sql:5:18");
  EXPECT_EQ(failure_code("BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x=%(value)s;\n\n" +
                         std::string(kVersion)),
            "alembic-parameter upgrade.sql:5:15");
  EXPECT_THAT(split("BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x = y[lower :upper]::text;\n\n" +
                    std::string(kVersion))
                  .revisions,
              SizeIs(1));
}

TEST(AlembicScript, KnowsPercentSignsOfUnfilledParametersFromOthers) {
  EXPECT_EQ(percent_signs("x"), PercentSigns::none);
  EXPECT_EQ(percent_signs("a LIKE '50%'"), PercentSigns::plain);
  EXPECT_EQ(percent_signs("a LIKE '50%%'"), PercentSigns::unclear);
  EXPECT_EQ(percent_signs("a = %(b)s AND c LIKE '%%'"), PercentSigns::unclear);
  EXPECT_EQ(percent_signs("a %%%(b)s"), PercentSigns::unclear);
}

TEST(AlembicScript, RefusesARowThatIsNotThere) {
  const AlembicScript script = split("BEGIN;\n\n-- Running upgrade a -> b\n\n" + std::string(kVersion));
  EXPECT_THAT(apply_version_changes({"a", "z"}, script.revisions.front()), ElementsAre("b", "z"));
  EXPECT_THROW(apply_version_changes({"z"}, script.revisions.front()), Failure);
}

TEST(AlembicScript, IsEmptyWhereNothingIsPending) {
  EXPECT_THAT(split("BEGIN;\n\nCOMMIT;\n\n").revisions, IsEmpty());
  EXPECT_THAT(split("").revisions, IsEmpty());
}

ExecutedScript executed(const std::vector<std::string>& statements) {
  return script_of_executed(statements, {"public", "alembic_version"});
}

constexpr const char* kRead = "SELECT alembic_version.version_num \nFROM alembic_version";

TEST(ExecutedStatements, BecomeRevisionsWithoutQuestionsAboutTheCatalog) {
  const ExecutedScript read = executed(
      {"select pg_catalog.version()", "SET client_encoding TO 'UTF8'", kRead,
       "SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relname = 't'", "ALTER TABLE t ADD COLUMN x int",
       "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a'",
       "SET default_transaction_isolation TO DEFAULT",
       "UPDATE alembic_version SET version_num='c' WHERE alembic_version.version_num = 'b'"});
  ASSERT_THAT(names_of(read.script), ElementsAre("b", "c"));
  EXPECT_THAT(read.script.revisions[0].statements, ElementsAre("ALTER TABLE t ADD COLUMN x int"));
  EXPECT_THAT(read.script.revisions[1].statements, IsEmpty());
  EXPECT_TRUE(read.queries.empty());
}

TEST(ExecutedStatements, NameTheQueriesOfUserTables) {
  const ExecutedScript read =
      executed({kRead, "SELECT id FROM t", "UPDATE t SET x = 1 RETURNING id", "SELECT setval('t_id_seq', 10)",
                "INSERT INTO t VALUES (1) RETURNING id", "SELECT nextval('t_id_seq')",
                "WITH names AS (SELECT relname FROM pg_catalog.pg_class) SELECT * FROM names",
                "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a'"});
  EXPECT_THAT(read.queries.at("b"),
              ElementsAre("SELECT id FROM t", "UPDATE t SET x = 1 RETURNING id",
                          "INSERT INTO t VALUES (1) RETURNING id", "SELECT nextval('t_id_seq')"));
  EXPECT_THAT(
      read.script.revisions.front().statements,
      ElementsAre("SELECT id FROM t", "UPDATE t SET x = 1 RETURNING id", "SELECT setval('t_id_seq', 10)",
                  "INSERT INTO t VALUES (1) RETURNING id", "SELECT nextval('t_id_seq')"));
}

TEST(ExecutedStatements, RefuseAnEnvironmentThatChangesWhereNamesAre) {
  EXPECT_THROW(executed({"SET search_path TO tenant", kRead}), Failure);
  EXPECT_THROW(executed({"CREATE SCHEMA tenant", kRead}), Failure);
  EXPECT_THROW(executed({kRead, "DROP TABLE t"}), Failure);
}

}  // namespace
}  // namespace crossfade::migrations
