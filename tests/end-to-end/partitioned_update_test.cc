// UPDATE, DELETE and a value for every old row on a partitioned table: batches, partition after partition.
#include <signal.h>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kParts =
    "CREATE TABLE parts (id integer NOT NULL, region text NOT NULL, amount integer NOT NULL DEFAULT 1, "
    "PRIMARY "
    "KEY (id, region)) PARTITION BY LIST (region);"
    "CREATE TABLE parts_north PARTITION OF parts FOR VALUES IN ('north') PARTITION BY RANGE (id);"
    "CREATE TABLE \"Parts north 1\" PARTITION OF parts_north FOR VALUES FROM (1) TO (2000);"
    "CREATE TABLE parts_north_2 PARTITION OF parts_north FOR VALUES FROM (2000) TO (10000);"
    "CREATE TABLE parts_south PARTITION OF parts FOR VALUES IN ('south');"
    "INSERT INTO parts SELECT i, CASE WHEN i % 2 = 0 THEN 'north' ELSE 'south' END, i FROM "
    "generate_series(1, 5000) AS i; ANALYZE parts";

class PartitionedUpdate : public OneRevision {
 protected:
  PartitionedUpdate() { product_.as("keeper", kParts); }

  std::string refusal(const std::string& sql) {
    product_.write("0001_change.sql", sql);
    return product_.ask({"plan"}).text("/refusals/0/code");
  }
};

