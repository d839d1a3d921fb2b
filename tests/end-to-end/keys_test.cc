// Tables by their key: every kind that the product promises to work with is migrated while rows with odd
// values stand in it, and then holds exactly what plain SQL would have made of it. Written to once more after
// the copy, so that capture and replay meet the key as well.
#include "tests/end-to-end/product.h"
#include "tests/support/quick_runs.h"

namespace crossfade::tests {
namespace {

struct Keyed {
  std::string name;
  std::string table;  ///< as SQL names it
  std::string create;
  std::string migration;
  std::string writes;  ///< after the copy, before the cutover
};

void PrintTo(const Keyed& keyed, std::ostream* stream) {
  *stream << keyed.name;
}

class Key : public ::testing::TestWithParam<Keyed> {};

TEST_P(Key, IsCarriedThroughCopyReplayAndCutover) {
  const Keyed& keyed = GetParam();
  Product plain;
  Product faded;
  for (Product* product : {&plain, &faded}) {
    product->as("postgres",
                "ALTER DATABASE " + product->database().name() + " SET timezone = 'Asia/Kolkata'");
    product->as("keeper", keyed.create);
  }
  faded.write("0001_change.sql", keyed.migration);
  const Answer prepared = faded.ask({"up", "--postpone-cutover"});
  ASSERT_EQ(prepared.exit_code(), 4) << describe(prepared.finished);
  EXPECT_EQ(prepared.error_code(), "postponed");

  for (Product* product : {&plain, &faded}) product->as("keeper", keyed.writes);
  plain.as("keeper", keyed.migration);
  const Answer done = faded.ask({"cutover", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  if (!keyed.writes.empty()) {
    EXPECT_NE(done.text("/runs/0/keys_replayed"), "0");
  }
  EXPECT_EQ(faded.rows(keyed.table), plain.rows(keyed.table));
  EXPECT_EQ(faded.schema(), plain.schema());
  EXPECT_THAT(faded.traces(), ::testing::IsEmpty());
}

const std::string kLong(63, 'n');

/// A table `t` with key columns `key` filled by `value` of i, changed and written to like the others.
Keyed of_type(const std::string& name, const std::string& type, const std::string& value,
              const std::string& extra = "") {
  return {name, "t",
          "CREATE TABLE t (id " + type + " PRIMARY KEY, n integer); INSERT INTO t SELECT " + value +
              ", i FROM generate_series(1, 300) AS i;" + extra,
          "ALTER TABLE t ALTER n TYPE bigint;\n",
          "UPDATE t SET n = -n WHERE n % 7 = 0; DELETE FROM t WHERE n % 11 = 0"};
}

Keyed key_change(const std::string& name, const std::string& from, const std::string& value,
                 const std::string& to) {
  Keyed keyed = of_type(name, from, value);
  keyed.migration = "ALTER TABLE t ALTER id TYPE " + to + ", ALTER n TYPE bigint;\n";
  return keyed;
}

const Keyed kTypes[] = {
    of_type("Integer", "integer", "i - 150"),
    of_type("SparseBigint", "bigint", "(i - 150) * 36028797018963968",
            "INSERT INTO t VALUES (9223372036854775807, 1), (-9223372036854775808, 2)"),
    of_type("Uuid", "uuid", "md5(i::text)::uuid"),
    of_type("Numeric", "numeric", "i / 7.0",
            "INSERT INTO t VALUES ('NaN', 1), ('Infinity', 2), ('-Infinity', 3), (1.50, 4), (-0.0, 5)"),
    of_type("TimestampTz", "timestamptz", "timestamptz '2020-03-29' + i * interval '1 h 1 microsecond'",
            "INSERT INTO t VALUES ('infinity', 1), ('-infinity', 2), ('0044-03-15 BC', 3)"),
    of_type("Text", "text", "CASE WHEN i % 2 = 0 THEN 'Ä' ELSE E'b\\t''\\\\' END || i"),
    of_type("TextUnderAnotherCollation", "text COLLATE \"en-x-icu\"",
            "CASE i % 3 WHEN 0 THEN 'Ä' WHEN 1 THEN 'a' ELSE 'Z' END || i"),
    {"NonDeterministicCollation", "t",
     "CREATE COLLATION either (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
     "CREATE TABLE t (id text COLLATE either PRIMARY KEY, n integer); INSERT INTO t SELECT 'Key ' || i, i "
     "FROM "
     "generate_series(1, 300) AS i;",
     "ALTER TABLE t ALTER n TYPE bigint;\n",
     "UPDATE t SET id = upper(id) WHERE n % 5 = 0; UPDATE t SET id = lower(id) WHERE n % 10 = 0"},
    {"Enum", "t",
     "CREATE TYPE colour AS ENUM ('red', 'blue', 'green'); CREATE TABLE t (c colour, id integer, n integer, "
     "PRIMARY KEY (c, id)); INSERT INTO t SELECT (ARRAY['red', 'blue', 'green'])[i % 3 + 1]::colour, i, i "
     "FROM "
     "generate_series(1, 300) AS i;",
     "ALTER TABLE t ALTER n TYPE bigint;\n", "UPDATE t SET c = 'green' WHERE n % 5 = 0"},
    {"Domain", "t",
     "CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE TABLE t (id positive PRIMARY KEY, n "
     "integer); "
     "INSERT INTO t SELECT i, i FROM generate_series(1, 300) AS i;",
     "ALTER TABLE t ALTER id TYPE bigint;\n", "UPDATE t SET id = id + 1000 WHERE n % 5 = 0"},
    {"Composite", "t",
     "CREATE TABLE t (a integer, b text, c date, v text, PRIMARY KEY (b, a, c)); INSERT INTO t SELECT i % "
     "10, 'b' "
     "|| i % 7, date '2020-01-01' + i, 'v' FROM generate_series(1, 300) AS i;",
     "ALTER TABLE t ALTER a TYPE bigint;\n",
     "UPDATE t SET b = 'z' WHERE a = 3; DELETE FROM t WHERE a = 4; INSERT INTO t VALUES (1, '', '-infinity', "
     "'')"},
};
const Keyed kChanges[] = {
    key_change("IntegerToBigint", "integer", "i", "bigint"),
    key_change("IntegerToText", "integer", "i", "text"),
    key_change("IntegerToNumeric", "integer", "i", "numeric"),
    key_change("VarcharToText", "varchar(20)", "'k' || i", "text"),
    key_change("TextToVarchar", "text", "'k' || i", "varchar(9)"),
    key_change("UuidToText", "uuid", "md5(i::text)::uuid", "text"),
    {"Rename", "t",
     "CREATE TABLE t (id integer PRIMARY KEY, n integer); INSERT INTO t SELECT i, i FROM "
     "generate_series(1, 300) AS i;",
     "ALTER TABLE t RENAME id TO \"Number\"; ALTER TABLE t ALTER \"Number\" TYPE bigint;\n",
     "UPDATE t SET id = -id WHERE n % 5 = 0"},
    {"OtherColumns", "t",
     "CREATE TABLE t (id integer PRIMARY KEY, a integer NOT NULL, b text NOT NULL); INSERT INTO t SELECT i, "
     "i % 10, "
     "'b' || i FROM generate_series(1, 300) AS i;",
     "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (b, a), ALTER a TYPE bigint;\n",
     "UPDATE t SET a = a + 100 WHERE id % 5 = 0; INSERT INTO t VALUES (1000, 1, 'new')"},
};
const Keyed kTables[] = {
    {"UniqueIndexWithoutPrimaryKey", "t",
     "CREATE TABLE t (id integer NOT NULL, n integer); CREATE UNIQUE INDEX only_key ON t (id DESC); INSERT "
     "INTO t "
     "SELECT i, i FROM generate_series(1, 300) AS i;",
     "ALTER TABLE t ALTER id TYPE bigint;\n", "UPDATE t SET id = -id WHERE n % 5 = 0"},
    {"DroppedColumns", "t",
     "CREATE TABLE t (x text, id integer, y integer, n integer, z integer, v text); INSERT INTO t SELECT "
     "'x', i, i, "
     "i, i, 'v' FROM generate_series(1, 300) AS i; ALTER TABLE t DROP x, DROP y, DROP z; ALTER TABLE t ADD "
     "PRIMARY "
     "KEY (id); ALTER TABLE t ADD w integer DEFAULT 7;",
     "ALTER TABLE t ALTER id TYPE bigint;\n", "UPDATE t SET v = NULL WHERE n % 5 = 0"},
    {"ToastedValues", "t",
     "CREATE TABLE t (id integer PRIMARY KEY, v text, x bytea); ALTER TABLE t ALTER v SET STORAGE EXTERNAL; "
     "INSERT "
     "INTO t SELECT i, repeat(md5(i::text), 500), decode(repeat(md5(i::text), 300), 'hex') FROM "
     "generate_series(1, "
     "100) AS i;",
     "ALTER TABLE t ALTER id TYPE bigint;\n", "UPDATE t SET id = id + 1000 WHERE id % 5 = 0"},
    {"AllTypes", "t",
     "CREATE TYPE pair AS (a integer, b text); CREATE TABLE t (id integer PRIMARY KEY, a integer[], r "
     "int4range, m "
     "int4multirange, c pair, i inet, mc macaddr, b bit(5), vb varbit, mo money, ti time, tz timetz, iv "
     "interval, p "
     "point, pg polygon, tsv tsvector, tq tsquery, js json, jp jsonpath, h \"char\", n name, o oid, rc "
     "regclass, f "
     "float4, d float8, by bytea, ls pg_lsn, arr text[][], x xml);"
     "INSERT INTO t SELECT i, ARRAY[i, NULL], int4range(i, i + 5), int4multirange(int4range(i, i + 5)), "
     "ROW(i, "
     "'b')::pair, '10.0.0.1', '08:00:2b:01:02:03', B'10101', B'101', 5.5, '12:00', '12:00+02', '1 mon', "
     "'(1,2)', "
     "'((0,0),(1,1),(1,0))', 'a b c'::tsvector, 'a & b', '{\"a\" : 1}', '$.a', 'x', 'nm', 5, 'pg_class', "
     "'NaN', "
     "'-0', '\\x00ff', '0/16B3748', ARRAY[['a', 'b'], ['c', NULL]], '<?xml version=\"1.0\" "
     "standalone=\"yes\"?><a/>' FROM generate_series(1, 50) AS i;",
     "ALTER TABLE t ALTER id TYPE bigint;\n", "UPDATE t SET d = 0, iv = '30 days' WHERE id % 5 = 0"},
    {"NoRows", "t", "CREATE TABLE t (id integer PRIMARY KEY, v text);",
     "ALTER TABLE t ALTER id TYPE bigint;\n", ""},
    {"FirstRowsAfterTheCopy", "t", "CREATE TABLE t (id integer PRIMARY KEY, v text);",
     "ALTER TABLE t ALTER id TYPE bigint;\n",
     "INSERT INTO t SELECT i, 'v' FROM generate_series(1, 300) AS i"},
    {"OddNames", "\"Odd Schema\".\"Sel\"\"ect\"",
     "CREATE SCHEMA \"Odd Schema\"; CREATE TABLE \"Odd Schema\".\"Sel\"\"ect\" (\"User\" integer PRIMARY "
     "KEY, "
     "\"order\" integer, \"a\"\"b\" text, \"%s {} $1 \\\" text, \"ünï\" integer CHECK (\"ünï\" > 0)); INSERT "
     "INTO "
     "\"Odd Schema\".\"Sel\"\"ect\" SELECT i, i, 'x', 'y', i FROM generate_series(1, 300) AS i; CREATE INDEX "
     "\"I "
     "x\" ON \"Odd Schema\".\"Sel\"\"ect\" (\"order\");",
     "ALTER TABLE \"Odd Schema\".\"Sel\"\"ect\" ALTER \"User\" TYPE bigint, ADD CONSTRAINT \"C c\" UNIQUE "
     "(\"order\"); ALTER TABLE \"Odd Schema\".\"Sel\"\"ect\" RENAME \"a\"\"b\" TO \"c d\";\n",
     "UPDATE \"Odd Schema\".\"Sel\"\"ect\" SET \"User\" = - \"User\" WHERE \"order\" % 5 = 0"},
    {"LongNames", "\"" + kLong + "\"",
     "CREATE TABLE " + kLong + " (" + kLong + " integer PRIMARY KEY, s serial); INSERT INTO " + kLong +
         " SELECT i FROM generate_series(1, 300) AS i; CREATE INDEX " + std::string(63, 'i') + " ON " +
         kLong + " (s);",
     "ALTER TABLE " + kLong + " ALTER " + kLong + " TYPE bigint;\n",
     "DELETE FROM " + kLong + " WHERE " + kLong + " % 5 = 0"},
};

std::string name_of(const ::testing::TestParamInfo<Keyed>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Type, Key, ::testing::ValuesIn(one_of_each(2, kTypes)), name_of);
INSTANTIATE_TEST_SUITE_P(Change, Key, ::testing::ValuesIn(one_of_each(2, kChanges)), name_of);
INSTANTIATE_TEST_SUITE_P(Table, Key, ::testing::ValuesIn(one_of_each(2, kTables)), name_of);

TEST(SequenceOfAKey, GoesOnAfterTheCutover) {
  for (const std::string type :
       {"serial", "integer GENERATED ALWAYS AS IDENTITY",
        "integer GENERATED BY DEFAULT AS IDENTITY (START -5 INCREMENT -2 MINVALUE -100000)"}) {
    SCOPED_TRACE(type);
    Product product;
    product.as("keeper", "CREATE TABLE t (id " + type +
                             " PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'v' FROM "
                             "generate_series(1, 100)");
    product.write("0001_change.sql", "ALTER TABLE t ALTER id TYPE bigint;\n");
    const Answer answer = product.ask({"up", "--contract"});
    ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    const bool falling = type.find("-2") != std::string::npos;
    EXPECT_EQ(product.database().scalar(
                  "WITH before AS (SELECT min(id) AS low, max(id) AS high FROM t) INSERT INTO t "
                  "(v) VALUES ('w') RETURNING " +
                  std::string(falling ? "id < (SELECT low FROM before)" : "id > (SELECT high FROM before)")),
              "t");
    EXPECT_EQ(product.database().scalar("SELECT pg_get_serial_sequence('t', 'id')"), "public.t_id_seq");
  }
}

TEST(SequenceOfAKey, OfABigintIsNotLeftWithTheLimitOfAnInteger) {
  Product product;
  product.as("keeper", "CREATE TABLE t (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY)");
  product.write("0001_change.sql", "ALTER TABLE t ALTER id TYPE bigint;\n");
  ASSERT_EQ(product.ask({"up", "--contract"}).exit_code(), 0);
  product.as("keeper", "SELECT setval('t_id_seq', 2147483647)");
  EXPECT_EQ(product.database().scalar("INSERT INTO t DEFAULT VALUES RETURNING id"), "2147483648");
}

}  // namespace
}  // namespace crossfade::tests
