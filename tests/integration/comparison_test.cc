// The comparison of two relations against a real server: whatever is planted is found, and nothing else is.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkers/key_comparison.h"
#include "checkers/key_ranges.h"
#include "checkers/range_comparison.h"
#include "checkers/row_differences.h"
#include "checkers/table_comparison.h"
#include "checkers/type_facts.h"
#include "checkers/verification_report.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "tests/support/scratch_database.h"

namespace crossfade::checkers {
namespace {

using tests::ScratchDatabase;

const KeyRange kEverything;

class Comparing : public ::testing::Test {
 protected:
  TableComparison prepare(const std::string& left = "l", const std::string& right = "r") {
    const auto table = [&](const std::string& name) {
      return postgres::load_table(*session_, postgres::find_relation(*session_, "public", name).value())
          .value();
    };
    for (const std::string& name : {left, right})
      database_.execute("ANALYZE public." + postgres::quote_identifier(name));
    return comparison_of_tables(*session_, table(left), table(right));
  }

  Differences differences(const Comparison& comparison, const KeyRange& range = kEverything) {
    return find_differences(*session_, comparison, range, 10);
  }

  /// Equal sums and no difference, or neither; returns the differences.
  DifferenceCounts agreed(const Comparison& comparison, const std::string& what) {
    const RangeOutcome outcome = compare_range(*session_, comparison, kEverything);
    const DifferenceCounts counts = differences(comparison).counts;
    EXPECT_EQ(outcome.equal, counts.total() == 0) << what;
    return counts;
  }

  void log_keys(Comparison& comparison, const std::string& type, const std::string& values) {
    database_.execute("CREATE TABLE log(key_1 " + type + "); INSERT INTO log VALUES " + values);
    comparison.log = postgres::QualifiedName{"public", "log"};
  }

