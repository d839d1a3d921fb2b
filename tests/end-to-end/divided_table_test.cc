// A plain table that becomes partitioned: what the directive may say, what stands in the way, which
// partitions there are.
#include <gmock/gmock.h>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DividedTable : public ::testing::Test {
 protected:
  DividedTable() {
    product_.as(
        "keeper",
        "CREATE TABLE things (id integer PRIMARY KEY, n integer, at date NOT NULL DEFAULT '2026-02-03', kind "
        "text); INSERT INTO things SELECT i, i * 10, date '2026-01-30' + i, 'k' || i % 3 FROM "
        "generate_series(1, 50) i");
  }

  Finished up(const std::string& migration) {
    product_.write("0001_change.sql", migration);
    return product_.run({"up", "--contract"}, "keeper");
  }

  void expect_refusal(const std::string& migration, int exit_code, const std::string& words) {
    const Finished finished = up(migration);
    EXPECT_EQ(finished.exit_code, exit_code) << migration << describe(finished);
    EXPECT_THAT(describe(finished), HasSubstr(words)) << migration;
    EXPECT_EQ(product_.database().scalar("SELECT relkind FROM pg_class WHERE oid = 'things'::regclass"), "r");
  }

  std::vector<std::string> partitions() {
    return product_.database().column(
        "SELECT inhrelid::regclass || ' ' || (SELECT count(*) FROM things t WHERE t.tableoid = inhrelid) "
        "FROM "
        "pg_inherits WHERE inhparent = 'things'::regclass ORDER BY 1");
  }

  Product product_;
};

TEST_F(DividedTable, RefusesADirectiveThatSaysTooLittleBeforeItLooks) {
  for (const char* directive :
       {"by range (n)", "by range (n, id) interval '5'", "by hash (id)", "by hash (id) partitions 1",
        "by list (kind) values ()", "by range (n) interval '5' behind 3", "things range (n) interval '5'"})
    expect_refusal(std::string("-- crossfade:rewrite things\n-- crossfade:partition ") + directive + "\n", 2,
                   "crossfade:partition");
}

TEST_F(DividedTable, RefusesWhatDoesNotFitTheTable) {
  expect_refusal("-- crossfade:partition things by range (gone) interval '5'\n", 5, "no column gone");
  expect_refusal("-- crossfade:partition nothing by range (n) interval '5'\n", 5, "no table nothing");
  expect_refusal("-- crossfade:partition by range (n) interval '5'\n", 5, "names no table");
  expect_refusal("-- crossfade:partition things by range (n) interval '1 month'\n", 5, "whole number");
  expect_refusal("-- crossfade:partition things by range (at) interval '1 month 3 days'\n", 5,
                 "number of months");
  expect_refusal("-- crossfade:partition things by range (kind) interval '5'\n", 5, "does not divide");
  expect_refusal("-- crossfade:partition things by range (id) interval '5' to '1000000'\n", 5,
                 "more than 1000");
}

TEST_F(DividedTable, RefusesAKeyThatRefersToIt) {
  product_.as("keeper", "CREATE TABLE parts (id integer PRIMARY KEY, thing integer REFERENCES things)");
  expect_refusal("-- crossfade:partition things by range (at) interval '1 month'\n", 5,
                 "nothing unique is left");
  // Divided by the very column that is referred to, its key stays what it is.
  const Finished finished = up("-- crossfade:partition things by hash (id) partitions 2\n");
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(
      product_.database().scalar("SELECT convalidated FROM pg_constraint WHERE conname = 'parts_thing_fkey'"),
      "t");
}

TEST_F(DividedTable, NamesTheRowThatNoPartitionTakes) {
  expect_refusal("-- crossfade:partition things by list (kind) values ('k0'), ('k1') no default\n", 5,
                 "the row with id = 2");
}

