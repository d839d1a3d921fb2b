// Files of dbmate and goose as they are: what is understood means the same as with the tool itself, and what
// is not is refused.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/revision_directory.h"
#include "migrations/statement.h"

namespace crossfade::migrations {
namespace {

using Names = std::vector<std::string>;

MigrationFile parse(std::string_view text) {
  return parse_migration_text("00001_a", "m/00001_a.sql", text);
}

template <typename Action>
Problem refusal_of(Action action) {
  try {
    action();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    EXPECT_FALSE(failure.problem().next.empty());
    return failure.problem();
  }
  ADD_FAILURE() << "not refused";
  return {};
}

Problem refusal(std::string_view text) {
  SCOPED_TRACE(text);
  return refusal_of([&] { parse(text); });
}

/// Each statement with its line in the file.
Names statements(const std::string& sql, int first_line) {
  Names out;
  for (const Statement& statement : parse_statements(sql, "m/00001_a.sql", first_line))
    out.push_back(std::to_string(statement.line) + ": " + statement.text);
  return out;
}
Names up_of(const MigrationFile& file) {
  return statements(file.up_sql, file.up_first_line);
}
Names down_statements_of(const MigrationFile& file) {
  return statements(file.down_sql, file.down_first_line);
}

TEST(DbmateFile, MayHaveSeveralPairsOfBlocks) {
  const MigrationFile file = parse(
      "-- migrate:up transaction:false\nSELECT 1;\n-- migrate:down\nSELECT -1;\n"
      "\n-- migrate:up\nSELECT 2;\nSELECT 3\n-- migrate:down transaction:false\nSELECT -2\n");
  EXPECT_EQ(file.style, MarkerStyle::dbmate);
  EXPECT_EQ(up_of(file), (Names{"2: SELECT 1", "7: SELECT 2", "8: SELECT 3"}));
  EXPECT_EQ(down_statements_of(file), (Names{"4: SELECT -1", "10: SELECT -2"}))
      << "in the order of the file, as dbmate does";
  EXPECT_FALSE(file.up_in_transaction);
  EXPECT_FALSE(file.down_in_transaction);
}

TEST(DbmateFile, EndsAStatementWithItsBlock) {
  const MigrationFile file =
      parse("-- migrate:up\nSELECT 1\n-- migrate:down\n-- migrate:up\n  , 2;\n-- migrate:down\n");
  EXPECT_EQ(refusal_of([&] { up_of(file); }).code, "syntax-error");
}

TEST(DbmateFile, IsRefusedWhereItsBlocksAreNotPairs) {
  for (const std::string_view text :
       {"-- migrate:down\n-- migrate:up\n", "-- migrate:up\n-- migrate:up\n-- migrate:down\n",
        "-- migrate:up\n-- migrate:down\n-- migrate:down\n"}) {
    EXPECT_EQ(refusal(text).code, "malformed-marker");
  }
  EXPECT_EQ(parse("-- migrate:up\n-- migrate:down\n-- migrate:up\nSELECT 1;").up_first_line, 2);
}

TEST(DbmateFile, TellsDirectivesOfUpAndDownApartInEveryBlock) {
  const MigrationFile file = parse(
      "-- migrate:up\n-- crossfade:allow a why\n-- migrate:down\n-- crossfade:allow b why\n"
      "-- migrate:up\n-- crossfade:allow c why\n-- migrate:down\n-- crossfade:allow d why\n");
  ASSERT_EQ(file.directives.size(), 4U);
  EXPECT_FALSE(file.directives[0].in_down);
  EXPECT_TRUE(file.directives[1].in_down);
  EXPECT_FALSE(file.directives[2].in_down);
  EXPECT_TRUE(file.directives[3].in_down);
}

TEST(GooseFile, IsReadWithItsStatementsOnTheirLines) {
  const MigrationFile file = parse(
      "-- why\n\n-- +goose Up\nCREATE TABLE a (id int);\n"
      "-- +goose StatementBegin\nCREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$\n"
      "-- +goose StatementEnd\n"
      "CREATE TABLE b (id int);\n\n-- +goose Down\n-- +goose StatementBegin\nDROP TABLE b\n"
      "-- +goose StatementEnd\nDROP TABLE a;\n");
  EXPECT_EQ(file.style, MarkerStyle::goose);
  EXPECT_TRUE(file.up_in_transaction);
  EXPECT_EQ(up_of(file), (Names{"4: CREATE TABLE a (id int)",
                                "6: CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$",
                                "8: CREATE TABLE b (id int)"}));
  EXPECT_EQ(down_statements_of(file), (Names{"12: DROP TABLE b", "14: DROP TABLE a"}));
}

TEST(GooseFile, IsReadWithoutRegardToCapitals) {
  const MigrationFile file =
      parse("-- +goose no transaction\r\n--+goose UP\r\nSELECT 1;\r\n--  +goose  down  \r\nSELECT 2;\r\n");
  EXPECT_FALSE(file.up_in_transaction);
  EXPECT_FALSE(file.down_in_transaction);
  EXPECT_EQ(up_of(file), Names{"3: SELECT 1"});
  EXPECT_EQ(down_statements_of(file), Names{"5: SELECT 2"});
  EXPECT_FALSE(parse("-- +goose Up\nSELECT 1;\n-- +goose NO TRANSACTION\n").up_in_transaction);
  EXPECT_FALSE(parse("-- +goose Up\n-- +goose ENVSUB OFF\nSELECT 1;\n").has_down);
}

TEST(GooseFile, MayHoldCrossfadesDirectives) {
  const MigrationFile file = parse(
      "-- +goose Up\n-- crossfade:labels billing\nSELECT 1;\n-- +goose Down\n-- crossfade:opaque why\n");
  EXPECT_EQ(file.labels, Names{"billing"});
  EXPECT_TRUE(file.directives.at(0).in_down);
}

TEST(GooseFile, IsRefusedWhereGooseRefusesIt) {
  for (const std::string_view text :
       {"-- +goose Down\nSELECT 1;", "-- +goose Up\n-- +goose Up\n", "-- +goose NO TRANSACTION\nSELECT 1;",
        "-- +goose Up\n-- +goose Down\n-- +goose Down\n", "-- +goose StatementBegin\n-- +goose Up\n",
        "-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n", "-- +goose Up\n-- +goose StatementEnd\n",
        "-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementBegin\n",
        "-- +goose Up\n-- +goose StatementBegin\n-- +goose Down\n", "-- +goose Up\n-- +goose Sideways\n",
        "-- +goose\n", "  -- +goose Up\nSELECT 1;", "-- +goose Up and away\n", "-- +Goose Up\n",
        "-- +goose Up\n-- see the +goose manual\n", "-- +goose ENVSUBST ON\n-- +goose Up\n"}) {
    EXPECT_EQ(refusal(text).code, "malformed-marker");
  }
  EXPECT_EQ(refusal("SELECT 1;\n-- +goose Up\n").code, "sql-outside-sections");
}

TEST(GooseFile, IsRefusedWhereGooseWouldSeeOtherAnnotations) {
  for (const std::string_view text :
       {"-- +goose Up\nSELECT '\n-- +goose Down\n';\n", "-- +goose Up\n/*\n-- +goose Down\n*/\nSELECT 1;\n",
        "-- +goose Up\nDO $$\n-- +goose StatementEnd\n$$;\n", "/* +goose Up */\nSELECT 1;\n",
        "-- +goose Up\nSELECT 1; -- +goose Down\nSELECT 2;\n"}) {
    EXPECT_EQ(refusal(text).code, "malformed-marker");
  }
}

TEST(GooseFile, IsRefusedWhereTheEnvironmentMakesItsSql) {
  const Problem problem = refusal("-- +goose Up\n-- +goose ENVSUB ON\nSELECT '${REGION}';\n");
  EXPECT_EQ(problem.code, "foreign-format");
  EXPECT_EQ(problem.object, "m/00001_a.sql:2:1");
}

TEST(GooseFile, DoesNotMixWithMarkersOfDbmate) {
  EXPECT_EQ(refusal("-- +goose Up\n-- migrate:up\nSELECT 1;\n").code, "foreign-format");
}

class ForeignFolder : public testing::Test {
 protected:
  ForeignFolder()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("crossfade_foreign_" +
                 std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~ForeignFolder() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  Names order() const {
    Names out;
    const RevisionDirectory directory = load_directory(folder_);
    for (const MigrationFile& file : directory.in_order()) out.push_back(file.revision);
    return out;
  }
  const std::filesystem::path& folder() const { return folder_; }
  Problem refused() const {
    return refusal_of([this] { load_directory(folder_); });
  }

 private:
  std::filesystem::path folder_;
};

constexpr std::string_view kGoose = "-- +goose Up\nSELECT 1;\n";
constexpr std::string_view kDbmate = "-- migrate:up\nSELECT 1;\n-- migrate:down\n";

TEST_F(ForeignFolder, OfDbmateIsReadAsItIs) {
  write("20240101120000_b.sql", kDbmate);
  write("20230101120000_c.sql", kDbmate);
  EXPECT_EQ(order(), (Names{"20230101120000_c", "20240101120000_b"}));
}

TEST_F(ForeignFolder, OfGooseIsReadWhereNumbersAndNamesHaveOneOrder) {
  write("00009_a.sql", kGoose);
  write("00010_b.sql", kGoose);
  write("20240101120000_c.sql", kGoose);
  EXPECT_EQ(order(), (Names{"00009_a", "00010_b", "20240101120000_c"}));
  write("20250101_0900_ours.sql", "SELECT 1;");
  EXPECT_EQ(order().back(), "20250101_0900_ours");
}

TEST_F(ForeignFolder, OfGooseIsRefusedWhereTheOrdersDiffer) {
  write("9_a.sql", kGoose);
  write("10_b.sql", kGoose);
  const Problem problem = refused();
  EXPECT_EQ(problem.code, "foreign-format");
  EXPECT_NE(problem.next.find("leading zeros"), std::string::npos);
}

TEST_F(ForeignFolder, OfGooseIsRefusedWithTwoFilesOfOneNumberOrNone) {
  write("01_a.sql", kGoose);
  write("1_b.sql", kGoose);
  EXPECT_EQ(refused().code, "foreign-format");
  write("1_b.sql", "SELECT 1;");
  EXPECT_EQ(order().size(), 2U);
  write("extra.sql", kGoose);
  EXPECT_EQ(refused().code, "foreign-format");
}

TEST_F(ForeignFolder, OfGooseIsRefusedWithMigrationsInGo) {
  write("1_a.sql", kGoose);
  write("embed.go", "package migrations");
  write("00002_b_test.go", "package migrations");
  EXPECT_EQ(order(), Names{"1_a"});
  write("00002_b.go", "package migrations");
  EXPECT_NE(refused().object.find("00002_b.go"), std::string::npos);
}

TEST_F(ForeignFolder, IsRefusedWhereUpAndDownStandInFilesOfTheirOwn) {
  for (const auto& [one, other] :
       std::vector<std::pair<std::string, std::string>>{{"001.do.x.sql", "001.undo.x.sql"},
                                                        {"1_x-up.sql", "1_x-down.sql"},
                                                        {"1_x.sql", "1_x_down.sql"},
                                                        {"1_x.sql", "1_x_rollback.sql"},
                                                        {"1_x_up.sql", "1_x_down.sql"},
                                                        {"B1__x.sql", "2_y.sql"}}) {
    write(one, "SELECT 1;");
    write(other, "SELECT 1;");
    EXPECT_EQ(refused().code, "foreign-format") << one;
    std::filesystem::remove(folder() / one);
    std::filesystem::remove(folder() / other);
  }
  write("1_scale_down.sql", "SELECT 1;");
  EXPECT_EQ(order(), Names{"1_scale_down"});
}

TEST_F(ForeignFolder, IsRefusedWithAnotherToolsMigrations) {
  write("1_a.sql", "SELECT 1;");
  write("conftest.py", "");
  EXPECT_EQ(order(), Names{"1_a"});
  for (const std::string name : {"20200102_y.rb", "0002_y.py", "db.changelog-master.yaml"}) {
    write(name, "");
    EXPECT_NE(refused().object.find(name), std::string::npos);
    std::filesystem::remove(folder() / name);
  }
}

TEST_F(ForeignFolder, IsRefusedWithAFileThatItsToolPassesOver) {
  write("20240101120000_b.sql", kDbmate);
  write("seed.sql", "INSERT INTO a VALUES (1);");
  EXPECT_NE(refused().object.find("seed.sql"), std::string::npos);
  write("seed.sql", kDbmate);
  EXPECT_EQ(order().size(), 2U);
}

}  // namespace
}  // namespace crossfade::migrations
