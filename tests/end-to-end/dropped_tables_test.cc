// DROP TABLE of several tables that refer to one another.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::IsEmpty;

constexpr const char* kFamily =
    "CREATE TABLE towns (id integer PRIMARY KEY); INSERT INTO towns VALUES (1);"
    "CREATE TABLE parents (id integer PRIMARY KEY, town integer REFERENCES towns); INSERT INTO parents "
    "VALUES "
    "(1, 1);"
    "CREATE TABLE children (id integer PRIMARY KEY, parent integer REFERENCES parents, town integer "
    "REFERENCES "
    "towns); INSERT INTO children VALUES (1, 1, 1)";

using DroppedTables = OneRevision;

TEST_F(DroppedTables, TablesThatReferToOneAnotherGoAndComeBackTogether) {
  product_.as("keeper", kFamily);
  const std::string before = product_.schema();
  const Answer answer = up("DROP TABLE towns, parents, children;\n", {"--approve"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
  const Answer reverted = product_.ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  product_.as("keeper",
              "ALTER TABLE parents VALIDATE CONSTRAINT parents_town_fkey;"
              "ALTER TABLE children VALIDATE CONSTRAINT children_parent_fkey;"
              "ALTER TABLE children VALIDATE CONSTRAINT children_town_fkey");
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(
      scalar("SELECT count(*) FROM children JOIN parents ON parents.id = parent JOIN towns ON towns.id = "
             "children.town"),
      "1");
  ASSERT_EQ(product_.ask({"up", "--approve", "--contract"}).exit_code(), 0);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(DroppedTables, APartGoesBeforeTheWholeAndComesBackAfterIt) {
  product_.as(
      "keeper",
      "CREATE TABLE parts (id integer) PARTITION BY RANGE (id);"
      "CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1);"
      "CREATE TABLE base (id integer); CREATE TABLE derived (id integer) INHERITS (base); INSERT INTO "
      "derived VALUES "
      "(2)");
  const std::string before = product_.schema();
  const Answer answer = up("DROP TABLE parts, part;\nDROP TABLE base, derived;\n", {"--approve"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
  const Answer reverted = product_.ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(scalar("SELECT (SELECT sum(id) FROM parts) + (SELECT sum(id) FROM base)"), "3");
}

TEST_F(DroppedTables, PartitionsGoWithTheirTableAndForeignKeysComeBack) {
  product_.as(
      "keeper",
      "CREATE TABLE owners (id integer PRIMARY KEY); INSERT INTO owners VALUES (1);"
      "CREATE TABLE parts (id integer PRIMARY KEY, owner integer REFERENCES owners) PARTITION BY RANGE (id);"
      "CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10); INSERT INTO parts VALUES (1, 1);"
      "CREATE TABLE lines (id integer PRIMARY KEY, part integer REFERENCES parts); INSERT INTO lines VALUES "
      "(1, 1)");
  const std::string before = product_.schema();
  ASSERT_EQ(up("DROP TABLE part;\n", {"--approve"}).exit_code(), 5) << "lines refer to it";
  ASSERT_EQ(up("DROP TABLE lines, parts, owners;\n", {"--approve"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
  const Answer reverted = product_.ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(
      scalar(
          "SELECT sum(lines.id) FROM lines JOIN parts ON parts.id = part JOIN owners ON owners.id = owner"),
      "1");
  product_.as("keeper", "ALTER TABLE lines DROP CONSTRAINT lines_part_fkey");
  product_.write("0001_change.sql", "DROP TABLE part;\n");
  ASSERT_EQ(product_.ask({"up", "--approve"}).exit_code(), 0);
  const Answer part = product_.ask({"revert"});
  ASSERT_EQ(part.exit_code(), 0) << describe(part.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM parts"), "1");
}

TEST_F(DroppedTables, WhatStaysIsStillInTheWay) {
  product_.as("keeper", kFamily);
  EXPECT_EQ(up("DROP TABLE towns, parents;\n", {"--approve"}).error_code(), "has-dependents");
}

TEST_F(DroppedTables, ACircleOfKeysIsRefused) {
  product_.as("keeper", kFamily);
  product_.as("keeper", "ALTER TABLE towns ADD COLUMN mayor integer REFERENCES parents");
  EXPECT_EQ(up("DROP TABLE children, towns, parents;\n", {"--approve"}).error_code(), "has-dependents");
}

}  // namespace
}  // namespace crossfade::tests