  ScratchDatabase database_;
  std::unique_ptr<postgres::Session> session_ = database_.session();
};

using Counts = std::tuple<std::int64_t, std::int64_t, std::int64_t>;
Counts tuple(const DifferenceCounts& counts) {
  return {counts.missing, counts.extra, counts.changed};
}

struct TypeCase {
  std::string label;
  std::string setup;
  std::string type;
  std::string value;                                       ///< of row i
  std::vector<std::pair<std::string, std::string>> pairs;  ///< values that must not be taken for one another
};

void PrintTo(const TypeCase& type, std::ostream* stream) {
  *stream << type.label;
}

class PlantingInType : public Comparing, public ::testing::WithParamInterface<TypeCase> {};

TEST_P(PlantingInType, FindsEveryDifferenceAndNothingElse) {
  const TypeCase& type = GetParam();
  if (!type.setup.empty()) database_.execute(type.setup);
  // Half of the columns are without NULLs, half with many, because these are hashed in different ways.
  database_.execute("CREATE TABLE l(id int PRIMARY KEY, v " + type.type + ", w " + type.type + ");" +
                    "INSERT INTO l SELECT i, " + type.value + ", CASE WHEN i % 3 > 0 THEN " + type.value +
                    " END FROM generate_series(1, 60) i;" + "CREATE TABLE r(id bigint PRIMARY KEY, v " +
                    type.type + ", w " + type.type + "); INSERT INTO r SELECT * FROM l");
  const Comparison comparison = prepare().comparison;
  database_.execute("ALTER TABLE r DROP CONSTRAINT r_pkey; CREATE INDEX ON r(id)");
  ASSERT_EQ(tuple(agreed(comparison, "as it was")), Counts(0, 0, 0));

  const auto planted = [&](const std::string& statement, const Counts& expected) {
    database_.execute(statement);
    EXPECT_EQ(tuple(agreed(comparison, statement)), expected) << statement;
    database_.execute("TRUNCATE r; INSERT INTO r SELECT * FROM l");
  };
  planted("DELETE FROM r WHERE id = 7", {1, 0, 0});
  planted("INSERT INTO r SELECT 1000, v, w FROM r WHERE id = 7", {0, 1, 0});
  planted("INSERT INTO r SELECT * FROM r WHERE id = 7", {0, 1, 0});
  planted("UPDATE r SET id = 1000 WHERE id = 7", {1, 1, 0});
  planted("UPDATE r SET v = NULL WHERE id = 7", {0, 0, 1});

  for (const auto& [before, after] : type.pairs) {
    for (const std::string column : {"v", "w"}) {
      const std::string what = column + ": " + before + " to " + after;
      const auto cast = [&](const std::string& value) {
        return "CAST(" + value + " AS " + type.type.substr(0, type.type.find(" COLLATE")) + ")";
      };
      database_.execute("UPDATE l SET " + column + " = " + cast(before) + " WHERE id = 7;" + "UPDATE r SET " +
                        column + " = " + cast(before) + " WHERE id = 7");
      EXPECT_EQ(tuple(agreed(comparison, what)), Counts(0, 0, 0)) << what << " before";
      database_.execute("UPDATE r SET " + column + " = " + cast(after) + " WHERE id = 7");
      const Differences found = differences(comparison);
      EXPECT_FALSE(compare_range(*session_, comparison, kEverything).equal) << what;
      EXPECT_EQ(tuple(found.counts), Counts(0, 0, 1)) << what;
      ASSERT_EQ(found.examples.size(), 1U) << what;
      EXPECT_EQ(found.examples[0].key, (std::map<std::string, std::string>{{"id", "7"}}));
      EXPECT_EQ(found.examples[0].columns, std::vector<std::string>{column}) << what;
      // The two values change places between two rows: the same values in the same column, in other rows.
      database_.execute("UPDATE l SET " + column + " = " + cast(after) + " WHERE id = 8;" + "UPDATE r SET " +
                        column + " = " + cast(before) + " WHERE id = 8");
      EXPECT_EQ(tuple(agreed(comparison, what)), Counts(0, 0, 2)) << what << ", swapped";
      database_.execute("TRUNCATE r; INSERT INTO r SELECT * FROM l");
    }
  }
}

const std::vector<TypeCase> kTypes = {
    {"bool", "", "bool", "i % 2 = 0", {{"true", "false"}, {"NULL", "false"}}},
    {"int2", "", "int2", "i", {{"1", "2"}, {"0", "NULL"}, {"-1", "0"}}},
    {"int4", "", "int4", "i * 1000", {{"1", "2"}, {"0", "NULL"}, {"-1", "0"}}},
    {"int8",
     "",
     "int8",
     "i * 10000000000",
     {{"1", "4294967296"},
      {"5", "5 # 4294967297"},
      {"-1", "0"},
      {"-1", "-1 # 4294967297"},
      {"0", "NULL"},
      {"7", "7 + 4294967296"}}},
    {"oid", "", "oid", "i", {{"1", "4294967295"}, {"0", "NULL"}}},
    {"numeric", "", "numeric", "i / 7.0", {{"1.0", "1.00"}, {"0", "0.0"}, {"'NaN'", "NULL"}, {"1", "-1"}}},
    {"float4", "", "float4", "i", {{"'0'", "'-0'"}, {"'NaN'", "NULL"}}},
    {"float8", "", "float8", "i / 7.0", {{"'0'", "'-0'"}, {"1", "1.0000000000000002"}}},
    {"text",
     "",
     "text",
     "md5(i::text)",
     {{"'A'", "'a'"}, {"''", "NULL"}, {"'a'", "'a '"}, {"E'\\u00e9'", "E'e\\u0301'"}}},
    {"varchar", "", "varchar(40)", "md5(i::text)", {{"'A'", "'a'"}, {"''", "NULL"}, {"'a'", "'a '"}}},
    {"character", "", "char(10)", "i", {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"character_without_length", "", "bpchar", "i", {{"'a'", "'a '"}, {"''", "NULL"}}},
    {"name", "", "name", "i", {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"one_byte_char", "", "\"char\"", "chr(64 + i)", {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"case_insensitive",
     "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
     "text COLLATE ci",
     "md5(i::text)",
     {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"case_insensitive_character",
     "CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
     "char(5) COLLATE ci",
     "i",
     {{"'A'", "'a'"}}},
    {"bytea", "", "bytea", "decode(md5(i::text), 'hex')", {{"''", "NULL"}, {"'\\x00'", "'\\x0000'"}}},
    {"uuid", "", "uuid", "md5(i::text)::uuid", {{"'00000000-0000-0000-0000-000000000000'", "NULL"}}},
    {"timestamp",
     "",
     "timestamp",
     "timestamp '2020-01-01' + i * interval '1 s'",
     {{"'2000-01-01 00:00:00.000001'", "'2000-01-01 01:11:34.967296'"},
      {"'2000-01-01'", "'2000-01-01 01:11:34.967297'"},
      {"'infinity'", "NULL"}}},
    {"timestamptz",
     "",
     "timestamptz",
     "timestamptz '2020-01-01 00:00Z' + i * interval '1 s'",
     {{"'2000-01-01 00:00:00.000001Z'", "'2000-01-01 01:11:34.967296Z'"}, {"'infinity'", "'-infinity'"}}},
    {"date", "", "date", "date '2020-01-01' + i", {{"'infinity'", "NULL"}, {"'2000-01-01'", "'2000-01-02'"}}},
    {"time", "", "time", "time '10:00' + i * interval '1 s'", {{"'00:00:00.000001'", "'01:11:34.967296'"}}},
    {"timetz", "", "timetz", "timetz '10:00Z' + i * interval '1 s'", {{"'10:00+00'", "'11:00+01'"}}},
    {"interval", "", "interval", "i * interval '1 s'", {{"'1 mon'", "'30 days'"}, {"'24:00'", "'1 day'"}}},
    {"json", "", "json", "json_build_object('a', i)", {{"'{\"a\":1}'", "'{\"a\": 1}'"}, {"'null'", "NULL"}}},
    {"jsonb",
     "",
     "jsonb",
     "jsonb_build_object('a', i)",
     {{"'{\"a\":1.0}'", "'{\"a\":1.00}'"}, {"'null'", "NULL"}}},
    {"int8_array",
     "",
     "int8[]",
     "ARRAY[i, i]::int8[]",
     {{"'{1}'", "'{4294967296}'"}, {"'{}'", "NULL"}, {"'{NULL}'", "'{0}'"}}},
    {"int4_array", "", "int4[]", "ARRAY[i, i]", {{"'{1,2}'", "'{{1,2}}'"}, {"'{1,2}'", "'[2:3]={1,2}'"}}},
    {"text_array", "", "text[]", "ARRAY[i::text, 'x']", {{"'{NULL}'", "'{\"\"}'"}, {"'{a,b}'", "'{ab}'"}}},
    {"numeric_array", "", "numeric[]", "ARRAY[i / 7.0]", {{"'{1.0}'", "'{1.00}'"}}},
    {"int8_range",
     "",
     "int8range",
     "int8range(i, i + 5)",
     {{"'[1,5)'", "'[4294967296,4294967297)'"}, {"'empty'", "NULL"}}},
    {"num_range",
     "",
     "numrange",
     "numrange(i, i + 5)",
     {{"'[1.0,5)'", "'[1.00,5)'"}, {"'[1,5)'", "'[1,5]'"}}},
    {"num_multirange",
     "",
     "nummultirange",
     "nummultirange(numrange(i, i + 5))",
     {{"'{[1.0,5)}'", "'{[1.00,5)}'"}, {"'{}'", "NULL"}}},
    {"composite",
     "CREATE TYPE pair AS (a int8, b numeric, c text)",
     "pair",
     "ROW(i, i / 7.0, 'x')::pair",
     {{"ROW(1, 1, 'a')", "ROW(4294967296, 1, 'a')"},
      {"ROW(1, 1.0, 'a')", "ROW(1, 1.00, 'a')"},
      {"ROW(NULL, NULL, NULL)", "NULL"},
      {"ROW(1, 1, NULL)", "ROW(1, 1, '')"}}},
    {"composite_array",
     "CREATE TYPE pair AS (a int8, b numeric)",
     "pair[]",
     "ARRAY[ROW(i, 1)::pair]",
     {{"ARRAY[ROW(1, 1.0)::pair]", "ARRAY[ROW(1, 1.00)::pair]"}}},
    {"enum",
     "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
     "mood",
     "(ARRAY['sad','ok'])[1 + i % 2]::mood",
     {{"'sad'", "'happy'"}, {"'ok'", "NULL"}}},
    {"enum_array",
     "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')",
     "mood[]",
     "ARRAY['ok'::mood]",
     {{"'{sad}'", "'{happy}'"}}},
    {"domain_of_numeric",
     "CREATE DOMAIN amount AS numeric CHECK (value < 1e9)",
     "amount",
     "i",
     {{"1.0", "1.00"}}},
    {"domain_of_int8",
     "CREATE DOMAIN big AS int8; CREATE DOMAIN bigger AS big",
     "bigger",
     "i",
     {{"1", "4294967296"}, {"0", "NULL"}}},
    {"domain_of_text", "CREATE DOMAIN word AS varchar(50)", "word", "i", {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"domain_of_character", "CREATE DOMAIN code AS char(4)", "code", "i", {{"'A'", "'a'"}, {"''", "NULL"}}},
    {"domain_of_array", "CREATE DOMAIN list AS int8[]", "list", "ARRAY[i]", {{"'{1}'", "'{4294967296}'"}}},
    {"domain_of_enum",
     "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN temper AS mood",
     "temper",
     "'ok'::temper",
     {{"'sad'", "NULL"}}},
    {"domain_of_composite",
     "CREATE TYPE pair AS (a int8, b numeric); CREATE DOMAIN couple AS pair",
     "couple",
     "ROW(i, 1)::pair",
     {{"ROW(1, 1.0)::pair", "ROW(1, 1.00)::pair"}}},
    {"domain_of_range",
     "CREATE DOMAIN span AS numrange",
     "span",
     "numrange(i, i + 1)",
     {{"'[1.0,5)'", "'[1.00,5)'"}}},
    {"domain_of_date",
     "CREATE DOMAIN day AS date",
     "day",
     "date '2020-01-01' + i",
     {{"'2000-01-01'", "'2000-01-02'"}}},
    {"array_of_domain",
     "CREATE DOMAIN amount AS numeric",
     "amount[]",
     "ARRAY[i]::amount[]",
     {{"'{1.0}'", "'{1.00}'"}}},
    {"inet", "", "inet", "('10.0.0.' || i)::inet", {{"'10.0.0.1/24'", "'10.0.0.1/32'"}}},
    {"cidr", "", "cidr", "('10.0.0.' || i)::cidr", {{"'10.0.0.0/24'", "'10.0.0.0/25'"}}},
    {"macaddr",
     "",
     "macaddr",
     "'08:00:2b:01:02:03'::macaddr",
     {{"'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"}}},
    {"bit", "", "bit(8)", "i::bit(8)", {{"B'00000001'", "B'00000010'"}}},
    {"varbit", "", "varbit", "i::bit(8)::varbit", {{"B'1'", "B'10'"}, {"B''", "NULL"}}},
    {"money", "", "money", "i::money", {{"0.01::numeric::money", "42949672.96::numeric::money"}}},
    {"xml",
     "",
     "xml",
     "('<a>' || i || '</a>')::xml",
     {{"'<a/>'", "'<a></a>'"}, {"'<a/>'", "'<?xml version=\"1.0\"?><a/>'"}}},
    {"xml_array",
     "",
     "xml[]",
     "ARRAY[('<a>' || i || '</a>')::xml]",
     {{"ARRAY['<a/>'::xml]", "ARRAY['<?xml version=\"1.0\"?><a/>'::xml]"}}},
    {"tsvector", "", "tsvector", "('a:' || i)::tsvector", {{"'a:1'", "'a:1A'"}, {"''", "NULL"}}},
    {"point", "", "point", "point(i, i)", {{"'(0,1)'", "'(-0,1)'"}}},
    {"box", "", "box", "box(point(i, i), point(0, 0))", {{"'(2,2),(1,1)'", "'(4,1),(0,0)'"}}},
    {"path", "", "path", "path '((0,0),(1,1))'", {{"'((0,0),(1,1))'", "'[(0,0),(1,1)]'"}}},
    {"pg_lsn", "", "pg_lsn", "('0/' || i)::pg_lsn", {{"'0/1'", "'1/0'"}}},
    {"jsonpath", "", "jsonpath", "'$.a'::jsonpath", {{"'$.a'", "'$.b'"}}},
    {"regclass", "", "regclass", "'pg_class'::regclass", {{"'pg_class'::regclass", "'pg_type'::regclass"}}},
    {"without_send_function",
     "",
     "aclitem",
     "'postgres=r/postgres'::aclitem",
     {{"'postgres=r/postgres'::aclitem", "'postgres=w/postgres'::aclitem"}}},
};

INSTANTIATE_TEST_SUITE_P(Types, PlantingInType, ::testing::ValuesIn(kTypes),
                         [](const auto& type) { return type.param.label; });

TEST_F(Comparing, SeesWhichRowHoldsAValue) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY, email text NOT NULL, amount int8, note text);
    INSERT INTO l SELECT i, 'user' || i, i % 10, NULL FROM generate_series(1, 2000) i;
    CREATE TABLE r(LIKE l INCLUDING ALL); INSERT INTO r SELECT * FROM l)");
  const Comparison comparison = prepare().comparison;
  const auto planted = [&](const std::string& statement, const Counts& expected) {
    database_.execute(statement);
    EXPECT_EQ(tuple(agreed(comparison, statement)), expected) << statement;
    database_.execute("TRUNCATE r; INSERT INTO r SELECT * FROM l");
  };
  planted("SELECT", {0, 0, 0});
  planted("UPDATE r SET email = 'user' || (id % 2000 + 1)", {0, 0, 2000});
  planted("UPDATE r SET email = 'user' || (CASE id WHEN 1 THEN 2 ELSE 1 END) WHERE id < 3", {0, 0, 2});
  planted("UPDATE r SET id = CASE WHEN id = 2000 THEN -1 ELSE -id - 1 END; UPDATE r SET id = -id",
          {0, 0, 2000});
  planted("UPDATE r SET email = amount::text, amount = 3, note = email WHERE id = 5", {0, 0, 1});
  planted("UPDATE r SET email = note, note = email FROM (SELECT 1) x WHERE false", {0, 0, 0});
  planted("TRUNCATE r", {2000, 0, 0});
}

TEST_F(Comparing, TellsNullsInDifferentColumnsApart) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY, a int, b int, c timestamptz, d timestamptz);
    INSERT INTO l VALUES (1, 5, NULL, '2020-01-01', NULL), (2, NULL, NULL, NULL, NULL), (3, NULL, 0, NULL, NULL);
    CREATE TABLE r(LIKE l INCLUDING ALL);
    INSERT INTO r VALUES (1, NULL, 5, NULL, '2020-01-01'), (2, NULL, NULL, NULL, NULL), (3, 0, NULL, NULL, NULL))");
  for (const bool often_null : {false, true}) {
    Comparison comparison = prepare().comparison;
    for (ComparedColumn& column : comparison.columns) column.often_null = often_null;
    EXPECT_EQ(tuple(agreed(comparison, "NULLs")), Counts(0, 0, 2));
    EXPECT_EQ(differences(comparison).examples.at(0).columns, (std::vector<std::string>{"a", "b", "c", "d"}));
  }
}

TEST_F(Comparing, LeavesLoggedKeysOutAndComparesThemLater) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY, v text); INSERT INTO l SELECT i, i FROM generate_series(1, 1000) i;
    CREATE TABLE r(id bigint PRIMARY KEY, v text); INSERT INTO r SELECT * FROM l;
    UPDATE r SET v = 'stale' WHERE id = 10; DELETE FROM r WHERE id = 20; DELETE FROM l WHERE id = 30)");
  Comparison comparison = prepare().comparison;
  log_keys(comparison, "int", "(10), (10), (20), (30), (40), (5000)");

  const RangeOutcome outcome = compare_range(*session_, comparison, kEverything);
  EXPECT_TRUE(outcome.equal);
  EXPECT_EQ(outcome.rows_left, 996);
  EXPECT_EQ(outcome.rows_right, 996);
  EXPECT_EQ(outcome.excluded_left, 3);
  EXPECT_EQ(outcome.excluded_right, 3);
  EXPECT_EQ(std::set<KeyText>(outcome.excluded_keys.begin(), outcome.excluded_keys.end()),
            (std::set<KeyText>{{"10"}, {"20"}, {"30"}, {"40"}, {"5000"}}));
  EXPECT_FALSE(outcome.excluded_truncated);
  EXPECT_EQ(differences(comparison).counts.total(), 0);

  VerificationTally tally;
  tally.add(outcome);
  EXPECT_EQ(tally.deferred_keys(), 5);
  EXPECT_FALSE(tally.report(comparison, 12, true).complete);
  EXPECT_FALSE(tally.report(comparison, 12, true).equal);

  database_.execute("DELETE FROM log WHERE key_1 NOT IN (10, 40)");
  const KeysOutcome first = compare_keys(*session_, comparison, outcome.excluded_keys, 10);
  EXPECT_EQ(first.keys_compared, 3);
  EXPECT_EQ(std::set<KeyText>(first.still_logged.begin(), first.still_logged.end()),
            (std::set<KeyText>{{"10"}, {"40"}}));
  EXPECT_EQ(tuple(first.differences.counts), Counts(1, 1, 0));
  EXPECT_EQ(first.rows_left, 1);
  EXPECT_EQ(first.rows_right, 1);
  tally.add(first);

  database_.execute("DELETE FROM log");
  const KeysOutcome second = compare_keys(*session_, comparison, first.still_logged, 10);
  EXPECT_TRUE(second.still_logged.empty());
  EXPECT_EQ(tuple(second.differences.counts), Counts(0, 0, 1));
  ASSERT_EQ(second.differences.examples.size(), 1U);
  EXPECT_EQ(second.differences.examples[0].key.at("id"), "10");
  EXPECT_EQ(second.differences.examples[0].columns, std::vector<std::string>{"v"});
  tally.add(second);

  const VerificationReport report = tally.report(comparison, 12, true);
  EXPECT_TRUE(report.complete);
  EXPECT_FALSE(report.equal);
  EXPECT_EQ(report.rows_left, 999);
  EXPECT_EQ(report.rows_right, 999);
  EXPECT_EQ(report.keys_excluded, 5);
}

