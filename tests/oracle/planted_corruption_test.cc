// Whatever is wrong in the new table must be found before the application sees it. Each test plants a
// corruption in a shadow table that is otherwise ready, and expects `verify` to name it, `cutover` to refuse,
// the live table to stay as it is, and the same run to succeed once the corruption is repaired.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "postgres/error.h"
#include "tests/oracle/random_schema.h"
#include "tests/oracle/writers.h"
#include "tests/support/json.h"
#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {
namespace {

constexpr int kRows = 2500;

class PlantedCorruption : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Finished crossfade(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"--database", database_.connection_string(database_.owner()), "--dir",
                      directory_.string(), "--format", "json", "--progress", "none"});
    return run_crossfade(std::move(arguments));
  }

  void prepare_run(const std::string& migration) {
    std::ofstream(directory_ / "0001_rewrite.sql") << migration;
    const Finished finished = crossfade(
        {"up", "--postpone-cutover", "--workers", "3", "--chunk-pages", "1", "--verify-rows", "400"});
    ASSERT_EQ(finished.exit_code, 4) << describe(finished);
    // Every stop that can be resumed has this exit code.
    ASSERT_EQ(text_at(parse_document(finished.output), "/error/code"), "postponed") << describe(finished);
  }

  /// As a superuser who gets past the guard on purpose.
  void tamper(const std::string& sql) {
    database_.execute("SET crossfade.run = '1'; " + sql + "; RESET crossfade.run");
  }

  Finished verify() { return crossfade({"verify", "1", "--verify-rows", "400"}); }

  std::string image_of(const std::string& table) {
    return database_.scalar(
        "SELECT pg_catalog.md5(pg_catalog.string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM " +
        table + " AS t");
  }

  ScratchDatabase database_;
  std::filesystem::path directory_ = database_.server().folder() / (database_.name() + "_migrations");
};

struct Planting {
  std::string label;
  std::string corrupt;
  std::string repair;
  int missing = 0;
  int extra = 0;
  int changed = 0;
  std::set<std::string> keys;     ///< that the examples must name, and no other
  std::set<std::string> columns;  ///< of the changed rows
};

void PrintTo(const Planting& planting, std::ostream* stream) {
  *stream << planting.label;
}

std::set<std::string> numbers(int first, int last) {
  std::set<std::string> out;
  for (int number = first; number <= last; ++number) out.insert(std::to_string(number));
  return out;
}

std::vector<Planting> plantings() {
  const std::string insert = "INSERT INTO crossfade_1.orders OVERRIDING SYSTEM VALUE ";
  const std::string original = insert + "SELECT * FROM public.orders WHERE id = ";
  return {
      {"OneValue",
       "UPDATE crossfade_1.orders SET name = 'other' WHERE id = 777",
       "UPDATE crossfade_1.orders SET name = 'name 777' WHERE id = 777",
       0,
       0,
       1,
       {"777"},
       {"name"}},
      {"OneRowDeleted", "DELETE FROM crossfade_1.orders WHERE id = 1", original + "1", 1, 0, 0, {"1"}, {}},
      {"TheLastRowDeleted",
       "DELETE FROM crossfade_1.orders WHERE id = 2500",
       original + "2500",
       1,
       0,
       0,
       {"2500"},
       {}},
      {"OneRowTooMany",
       insert + "SELECT 99999, name, 1, score, counter, body, 'e99999' FROM public.orders WHERE id = 5",
       "DELETE FROM crossfade_1.orders WHERE id = 99999",
       0,
       1,
       0,
       {"99999"},
       {}},
      {"OneRowTooManyBelowAll",
       insert + "SELECT -7, name, 1, score, counter, body, NULL FROM public.orders WHERE id = 5",
       "DELETE FROM crossfade_1.orders WHERE id = -7",
       0,
       1,
       0,
       {"-7"},
       {}},
      {"TwoRowsSwapped",
       "UPDATE crossfade_1.orders SET name = 'name ' || (21 - id) WHERE id IN (10, 11)",
       "UPDATE crossfade_1.orders SET name = 'name ' || id WHERE id IN (10, 11)",
       0,
       0,
       2,
       {"10", "11"},
       {"name"}},
      // Sums over rows do not see which row holds a value: the hash of a row must be bound to its key.
      {"ValuesRotatedOverManyRows",
       "UPDATE crossfade_1.orders SET name = 'name ' || (id % 2500 + 1)",
       "UPDATE crossfade_1.orders SET name = 'name ' || id",
       0,
       0,
       kRows,
       numbers(1, kRows),
       {"name"}},
      {"AnotherKey",
       "UPDATE crossfade_1.orders SET id = 77777 WHERE id = 42",
       "UPDATE crossfade_1.orders SET id = 42 WHERE id = 77777",
       1,
       1,
       0,
       {"42", "77777"},
       {}},
      {"OneDeletedAndOneTooMany",
       "DELETE FROM crossfade_1.orders WHERE id = 100; " + insert +
           "SELECT 88888, name, 1, score, counter, body, NULL FROM public.orders WHERE id = 100",
       "DELETE FROM crossfade_1.orders WHERE id = 88888; " + original + "100",
       1,
       1,
       0,
       {"100", "88888"},
       {}},
      {"NullBecameEmpty",
       "UPDATE crossfade_1.orders SET email = '' WHERE id = 1250",
       "UPDATE crossfade_1.orders SET email = NULL WHERE id = 1250",
       0,
       0,
       1,
       {"1250"},
       {"email"}},
      {"EqualNumberWithAnotherScale",
       "UPDATE crossfade_1.orders SET score = 7.10 WHERE id = 7",
       "UPDATE crossfade_1.orders SET score = 7.1 WHERE id = 7",
       0,
       0,
       1,
       {"7"},
       {"score"}},
      // The server's own hash takes these two for one another under every seed.
      {"NumberThatFoldsOntoAnother",
       "UPDATE crossfade_1.orders SET counter = 4294967296 WHERE id = 1",
       "UPDATE crossfade_1.orders SET counter = 1 WHERE id = 1",
       0,
       0,
       1,
       {"1"},
       {"counter"}},
      {"OneByteOfALongValue",
       "UPDATE crossfade_1.orders SET body = overlay(body placing '#' from 7000) WHERE id = 500",
       "UPDATE crossfade_1.orders AS s SET body = o.body FROM public.orders AS o WHERE o.id = 500 AND s.id = "
       "500",
       0,
       0,
       1,
       {"500"},
       {"body"}},
      {"TwoColumnsOfTwoRows",
       "UPDATE crossfade_1.orders SET amount = amount + 1, name = NULL WHERE id IN (2, 2499)",
       "UPDATE crossfade_1.orders SET amount = amount - 1, name = 'name ' || id WHERE id IN (2, 2499)",
       0,
       0,
       2,
       {"2", "2499"},
       {"amount", "name"}},
  };
}

