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