TEST_F(Comparing, FindsADifferenceBesideLoggedKeys) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY, v text); INSERT INTO l SELECT i, i FROM generate_series(1, 1000) i;
    CREATE TABLE r(id bigint PRIMARY KEY, v text); INSERT INTO r SELECT * FROM l;
    UPDATE r SET v = 'stale' WHERE id IN (10, 11))");
  Comparison comparison = prepare().comparison;
  log_keys(comparison, "int", "(10), (12)");
  EXPECT_FALSE(compare_range(*session_, comparison, kEverything).equal);
  EXPECT_FALSE(compare_range(*session_, comparison, {KeyText{"11"}, KeyText{"12"}}).equal);
  EXPECT_TRUE(compare_range(*session_, comparison, {KeyText{"12"}, std::nullopt}).equal);
  EXPECT_TRUE(compare_range(*session_, comparison, {std::nullopt, KeyText{"11"}}).equal);
  EXPECT_EQ(compare_range(*session_, comparison, {std::nullopt, KeyText{"11"}}).excluded_keys,
            std::vector<KeyText>{{"10"}});
  EXPECT_EQ(differences(comparison).examples.at(0).key.at("id"), "11");
  EXPECT_EQ(differences(comparison, {KeyText{"12"}, std::nullopt}).counts.total(), 0);
}