class PlantedInOrders : public PlantedCorruption, public ::testing::WithParamInterface<Planting> {
 protected:
  void SetUp() override {
    PlantedCorruption::SetUp();
    database_.application_session(database_.owner())
        ->run({"oracle.create", fmt::format(R"sql(
CREATE TABLE public.orders (id integer PRIMARY KEY, name text, amount numeric(10,2), score numeric, counter bigint,
                            body text, email text UNIQUE);
INSERT INTO public.orders
SELECT i, 'name ' || i, i * 1.5, CASE WHEN i % 2 = 0 THEN 7.10 ELSE 7.1 END, i,
       CASE WHEN i % 500 = 0 THEN (SELECT string_agg(md5((i * 1000 + j)::text), '') FROM generate_series(1, 300) AS j) END,
       CASE WHEN i % 5 > 0 THEN 'e' || i END
  FROM generate_series(1, {}) AS i)sql",
                                            kRows)});
    prepare_run("ALTER TABLE orders ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE numeric(14,4);\n");
  }

  void expect_found(const Finished& finished) {
    const Planting& planting = GetParam();
    ASSERT_EQ(finished.exit_code, 3) << describe(finished);
    const boost::json::value document = parse_document(finished.output);
    EXPECT_EQ(text_at(document, "/complete"), "true");
    EXPECT_EQ(text_at(document, "/exact"), "true");
    EXPECT_EQ(text_at(document, "/equal"), "false");
    EXPECT_EQ(text_at(document, "/differences/missing"), std::to_string(planting.missing));
    EXPECT_EQ(text_at(document, "/differences/extra"), std::to_string(planting.extra));
    EXPECT_EQ(text_at(document, "/differences/changed"), std::to_string(planting.changed));
    EXPECT_EQ(text_at(document, "/rows_left"), std::to_string(kRows));
    expect_examples(at(document, "/examples").as_array());
  }

  void expect_examples(const boost::json::array& examples) {
    const Planting& planting = GetParam();
    const int differences = planting.missing + planting.extra + planting.changed;
    EXPECT_EQ(examples.size(), static_cast<std::size_t>(std::min(differences, 20)));
    for (const boost::json::value& example : examples) {
      EXPECT_TRUE(planting.keys.contains(text_at(example, "/key/id"))) << boost::json::serialize(example);
      if (text_at(example, "/kind") != "changed") continue;
      std::set<std::string> columns;
      for (const boost::json::value& column : at(example, "/columns").as_array())
        columns.emplace(column.as_string().c_str());
      EXPECT_EQ(columns, planting.columns);
    }
  }
};

