// Names that PostgreSQL chooses where the statement gives none: crossfade's way must end at the same ones.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

const std::string kLong = "a_table_whose_name_takes_nearly_all_of_the_sixty_three_bytes";

class ChosenNames : public OneRevision {
 protected:
  void expect_as_plain(const std::string& before, const std::string& sql) {
    product_.as("keeper", before);
    const Answer answer = up(sql);
    ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    Product plain;
    plain.as("keeper", before);
    plain.as("keeper", sql);
    EXPECT_EQ(product_.schema(), plain.schema());
  }
};

TEST_F(ChosenNames, ForeignKeysAreCutAndCountedAsTheServerDoes) {
  expect_as_plain(
      "CREATE TABLE owners (id integer PRIMARY KEY);"
      "CREATE TABLE " +
          kLong +
          " (id integer PRIMARY KEY, the_owner_of_this_row_in_the_other_table integer);"
          "CREATE TABLE short (a integer);"
          "CREATE TABLE taken (a integer, CONSTRAINT short_a_fkey CHECK (a > 0))",
      "ALTER TABLE " + kLong +
          " ADD FOREIGN KEY (the_owner_of_this_row_in_the_other_table) REFERENCES owners;\n"
          "ALTER TABLE short ADD FOREIGN KEY (a) REFERENCES owners;\n"
          "ALTER TABLE short ADD COLUMN b integer CHECK (b > 0) UNIQUE REFERENCES owners (id) DEFERRABLE;\n"
          "ALTER TABLE short ADD COLUMN c integer NOT NULL DEFAULT 1 CHECK (c > 0), ADD COLUMN d integer "
          "UNIQUE;\n");
}

TEST_F(ChosenNames, IndexesOfPartitionsAreCutAndCountedAsTheServerDoes) {
  expect_as_plain(
      "CREATE TABLE parts (the_first_column_of_the_partitioned_table integer) PARTITION BY RANGE "
      "(the_first_column_of_the_partitioned_table);"
      "CREATE TABLE " +
          kLong +
          " PARTITION OF parts FOR VALUES FROM (0) TO (10);"
          "CREATE TABLE next PARTITION OF parts FOR VALUES FROM (10) TO (20);"
          "CREATE TABLE next_the_first_column_of_the_partitioned_table_idx (a integer)",
      "CREATE INDEX ON parts (the_first_column_of_the_partitioned_table);\n"
      "ALTER TABLE parts ADD UNIQUE (the_first_column_of_the_partitioned_table);\n"
      "ALTER TABLE parts ADD PRIMARY KEY (the_first_column_of_the_partitioned_table);\n");
}

TEST_F(ChosenNames, IndexesOverExpressionsAreCalledByTheirFunctions) {
  expect_as_plain(
      "CREATE TABLE parts (id integer, v text, w text) PARTITION BY RANGE (id);"
      "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
      "CREATE TABLE plain (id integer, v text); CREATE TABLE plain_lower_expr_idx (a integer)",
      "CREATE INDEX ON parts (lower(v), (v || w), (w || v)) INCLUDE (id);\n"
      "CREATE INDEX ON plain (lower(v), (v || v));\n");
}

}  // namespace
}  // namespace crossfade::tests