TEST_F(Comparing, SaysSoWhereMoreKeysAreLoggedThanItLists) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY); INSERT INTO l SELECT generate_series(1, 100);
    CREATE TABLE r(id bigint PRIMARY KEY); INSERT INTO r SELECT * FROM l WHERE id > 50)");
  Comparison comparison = prepare().comparison;
  log_keys(comparison, "int", "(0)");
  database_.execute("INSERT INTO log SELECT generate_series(1, 50)");
  RangeComparisonOptions options;
  options.excluded_limit = 10;
  const RangeOutcome outcome = compare_range(*session_, comparison, kEverything, options);
  EXPECT_TRUE(outcome.excluded_truncated);
  EXPECT_EQ(outcome.excluded_keys.size(), 10U);
  EXPECT_TRUE(outcome.equal);
  EXPECT_EQ(outcome.excluded_left, 50);
  VerificationTally tally;
  tally.add(outcome);
  KeysOutcome deferred;
  deferred.keys_compared = 10;
  tally.add(deferred);
  EXPECT_FALSE(tally.report(comparison, std::nullopt, true).complete);
}

TEST_F(Comparing, UsesTheKeysOwnEquality) {
  database_.execute(R"(
    CREATE COLLATION ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE l(id text COLLATE ci PRIMARY KEY, v int);
    INSERT INTO l SELECT 'Key' || i, i FROM generate_series(1, 300) i;
    CREATE TABLE r(LIKE l INCLUDING ALL); INSERT INTO r SELECT * FROM l;
    UPDATE r SET id = 'kEY7' WHERE id = 'key7'; UPDATE r SET v = 0 WHERE id = 'key8')");
  Comparison comparison = prepare().comparison;
  EXPECT_EQ(tuple(agreed(comparison, "case")), Counts(0, 0, 2));
  EXPECT_EQ(differences(comparison).examples.at(0).columns, std::vector<std::string>{"id"});
  log_keys(comparison, "text", "('KEY7'), ('KEY8'), ('key8')");
  const RangeOutcome outcome = compare_range(*session_, comparison, kEverything);
  EXPECT_TRUE(outcome.equal);
  EXPECT_EQ(outcome.excluded_keys.size(), 2U);
  EXPECT_EQ(differences(comparison).counts.total(), 0);
  database_.execute("TRUNCATE log");
  EXPECT_EQ(tuple(compare_keys(*session_, comparison, outcome.excluded_keys, 10).differences.counts),
            Counts(0, 0, 2));
}