TEST_P(PlantedInOrders, IsFoundAndStopsTheCutoverUntilItIsRepaired) {
  const std::string live = database_.scalar("SELECT 'public.orders'::regclass::oid::text");
  const std::string before = image_of("public.orders");
  tamper(GetParam().corrupt);

  expect_found(verify());
  const Finished refused = crossfade({"cutover", "1", "--verify-rows", "400"});
  EXPECT_EQ(refused.exit_code, 3) << describe(refused);
  EXPECT_EQ(database_.scalar("SELECT 'public.orders'::regclass::oid::text"), live) << "the cutover happened";
  EXPECT_EQ(database_.scalar("SELECT phase FROM crossfade.runs") == "soaking", false);
  EXPECT_EQ(image_of("public.orders"), before) << "the live table was touched";

  tamper(GetParam().repair);
  const Finished passed = crossfade({"cutover", "1", "--verify-rows", "400"});
  ASSERT_EQ(passed.exit_code, 0) << describe(passed);
  EXPECT_NE(database_.scalar("SELECT 'public.orders'::regclass::oid::text"), live);
  EXPECT_EQ(image_of("(SELECT id, name, amount::numeric(14,4), score, counter, body, email FROM "
                     "crossfade_1_old.orders)"),
            image_of("public.orders"));
}

INSTANTIATE_TEST_SUITE_P(Plantings, PlantedInOrders, ::testing::ValuesIn(plantings()),
                         [](const ::testing::TestParamInfo<Planting>& planting) {
                           return planting.param.label;
                         });

class PlantedInAnyType : public PlantedCorruption, public ::testing::WithParamInterface<std::uint64_t> {
 protected:
  /// One row's value of this column becomes another row's, which differs from it at least in its bytes.
  /// Returns the row's number; empty where all rows hold the same.
  std::string plant(const RandomSchema& schema, std::size_t column, int row) {
    const std::string shadow = postgres::QualifiedName{"crossfade_1", schema.table.name}.quoted();
    const std::string name = postgres::quote_identifier(schema.columns[column].name);
    const std::string number = postgres::quote_identifier(schema.columns[schema.position].name);
    const std::string other = fmt::format(
        "(SELECT o.{0} FROM {1} AS o WHERE NOT ROW(o.{0})::record OPERATOR(pg_catalog.*=) ROW(s.{0})::record "
        "LIMIT 1)",
        name, shadow);
    const std::string chosen = database_.scalar(
        fmt::format("SELECT {0} FROM {1} WHERE {2} IS NOT NULL ORDER BY {0} OFFSET {3} LIMIT 1", number,
                    shadow, name, row));
    // A value that another row holds would break a unique constraint.
    const bool unique = column == schema.handed || schema.slot == column;
    const std::string planted = column == schema.revision ? "s." + name + " + 1" : unique ? "NULL" : other;
    tamper(fmt::format("UPDATE {} AS s SET {} = {} WHERE {} = {}", shadow, name, planted, number, chosen));
    return chosen;
  }
};

TEST_P(PlantedInAnyType, IsFoundInEveryColumn) {
  const RandomSchema schema = make_random_schema(GetParam());
  SCOPED_TRACE(schema.describe());
  const auto session = database_.application_session(database_.owner());
  for (const std::string& statement : schema.create) session->run({"oracle.create", statement});
  Writers(database_, database_.owner(), schema).load(database_, database_.owner());
  ASSERT_NO_FATAL_FAILURE(prepare_run(schema.migration));

  std::set<std::string> expected;
  int row = 10;
  for (std::size_t column = 0; column < schema.columns.size(); ++column) {
    // The number finds the row again, and the server refuses to write an identity.
    if (column == schema.position || schema.identity == column) continue;
    plant(schema, column, row += 50);
    expected.insert(schema.columns[column].name);
  }
  const Finished finished = verify();
  ASSERT_EQ(finished.exit_code, 3) << describe(finished);
  const boost::json::value document = parse_document(finished.output);
  EXPECT_EQ(text_at(document, "/differences/changed"), std::to_string(expected.size())) << describe(finished);
  EXPECT_EQ(text_at(document, "/differences/missing"), "0");
  EXPECT_EQ(text_at(document, "/differences/extra"), "0");
  std::set<std::string> named;
  for (const boost::json::value& example : at(document, "/examples").as_array()) {
    EXPECT_FALSE(at(example, "/key").as_object().empty());
    for (const boost::json::value& column : at(example, "/columns").as_array())
      named.emplace(column.as_string().c_str());
  }
  for (const std::string& column : expected)
    EXPECT_TRUE(named.contains(column)) << column << " in " << describe(finished);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlantedInAnyType, ::testing::Values(1, 2, 3, 4, 5, 6),
                         [](const ::testing::TestParamInfo<std::uint64_t>& seed) {
                           return fmt::format("Seed{}", seed.param);
                         });

TEST_F(PlantedCorruption, IsNotPossibleByAccident) {
  database_.application_session(database_.owner())
      ->run({"oracle.create",
             "CREATE TABLE public.orders (id integer PRIMARY KEY); INSERT INTO public.orders VALUES (1)"});
  prepare_run("ALTER TABLE orders ALTER COLUMN id TYPE bigint;\n");
  try {
    database_.execute("DELETE FROM crossfade_1.orders");
    FAIL() << "the guard let a foreign write pass";
  } catch (const postgres::DatabaseError& error) {
    EXPECT_EQ(error.sqlstate(), "55000");
  }
}

}  // namespace
}  // namespace crossfade::tests