TEST_F(PartitionedUpdate, EveryPartitionIsChangedInBatchesOfItsOwn) {
  const std::string sql =
      "UPDATE parts SET amount = parts.amount + 1 WHERE parts.id > 100;\n"
      "UPDATE public.parts AS p SET amount = p.amount * 2;\n"
      "DELETE FROM parts WHERE id % 10 = 0;\n";
  product_.write("0001_change.sql", sql);
  const Answer plan = product_.ask({"plan"});
  std::vector<std::string> names;
  for (const auto& step : at(plan.document, "/revisions/0/steps").as_array())
    names.emplace_back(step.at("name").as_string());
  names.resize(4);
  EXPECT_THAT(names, ElementsAre("1. update public.parts_south", "1. update public.Parts north 1",
                                 "1. update public.parts_north_2", "2. update public.parts_south"));
  const Answer answer = up(sql);
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  Product plain;
  plain.as("keeper", kParts);
  plain.as("keeper", sql);
  EXPECT_EQ(product_.rows("parts"), plain.rows("parts"));
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(PartitionedUpdate, AfterAKillEveryRowIsChangedOnce) {
  product_.write("0001_change.sql", "UPDATE parts SET amount = amount + 1;\n");
  for (const char* place : {"batch.advance#2:after:kill", "batch.advance#7:before:kill"}) {
    Command command = product_.command({"up", "--batch-rows", "500"});
    command.environment["CROSSFADE_FAULT"] = place;
    const Finished killed = run(command);
    EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
  }
  const Answer answer = product_.ask({"up"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM parts WHERE amount = id + 1"), "5000");
}

TEST_F(PartitionedUpdate, AVolatileDefaultIsFilledInPartitionByPartition) {
  const std::string sql =
      "ALTER TABLE parts ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();\n"
      "ALTER TABLE parts ADD COLUMN note integer DEFAULT (random() * 5)::integer CHECK (note < 9);\n";
  const Answer answer = up(sql);
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  Product plain;
  plain.as("keeper", kParts);
  plain.as("keeper", sql);
  EXPECT_EQ(product_.schema(), plain.schema());
  EXPECT_EQ(scalar("SELECT count(DISTINCT token) FROM parts WHERE note IS NOT NULL"), "5000");
}

TEST_F(PartitionedUpdate, WhatBatchesWouldGiveAnotherMeaningIsRefused) {
  EXPECT_EQ(refusal("UPDATE parts SET region = 'south' WHERE id = 4;\n"), "batch-moves-rows");
  EXPECT_EQ(refusal("UPDATE parts SET id = id + 1 WHERE region = 'north';\n"), "batch-moves-rows");
  EXPECT_EQ(refusal("UPDATE ONLY parts SET amount = 1;\n"), "batch-relation");
  EXPECT_EQ(refusal("UPDATE parts SET amount = (SELECT max(amount) FROM parts);\n"), "batch-same-table");
  EXPECT_EQ(refusal("UPDATE parts SET amount = (SELECT max(amount) FROM parts_south);\n"),
            "batch-same-table");
  product_.as("keeper",
              "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
              "CREATE TRIGGER noted AFTER UPDATE ON parts EXECUTE FUNCTION noted()");
  EXPECT_EQ(refusal("UPDATE parts SET amount = 1;\n"), "batch-statement-triggers");
}

TEST_F(PartitionedUpdate, WhatAPartitionWouldUnderstandOtherwiseIsRefused) {
  EXPECT_EQ(refusal("UPDATE parts SET amount = DEFAULT;\n"), "batch-default");
  EXPECT_EQ(refusal("UPDATE parts SET amount = 1 WHERE public.parts.id = 1;\n"), "batch-qualified-column");
  product_.as(
      "keeper",
      "CREATE TABLE parts_east (amount integer NOT NULL DEFAULT 1, region text NOT NULL, id integer NOT "
      "NULL); ALTER TABLE parts ATTACH PARTITION parts_east FOR VALUES IN ('east')");
  EXPECT_EQ(refusal("UPDATE parts SET amount = length(parts::text);\n"), "batch-whole-row");
  product_.as("keeper",
              "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
              "CREATE TRIGGER noted AFTER UPDATE ON parts_south EXECUTE FUNCTION noted()");
  EXPECT_EQ(refusal("UPDATE parts SET amount = 1;\n"), "batch-statement-triggers");
  EXPECT_EQ(up("UPDATE parts * SET note = 1;\n").exit_code(), 5);
  EXPECT_EQ(up("DELETE FROM parts * WHERE id = 5;\n").exit_code(), 0);
}

TEST_F(PartitionedUpdate, APartitionThatIsDroppedMeanwhileIsDone) {
  product_.write("0001_change.sql", "UPDATE parts SET amount = amount + 1;\n");
  Command command = product_.command({"up", "--batch-rows", "500"});
  command.environment["CROSSFADE_FAULT"] = "batch.advance#2:after:kill";
  EXPECT_EQ(run(command).signal, SIGKILL);
  product_.as("keeper", "DROP TABLE parts_south, parts_north_2");
  const Answer answer = product_.ask({"up"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM parts WHERE amount <> id + 1"), "0");
}

TEST_F(PartitionedUpdate, PartitionsThatTheFileItselfMakesAreWaitedFor) {
  const std::string sql =
      "CREATE TABLE parts_west PARTITION OF parts FOR VALUES IN ('west');\n"
      "INSERT INTO parts VALUES (9001, 'west', 9001);\n"
      "UPDATE parts SET amount = amount + 1;\n"
      "CREATE INDEX parts_amount ON parts (amount);\n";
  product_.write("0001_change.sql", sql);
  EXPECT_EQ(product_.ask({"plan"}).text("/revisions/0/announcements/0/code"), "planned-later");
  const Answer answer = up(sql);
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  Product plain;
  plain.as("keeper", kParts);
  plain.as("keeper", sql);
  EXPECT_EQ(product_.schema(), plain.schema());
  EXPECT_EQ(product_.rows("parts"), plain.rows("parts"));
}

TEST_F(PartitionedUpdate, AUniqueIndexWithoutThePartitionKeyIsRefusedBeforeAnythingRuns) {
  EXPECT_EQ(refusal("ALTER TABLE parts ADD CHECK (id > -1), ADD COLUMN z integer UNIQUE;\n"),
            "statement-fails");
  EXPECT_EQ(refusal("CREATE UNIQUE INDEX ON parts (region);\n"), "statement-fails");
}

TEST_F(PartitionedUpdate, ATableWithoutPartitionsHasNoRowToChange) {
  product_.as("keeper", "CREATE TABLE none (id integer PRIMARY KEY) PARTITION BY RANGE (id)");
  EXPECT_EQ(up("UPDATE none SET id = 1 WHERE false;\nDELETE FROM none;\n").text("/error/code"),
            "batch-moves-rows");
  EXPECT_EQ(up("DELETE FROM none;\n").exit_code(), 0);
}

TEST_F(PartitionedUpdate, NoIndexIsTakenOverForAConstraintOfAPartitionedTable) {
  product_.as("keeper", "CREATE UNIQUE INDEX parts_key ON parts (region, id)");
  product_.write("0001_change.sql",
                 "ALTER TABLE parts ADD CONSTRAINT parts_u UNIQUE USING INDEX parts_key;\n");
  const Answer plan = product_.ask({"plan"});
  EXPECT_EQ(plan.exit_code(), 5);
  EXPECT_THAT(plan.text("/refusals/0/message"), HasSubstr("takes no index over"));
}

}  // namespace
}  // namespace crossfade::tests