TEST_F(Comparing, ComparesByCompositeKeys) {
  database_.execute(R"(
    CREATE TABLE l(tenant text, id int, v numeric, PRIMARY KEY (tenant, id));
    INSERT INTO l SELECT 'te''na\nt ' || i % 7, i, i FROM generate_series(1, 5000) i;
    CREATE TABLE r(tenant text, id bigint, v numeric, PRIMARY KEY (tenant, id)); INSERT INTO r SELECT * FROM l)");
  TableComparison made = prepare();
  Comparison& comparison = made.comparison;
  EXPECT_EQ(comparison.key_names, (std::vector<std::string>{"tenant", "id"}));
  const std::vector<KeyRange> ranges = plan_key_ranges(
      *session_, comparison, made.source, {.rows_per_range = 700, .scattered_rows_per_range = 700});
  EXPECT_GE(ranges.size(), 7U);
  std::int64_t rows = 0;
  for (const KeyRange& range : ranges) {
    const RangeOutcome outcome = compare_range(*session_, comparison, range);
    EXPECT_TRUE(outcome.equal);
    rows += outcome.rows_left;
  }
  EXPECT_EQ(rows, 5000);

  database_.execute(
      "UPDATE r SET v = 1.0 WHERE id = 1; DELETE FROM r WHERE id = 2; CREATE TABLE log(key_1 text, key_2 "
      "int);"
      "INSERT INTO log SELECT tenant, id FROM l WHERE id IN (1, 3, 4)");
  int unequal = 0;
  for (const KeyRange& range : ranges) unequal += compare_range(*session_, comparison, range).equal ? 0 : 1;
  EXPECT_GE(unequal, 1);
  comparison.log = postgres::QualifiedName{"public", "log"};
  const RangeOutcome outcome = compare_range(*session_, comparison, kEverything);
  EXPECT_FALSE(outcome.equal);
  EXPECT_EQ(outcome.rows_left, 4997);
  ASSERT_EQ(outcome.excluded_keys.size(), 3U);
  const Differences found = differences(comparison);
  EXPECT_EQ(tuple(found.counts), Counts(1, 0, 0));
  EXPECT_EQ(found.examples.at(0).key,
            (std::map<std::string, std::string>{{"id", "2"}, {"tenant", "te'na\\nt 2"}}));
  database_.execute("TRUNCATE log");
  const KeysOutcome keys = compare_keys(*session_, comparison, outcome.excluded_keys, 10);
  EXPECT_EQ(keys.keys_compared, 3);
  EXPECT_EQ(tuple(keys.differences.counts), Counts(0, 0, 1));
}

