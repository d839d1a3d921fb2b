#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>

#include "tests/integration/batched_run.h"

namespace crossfade::tests {
namespace {

struct KeyCase {
  std::string name;
  std::string columns;  ///< definitions of the key's columns
  std::string key;      ///< as in PRIMARY KEY (…)
  std::string values;   ///< over n, which counts from 1; may give a key twice
};

void PrintTo(const KeyCase& key, std::ostream* out) {
  *out << key.columns;
}

const std::vector<KeyCase>& key_cases() {
  static const std::vector<KeyCase> cases = {
      {"negative", "k bigint", "(k)", "(n - 250) * 1000000007::bigint"},
      {"uuid", "k uuid", "(k)", "md5(n::text)::uuid"},
      {"numeric", "k numeric", "(k)", "(n - 200)::numeric / 7"},
      {"float", "k float8", "(k)", "CASE n WHEN 1 THEN 'NaN' WHEN 2 THEN '-Infinity' ELSE sqrt(n) - 10 END"},
      {"timestamp", "k timestamptz", "(k)",
       "CASE n WHEN 1 THEN 'infinity' ELSE '2020-03-29 00:00'::timestamptz + n * '17 min'::interval END"},
      {"interval", "k interval", "(k)", "n * '-1 day'::interval + n * n * '1 hour'::interval"},
      {"text", "k text", "(k)",
       R"(CASE n % 4 WHEN 0 THEN chr(97 + n % 26) WHEN 1 THEN chr(65 + n % 26) WHEN 2 THEN '' ELSE '{"\,''ä' END || md5(n::text))"},
      {"collated", R"(k text COLLATE "en-x-icu")", "(k)",
       "CASE n % 2 WHEN 0 THEN chr(97 + n % 26) ELSE chr(65 + n % 26) END || n % 7 || 'é' || n"},
      {"case_blind", "k text COLLATE blind", "(k)", "CASE n % 2 WHEN 0 THEN 'x' ELSE 'X' END || n"},
      {"char", "k char(12)", "(k)", "to_hex(n * 7919)"},
      {"varchar", "k varchar(40)", "(k)", "md5(n::text)"},
      {"enumeration", "k mood, l integer", "(k, l)", "(ARRAY['sad', 'ok', 'glad']::mood[])[1 + n % 3], n"},
      {"domain", "k amount", "(k)", "n * 3"},
      {"bytes", "k bytea", "(k)", R"(decode(md5(n::text), 'hex'))"},
      {"list", "k integer[]", "(k)", "ARRAY[n % 10, n, NULL]"},
      {"composite", "k integer, l text, m bigint", "(k, l, m)", "n % 5 - 2, chr(97 + n % 3), n"},
      {"one_tenant", "k integer, l integer", "(k, l)", "1, n"},
  };
  return cases;
}

class BatchedKeys : public BatchedRun {
 protected:
  /// public.t, its double public.plain, and public.other with a value for some of t's.
  void create(const KeyCase& key) {
    database_.execute(
        "CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        "CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad'); CREATE DOMAIN amount AS integer CHECK (VALUE > 0)");
    database_.execute(
        fmt::format("CREATE TABLE t ({0}, v integer NOT NULL, s text, PRIMARY KEY {1});"
                    "INSERT INTO t SELECT {2}, (n * 37) % 101, 'row ' || n FROM (SELECT generate_series(1, "
                    "500) AS n) g ORDER BY "
                    "random() ON CONFLICT DO NOTHING;"
                    "CREATE TABLE plain (LIKE t INCLUDING ALL); INSERT INTO plain SELECT * FROM t;"
                    "CREATE TABLE other AS SELECT v, v * 2 AS w FROM generate_series(0, 50) v",
                    key.columns, key.key, key.values));
  }

  /// Runs the statement both ways; "equal", or how the tables differ.
  std::string compare(const std::string& sql) {
    step_ = sql;
    const std::int64_t batched = execute(sql);
    const migrations::Statement statement = migrations::parse_statements(sql, "a.sql", 1).at(0);
    const auto plain = database_.application_session()->run(
        {"plain", migrations::with_relation(statement, {"public", "plain"})});
    EXPECT_EQ(batched, static_cast<std::int64_t>(plain.affected())) << sql;
    EXPECT_GT(batched, 0) << sql;
    const std::string rows = database_.scalar(
        "SELECT string_agg(row, '; ') FROM ((SELECT t::text AS row FROM t EXCEPT ALL SELECT plain::text FROM "
        "plain) "
        "UNION ALL (SELECT plain::text FROM plain EXCEPT ALL SELECT t::text FROM t)) d");
    return rows == "NULL" ? "equal" : rows;
  }
};

class BatchedKeyTypes : public BatchedKeys, public ::testing::WithParamInterface<KeyCase> {};

TEST_P(BatchedKeyTypes, GiveWhatThePlainStatementGives) {
  create(GetParam());
  EXPECT_EQ(compare("UPDATE t SET v = v * 3 + 1, s = s || '!'"), "equal");
  EXPECT_GT(std::stoi(database_.scalar("SELECT max(batches) FROM crossfade.batches")), 2);
  EXPECT_EQ(compare("UPDATE t AS x SET v = x.v + o.w FROM other o WHERE o.v = x.v % 51 OR false"), "equal");
  EXPECT_EQ(
      compare("UPDATE ONLY t x SET (v, s) = (SELECT o.w, x.s || o.w FROM other o WHERE o.v = x.v % 51) WHERE "
              "x.v % 2 = 0 OR x.v < 10"),
      "equal");
  EXPECT_EQ(compare("DELETE FROM t AS x WHERE x.v % 7 = 0 OR x.s LIKE 'row 11%'"), "equal");
  EXPECT_EQ(
      compare("WITH gone AS (SELECT w FROM other WHERE w > 20) DELETE FROM t AS x USING gone WHERE x.v % 100 "
              "= gone.w"),
      "equal");
  EXPECT_EQ(compare("DELETE FROM t"), "equal");
}

INSTANTIATE_TEST_SUITE_P(All, BatchedKeyTypes, ::testing::ValuesIn(key_cases()),
                         [](const auto& each) { return each.param.name; });

TEST_F(BatchedKeys, AreTakenFromAUniqueIndexWhereThereIsNoPrimaryKey) {
  database_.execute(
      "CREATE TABLE t (k integer NOT NULL, l integer NOT NULL, v integer); CREATE UNIQUE INDEX k ON t (l "
      "DESC, k DESC) "
      "INCLUDE (v); INSERT INTO t SELECT n % 7, n, n FROM generate_series(1, 400) n;"
      "CREATE TABLE plain AS TABLE t");
  EXPECT_EQ(compare("UPDATE t SET v = -v"), "equal");
}

TEST_F(BatchedKeys, MeanTheSameUnderTheRolesOwnSettings) {
  database_.execute(fmt::format(
      "ALTER DATABASE {0} SET IntervalStyle = 'sql_standard'; ALTER DATABASE {0} SET DateStyle = 'German'; "
      "ALTER "
      "DATABASE {0} SET TimeZone = 'America/St_Johns'; ALTER DATABASE {0} SET extra_float_digits = -15",
      database_.name()));
  for (const KeyCase& key : key_cases()) {
    if (key.name != "timestamp") continue;
    create(key);
    EXPECT_EQ(compare("UPDATE t SET v = v + 1"), "equal");
  }
}

}  // namespace
}  // namespace crossfade::tests
