#include "migrations/migration_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/fingerprint.h"
#include "migrations/statement.h"

namespace crossfade::migrations {
namespace {

using Names = std::vector<std::string>;

MigrationFile parse(std::string_view text) {
  return parse_migration_text("0002_b", "m/0002_b.sql", text);
}

Problem refusal(std::string_view text) {
  try {
    parse(text);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    EXPECT_FALSE(failure.problem().next.empty());
    return failure.problem();
  }
  ADD_FAILURE() << "not refused: " << text;
  return {};
}

TEST(MigrationFile, WithoutMarkersIsAllUp) {
  const MigrationFile file = parse("SELECT 1;\n");
  EXPECT_EQ(file.revision, "0002_b");
  EXPECT_EQ(file.up_sql, "SELECT 1;\n");
  EXPECT_EQ(file.up_first_line, 1);
  EXPECT_FALSE(file.has_down);
  EXPECT_FALSE(file.revises_given);
  EXPECT_EQ(file.fingerprint, fingerprint("SELECT 1;\n"));
}

TEST(MigrationFile, SplitsItsSectionsAtTheMarkers) {
  const MigrationFile file = parse("-- a comment\n-- migrate:up\nSELECT 1;\n\n-- migrate:down\nSELECT 2;\n");
  EXPECT_EQ(file.up_sql, "SELECT 1;\n\n");
  EXPECT_EQ(file.up_first_line, 3);
  EXPECT_EQ(file.down_sql, "SELECT 2;\n");
  EXPECT_EQ(file.down_first_line, 6);
  EXPECT_TRUE(file.has_down);
}

TEST(MigrationFile, ReadsTheTransactionOptionOfEachSection) {
  const MigrationFile file = parse("--migrate:up transaction:false\n--  migrate:down   transaction:true \n");
  EXPECT_FALSE(file.up_in_transaction);
  EXPECT_TRUE(file.down_in_transaction);
}

TEST(MigrationFile, MayHaveAnEmptyUpSection) {
  const MigrationFile file = parse("-- migrate:up\n-- migrate:down\nSELECT 2;");
  EXPECT_EQ(file.up_sql, "");
  EXPECT_TRUE(parse_statements(file.up_sql, file.path, file.up_first_line).empty());
  EXPECT_EQ(file.down_sql, "SELECT 2;");
  EXPECT_EQ(parse("-- migrate:up").up_sql, "");
  EXPECT_EQ(parse("").up_sql, "");
}

TEST(MigrationFile, ReadsCarriageReturnsAndAByteOrderMark) {
  const MigrationFile file = parse(
      "\xEF\xBB\xBF-- migrate:up\r\n-- crossfade:labels a\r\nSELECT 1;\r\n-- migrate:down\r\nSELECT 2;\r\n");
  EXPECT_EQ(file.labels, Names{"a"});
  EXPECT_EQ(file.down_sql, "SELECT 2;\r\n");
  EXPECT_EQ(file.down_first_line, 5);
  EXPECT_EQ(parse_statements(file.down_sql, file.path, file.down_first_line).at(0).line, 5);
}

TEST(MigrationFile, FindsNoMarkersOrDirectivesInLiteralsAndBlockComments) {
  const MigrationFile file = parse(
      "-- migrate:up\n"
      "INSERT INTO notes VALUES ('\n-- migrate:down\n-- crossfade:nonsense\n');\n"
      "DO $body$\n-- migrate:down\n-- crossfade:nonsense\n-- +goose Up\n$body$;\n"
      "/*\n-- migrate:down\n-- crossfade:nonsense\n*/\n");
  EXPECT_FALSE(file.has_down);
  EXPECT_EQ(parse_statements(file.up_sql, file.path, 2).size(), 2U);
}

TEST(MigrationFile, ReadsTheGraphDirectives) {
  const MigrationFile file = parse(
      "-- crossfade:revises 0001_a,  0001_b with blanks\n-- crossfade:depends-on x\n"
      "SELECT 1; --crossfade:depends-on y, z\n-- crossfade:labels one, two\n");
  EXPECT_TRUE(file.revises_given);
  EXPECT_EQ(file.revises, (Names{"0001_a", "0001_b with blanks"}));
  EXPECT_EQ(file.depends_on, (Names{"x", "y", "z"}));
  EXPECT_EQ(file.labels, (Names{"one", "two"}));
  EXPECT_EQ(file.depends_on_line, 2);
}

TEST(MigrationFile, RevisingBaseMeansNoParent) {
  const MigrationFile file = parse("-- crossfade:revises base\n");
  EXPECT_TRUE(file.revises_given);
  EXPECT_TRUE(file.revises.empty());
  EXPECT_EQ(refusal("-- crossfade:revises base, a\n").code, "malformed-directive");
}

TEST(MigrationFile, ReadsColumnExpressions) {
  const MigrationFile file = parse(
      "-- crossfade:backfill region = coalesce(country, 'a = b, c')\n"
      "-- crossfade:backfill Public.\"My Table\".\"Größe\"=CASE WHEN a = 1 THEN 2 ELSE 3 END\n"
      "-- crossfade:down orders.id = id::integer\n");
  ASSERT_EQ(file.backfills.size(), 2U);
  EXPECT_EQ(file.backfills[0].table, std::nullopt);
  EXPECT_EQ(file.backfills[0].column, "region");
  EXPECT_EQ(file.backfills[0].expression, "coalesce(country, 'a = b, c')");
  EXPECT_EQ(file.backfills[1].table, (TableReference{"public", "My Table"}));
  EXPECT_EQ(file.backfills[1].column, "Größe");
  EXPECT_EQ(file.backfills[1].expression, "CASE WHEN a = 1 THEN 2 ELSE 3 END");
  ASSERT_EQ(file.downs.size(), 1U);
  EXPECT_EQ(file.downs[0].table, (TableReference{std::nullopt, "orders"}));
  EXPECT_EQ(file.downs[0].line, 3);
}

TEST(MigrationFile, RefusesWhatIsNotOneExpression) {
  for (const std::string_view value : {"", "1, 2", "1; DROP TABLE t", "1) , (2", "a /* why */", "a -- why",
                                       "SELECT 1", "table t", "a AS b", "a +"}) {
    EXPECT_EQ(refusal("-- crossfade:backfill c = " + std::string(value)).code, "malformed-expression")
        << value;
  }
  for (const std::string_view directive : {"backfill", "backfill c", "backfill = 1", "down a.b.c.d = 1",
                                           "backfill c d = 1", "backfill \"\" = 1", "backfill c = 'open"}) {
    const Problem problem = refusal("\n-- crossfade:" + std::string(directive));
    EXPECT_EQ(problem.code, "malformed-directive") << directive;
    EXPECT_TRUE(problem.object.starts_with("m/0002_b.sql:2:")) << problem.object;
  }
  EXPECT_EQ(refusal("-- crossfade:backfill c = 1\n-- crossfade:backfill C = 2\n").code,
            "malformed-directive");
}

TEST(MigrationFile, KeepsThePlannersDirectivesWithTheirLinesAndSections) {
  const MigrationFile file = parse(
      "-- migrate:up\n-- crossfade:partition by range (created_at) interval '1 month'\n"
      "-- crossfade:sequence as BIGINT\n"
      "-- crossfade:rewrite public.\"My Table\"\n-- crossfade:allow drop-column nobody reads it\n"
      "-- migrate:down\n-- crossfade:opaque refreshes a cache\n");
  EXPECT_EQ(file.rewrites, Names{"public.\"My Table\""});
  ASSERT_EQ(file.directives.size(), 4U);
  EXPECT_EQ(file.directives[0].argument, "by range (created_at) interval '1 month'");
  EXPECT_EQ(file.directives[1].argument, "as bigint");
  EXPECT_EQ(file.directives[2].argument, "drop-column");
  EXPECT_EQ(file.directives[2].reason, "nobody reads it");
  EXPECT_EQ(file.directives[2].line, 5);
  EXPECT_FALSE(file.directives[2].in_down);
  EXPECT_EQ(file.directives[3].reason, "refreshes a cache");
  EXPECT_TRUE(file.directives[3].in_down);
}

TEST(MigrationFile, RefusesUnknownAndMalformedDirectives) {
  EXPECT_EQ(refusal("SELECT 1; -- crossfade:revise a\n").code, "unknown-directive");
  EXPECT_EQ(refusal("SELECT 1; -- crossfade:revise a\n").object, "m/0002_b.sql:1:11");
  for (const std::string_view directive :
       {"-- crossfade:", "-- crossfade: labels a", "-- Crossfade:labels a", "/* crossfade:labels a */",
        "-- crossfade:labels", "-- crossfade:labels a,,b", "-- crossfade:labels a, a",
        "-- crossfade:sequence as text", "-- crossfade:partition range (a)", "-- crossfade:allow drop-column",
        "-- crossfade:allow", "-- crossfade:opaque", "-- crossfade:rewrite", "-- crossfade:rewrite a b",
        "-- crossfade:rewrite a, b", "-- crossfade:revises a\n-- crossfade:revises b"}) {
    EXPECT_EQ(refusal(directive).code, "malformed-directive") << directive;
  }
}

TEST(MigrationFile, RefusesMarkersThatWouldBePassedOver) {
  for (const std::string_view text :
       {"  -- migrate:up\nSELECT 1;", "SELECT 1; -- migrate:down", "-- migrate:sideways", "-- Migrate:up",
        "-- migrate:up fast:true", "-- migrate:down\nSELECT 1;", "-- migrate:up\n-- migrate:up\n",
        "-- migrate:up\n-- migrate:down\n-- migrate:down\n", "/* migrate:up */"}) {
    EXPECT_EQ(refusal(text).code, "malformed-marker") << text;
  }
  const Problem stray = refusal("-- first\nSELECT 1;\n-- migrate:up\n");
  EXPECT_EQ(stray.code, "sql-outside-sections");
  EXPECT_EQ(stray.object, "m/0002_b.sql:2:1");
}

TEST(MigrationFile, RefusesOtherToolsFormats) {
  for (const std::string_view text : {"--liquibase formatted sql\n--changeset me:1\n",
                                      "-- +migrate Up\n",
                                      "-- Running upgrade a -> b\n",
                                      "-- !Ups\n",
                                      "--- !Downs",
                                      "-- rambler up\n",
                                      "---- create above / drop below ----",
                                      "-- //@UNDO",
                                      "-- Up Migration\n",
                                      "-- down\n",
                                      "SELECT 1;\n--UP",
                                      "-- @down",
                                      "--+up BEGIN",
                                      "-- ==== UP ====",
                                      "-- upgrade --",
                                      "-- step: forward",
                                      "-- migrate up",
                                      "-- migration:up",
                                      "--- migrate:up",
                                      "-- goose Up",
                                      "-- Revert shop:users from pg\n"}) {
    EXPECT_EQ(refusal(text).code, "foreign-format") << text;
  }
}

TEST(MigrationFile, AcceptsCommentsThatOnlySpeakOfUpAndDown) {
  for (const std::string_view text : {"-- up to here nothing is locked\nSELECT 1;", "SELECT 1, -- up\n 2;",
                                      "-- upgrade\nSELECT 1;", "-- migrates up and down\nSELECT 1;"}) {
    EXPECT_NO_THROW(parse_migration_text("0002_b", "m/0002_b.sql", text)) << text;
  }
}

TEST(MigrationFile, RefusesWhatIsNotClosedOrNotText) {
  const Problem open = refusal("SELECT 1;\nSELECT 'ö', 'abc");
  EXPECT_EQ(open.code, "syntax-error");
  EXPECT_EQ(open.object, "m/0002_b.sql:2:13");
  EXPECT_EQ(refusal("SELECT /* ").code, "syntax-error");
  EXPECT_EQ(refusal("SELECT '\xE9'").object, "m/0002_b.sql:1:9");
  EXPECT_EQ(refusal(std::string_view("SELECT 1\0", 9)).code, "not-text");
  EXPECT_EQ(refusal("SELECT '\xED\xA0\x80'").code, "not-text");
}

TEST(MigrationFile, RefusesNamesThatDirectivesCannotReferTo) {
  for (const std::string_view name : {"", "a,b", " a", "base", "heads", "a\nb"}) {
    EXPECT_THROW(parse_migration_text(name, "x.sql", ""), Failure) << name;
  }
}

class MigrationFileOnDisk : public testing::Test {
 protected:
  MigrationFileOnDisk() : folder_(std::filesystem::path(testing::TempDir()) / unique_name()) {
    std::filesystem::create_directories(folder_);
  }
  ~MigrationFileOnDisk() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return folder_ / name;
  }