TEST_F(Comparing, ComparesByKeysOfAnExtensionsType) {
  if (database_.scalar("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'") == "0")
    GTEST_SKIP() << "the server has no citext";
  database_.execute(R"(
    CREATE EXTENSION citext;
    CREATE TABLE l(id citext, part int, v citext, PRIMARY KEY (id, part));
    INSERT INTO l SELECT 'Key' || i, 1, 'Value' || i FROM generate_series(1, 3000) i;
    CREATE TABLE r(LIKE l INCLUDING ALL); INSERT INTO r SELECT * FROM l)");
  TableComparison made = prepare();
  const std::vector<KeyRange> ranges = plan_key_ranges(
      *session_, made.comparison, made.source, {.rows_per_range = 1000, .scattered_rows_per_range = 1000});
  EXPECT_EQ(ranges.size(), 3U);
  for (const KeyRange& range : ranges) {
    const RangeOutcome outcome = compare_range(*session_, made.comparison, range);
    EXPECT_TRUE(outcome.equal);
    EXPECT_EQ(outcome.rows_left, 1000);
  }
  database_.execute(
      "UPDATE r SET id = upper(id::text)::citext WHERE id = 'key7'; UPDATE r SET v = 'value8' WHERE id = "
      "'key8'");
  EXPECT_EQ(tuple(agreed(made.comparison, "citext")), Counts(0, 0, 2));
}