TEST_F(DividedTable, GetsPartitionsForWhatItHoldsAndAhead) {
  const Finished finished = up("-- crossfade:partition things by range (n) interval '200' ahead 1\n");
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THAT(partitions(), ElementsAre("things_0 19", "things_200 20", "things_400 11", "things_600 0",
                                        "things_default 0"));
  product_.as("keeper", "INSERT INTO things (id, n) VALUES (1000, 5000), (1001, 650)");
  EXPECT_EQ(
      product_.database().scalar("SELECT string_agg(tableoid::regclass::text, ' ' ORDER BY id) FROM things "
                                 "WHERE id >= 1000"),
      "things_default things_600");
}

TEST_F(DividedTable, FollowsATypeThatChangesInTheSameFile) {
  const Finished finished =
      up("-- crossfade:partition by range (n) interval '300' ahead 1 no default\nALTER TABLE things ALTER "
         "COLUMN n "
         "TYPE bigint;\nALTER TABLE things RENAME COLUMN kind TO sort;\n");
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THAT(partitions(), ElementsAre("things_0 29", "things_300 21", "things_600 0"));
  EXPECT_EQ(product_.database().scalar("SELECT count(DISTINCT sort) FROM things"), "3");
}

TEST_F(DividedTable, IsDividedWhereTheFilesStatementsNeedNoNewTable) {
  product_.as("keeper",
              "CREATE TABLE kinds (id text PRIMARY KEY); INSERT INTO kinds VALUES ('k0'), ('k1'), ('k2')");
  const Finished finished =
      up("-- crossfade:partition by hash (id) partitions 2\nALTER TABLE things ADD CONSTRAINT sorted FOREIGN "
         "KEY (kind) "
         "REFERENCES kinds;\n");
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(partitions().size(), 2U);
  EXPECT_EQ(product_.database().scalar("SELECT convalidated FROM pg_constraint WHERE conrelid = "
                                       "'things'::regclass AND conname = 'sorted'"),
            "t");
}

TEST_F(DividedTable, IsFollowedByTheRestOfItsFileAfterAKill) {
  product_.as("keeper", "CREATE TABLE other (id integer PRIMARY KEY, n integer)");
  product_.write(
      "0001_change.sql",
      "-- crossfade:partition things by hash (id) partitions 2\nALTER TABLE things ALTER COLUMN n TYPE "
      "bigint;\nCREATE INDEX by_n ON other (n);\n");
  Command command = product_.command({"up", "--contract"}, "keeper");
  command.environment["CROSSFADE_FAULT"] = "build.settings:before:kill";
  const Finished killed = run(command);
  EXPECT_TRUE(killed.signal) << describe(killed);
  EXPECT_EQ(partitions().size(), 2U);
  const Finished again = product_.run({"up", "--contract"}, "keeper");
  ASSERT_EQ(again.exit_code, 0) << describe(again);
  EXPECT_EQ(product_.database().scalar("SELECT to_regclass('by_n') IS NOT NULL"), "t");
}

TEST_F(DividedTable, IsNotDividedTwice) {
  ASSERT_EQ(up("-- crossfade:partition things by hash (id) partitions 2\n").exit_code, 0);
  product_.write("0002_again.sql", "-- crossfade:partition things by hash (id) partitions 4\n");
  const Finished finished = product_.run({"up"}, "keeper");
  EXPECT_EQ(finished.exit_code, 5) << describe(finished);
  EXPECT_THAT(describe(finished), HasSubstr("partitioned already"));
}

TEST_F(DividedTable, KeepsItsForeignKeysTogether) {
  product_.as("keeper",
              "CREATE TABLE kinds (id text PRIMARY KEY); INSERT INTO kinds VALUES ('k0'), ('k1'), ('k2'); "
              "ALTER TABLE "
              "things ADD FOREIGN KEY (kind) REFERENCES kinds");
  ASSERT_EQ(up("-- crossfade:partition things by range (n) interval '300'\n").exit_code, 0);
  product_.write("0002_one.sql", "-- crossfade:rewrite things_0\n");
  const Finished finished = product_.run({"up"}, "keeper");
  EXPECT_EQ(finished.exit_code, 5) << describe(finished);
  EXPECT_THAT(describe(finished), HasSubstr("things_kind_fkey from public.things"));
}

}  // namespace
}  // namespace crossfade::tests