  static std::string code_of(const std::filesystem::path& path) {
    try {
      parse_migration_file(path);
    } catch (const Failure& failure) {
      return failure.problem().code;
    }
    return "";
  }

 private:
  static std::string unique_name() {
    return "crossfade_migration_file_" +
           std::string(testing::UnitTest::GetInstance()->current_test_info()->name());
  }

  std::filesystem::path folder_;
};

TEST_F(MigrationFileOnDisk, HasItsStemAsItsRevision) {
  const MigrationFile file = parse_migration_file(write("20261120_1015_add.v2.sql", "SELECT 1;\r\n"));
  EXPECT_EQ(file.revision, "20261120_1015_add.v2");
  EXPECT_EQ(file.up_sql, "SELECT 1;\r\n");
}

TEST_F(MigrationFileOnDisk, IsRefusedWhereUpAndDownAreFilesOfTheirOwn) {
  const auto plain = write("1_a.sql", "");
  EXPECT_EQ(code_of(plain), "");
  EXPECT_EQ(code_of(write("1_a.down.sql", "")), "foreign-format");
  EXPECT_EQ(code_of(plain), "foreign-format");
  EXPECT_EQ(code_of(write("2_b.up.sql", "")), "foreign-format");
  EXPECT_EQ(code_of(write("up.sql", "")), "foreign-format");
  EXPECT_EQ(code_of(write("V1.2__c.sql", "")), "foreign-format");
  EXPECT_EQ(code_of(write("V2_c.sql", "")), "");
  EXPECT_EQ(code_of(write("no.sql", "").parent_path() / "missing.sql"), "no-such-file");
}

}  // namespace
}  // namespace crossfade::migrations