TEST_F(Comparing, CutsRangesThatCoverEveryKeyOnce) {
  struct Case {
    std::string type;
    std::string value;
    bool analyzed;
  };
  const std::vector<Case> cases = {{"int", "i", true},
                                   {"int", "i", false},
                                   {"bigint", "i * 10000000000", true},
                                   {"text", "'it''s \\ ' || i", true},
                                   {"text COLLATE \"C\"", "chr(65 + i % 26) || i", false},
                                   {"uuid", "md5(i::text)::uuid", true},
                                   {"numeric(12,2)", "i / 10.0", true},
                                   {"timestamptz", "now() + i * interval '1 s'", false},
                                   {"date", "date '2000-01-01' + i", true}};
  for (const Case& one : cases) {
    database_.execute("DROP TABLE IF EXISTS l, r; CREATE TABLE l(id " + one.type + " PRIMARY KEY, v int);" +
                      "INSERT INTO l SELECT " + one.value + ", i FROM generate_series(1, 5000) i;" +
                      "CREATE TABLE r(LIKE l INCLUDING ALL); INSERT INTO r SELECT * FROM l");
    TableComparison made = prepare();
    if (!one.analyzed) database_.execute("DELETE FROM pg_statistic WHERE starelid = 'l'::regclass");
    const std::vector<KeyRange> ranges = plan_key_ranges(
        *session_, made.comparison, made.source, {.rows_per_range = 500, .scattered_rows_per_range = 500});
    EXPECT_GE(ranges.size(), 9U) << one.type;
    EXPECT_LE(ranges.size(), 11U) << one.type;
    EXPECT_FALSE(ranges.front().lower.has_value());
    EXPECT_FALSE(ranges.back().upper.has_value());
    std::int64_t rows = 0;
    for (std::size_t index = 0; index < ranges.size(); ++index) {
      if (index > 0) {
        EXPECT_EQ(ranges[index].lower, ranges[index - 1].upper);
      }
      const RangeOutcome outcome = compare_range(*session_, made.comparison, ranges[index]);
      EXPECT_TRUE(outcome.equal) << one.type;
      EXPECT_GT(outcome.rows_left, 0) << one.type;
      rows += outcome.rows_left;
    }
    EXPECT_EQ(rows, 5000) << one.type;
  }
}

TEST_F(Comparing, CutsFewRangesWhereRowsAreScattered) {
  database_.execute(R"(
    CREATE TABLE l(id uuid PRIMARY KEY); INSERT INTO l SELECT md5(i::text)::uuid FROM generate_series(1, 5000) i;
    CREATE TABLE r(LIKE l INCLUDING ALL))");
  const TableComparison made = prepare();
  EXPECT_EQ(plan_key_ranges(*session_, made.comparison, made.source, {.rows_per_range = 500}).size(), 1U);
}

TEST_F(Comparing, GivesAnEmptyTableOneRange) {
  database_.execute("CREATE TABLE l(id int PRIMARY KEY); CREATE TABLE r(id bigint PRIMARY KEY)");
  const TableComparison made = prepare();
  EXPECT_EQ(plan_key_ranges(*session_, made.comparison, made.source), std::vector<KeyRange>{kEverything});
  VerificationTally tally;
  EXPECT_FALSE(tally.report(made.comparison, std::nullopt, true).complete);
  EXPECT_FALSE(tally.report(made.comparison, std::nullopt, true).exact);
  tally.add(compare_range(*session_, made.comparison, kEverything));
  EXPECT_TRUE(tally.report(made.comparison, std::nullopt, true).equal);
  EXPECT_FALSE(tally.report(made.comparison, std::nullopt, false).equal);
}

TEST_F(Comparing, UsesOneRangeWhereTheKeysOrderChanges) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY); INSERT INTO l SELECT generate_series(1, 5000);
    CREATE TABLE r(id text PRIMARY KEY); INSERT INTO r SELECT id FROM l)");
  const TableComparison made = prepare();
  const std::vector<KeyRange> ranges =
      plan_key_ranges(*session_, made.comparison, made.source, {.rows_per_range = 500});
  EXPECT_EQ(ranges, std::vector<KeyRange>{kEverything});
  EXPECT_EQ(tuple(agreed(made.comparison, "text keys")), Counts(0, 0, 0));
  database_.execute("UPDATE r SET id = '07' WHERE id = '7'");
  EXPECT_EQ(tuple(agreed(made.comparison, "text keys")), Counts(1, 1, 0));
}

TEST_F(Comparing, SeesOneSnapshotFromTheHookOn) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY); INSERT INTO l SELECT generate_series(1, 100);
    CREATE TABLE r(id bigint PRIMARY KEY); INSERT INTO r SELECT * FROM l)");
  Comparison comparison = prepare().comparison;
  int calls = 0;
  RangeComparisonOptions options;
  options.after_snapshot = [&](postgres::Session&) {
    ++calls;
    database_.execute("DELETE FROM r WHERE id = 5");
    EXPECT_ANY_THROW(database_.execute("SET lock_timeout = '100ms'; TRUNCATE r"));
  };
  EXPECT_TRUE(compare_range(*session_, comparison, kEverything, options).equal);
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(compare_range(*session_, comparison, kEverything).equal);
  options.after_snapshot = [](postgres::Session&) { throw std::runtime_error("the table has changed"); };
  EXPECT_THROW(compare_range(*session_, comparison, kEverything, options), std::runtime_error);
  EXPECT_NO_THROW(compare_range(*session_, comparison, kEverything)) << "the transaction was left open";
}

TEST_F(Comparing, ReportsInTheDocumentedForm) {
  database_.execute(R"(
    CREATE TABLE l(id int PRIMARY KEY, v text); INSERT INTO l SELECT i, i FROM generate_series(1, 1000) i;
    CREATE TABLE r(id bigint PRIMARY KEY, v text); INSERT INTO r SELECT * FROM l; UPDATE r SET v = 'x' WHERE id = 777)");
  Comparison comparison = prepare().comparison;
  comparison.not_compared = {"touched"};
  const RangeOutcome outcome = compare_range(*session_, comparison, kEverything);
  VerificationTally unexplained;
  unexplained.add(outcome);
  EXPECT_FALSE(unexplained.report(comparison, 12, true).exact);
  EXPECT_FALSE(unexplained.report(comparison, 12, true).equal);
  VerificationTally tally;
  tally.add(outcome, differences(comparison));
  const VerificationReport report = tally.report(comparison, 12, true);
  EXPECT_EQ(to_json(report),
            boost::json::parse(R"({"run":12,"mode":"full","left":"public.l","right":"public.r",
    "complete":true,"exact":true,"equal":false,"rows_left":1000,"rows_right":1000,"chunks":1,"keys_excluded":0,
    "not_compared":["touched"],"differences":{"missing":0,"extra":0,"changed":1},
    "examples":[{"key":{"id":"777"},"kind":"changed","columns":["v"]}]})"));
  EXPECT_EQ(describe(report),
            "public.l and public.r: different\n"
            "  1000 rows against 1000, in 1 range; 0 keys compared later because they were in the log\n"
            "  not compared: touched\n  0 missing, 0 extra, 1 changed\n  changed  id=777: v");
}

TEST_F(Comparing, KeepsAComparisonAsJson) {
  database_.execute(
      "CREATE TABLE l(id int PRIMARY KEY, v text); CREATE TABLE r(id bigint PRIMARY KEY, v text)");
  Comparison comparison = prepare().comparison;
  comparison.log = postgres::QualifiedName{"s", "log"};
  const boost::json::value kept = boost::json::value_from(comparison);
  EXPECT_EQ(boost::json::value_from(boost::json::value_to<Comparison>(kept)), kept);
  const KeyRange range{KeyText{"1"}, std::nullopt};
  EXPECT_EQ(boost::json::value_to<KeyRange>(boost::json::value_from(range)), range);
}

TEST_F(Comparing, RefusesTablesWithoutACommonKey) {
  database_.execute(
      "CREATE TABLE l(id int PRIMARY KEY); CREATE TABLE r(id int); CREATE TABLE o(id int, v int)");
  try {
    prepare();
    FAIL() << "compared without a key";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::refused);
    EXPECT_EQ(failure.problem().code, "no-common-key");
  }
  try {
    prepare("l", "o");
    FAIL() << "compared different columns";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
  }
}

}  // namespace
}  // namespace crossfade::checkers
