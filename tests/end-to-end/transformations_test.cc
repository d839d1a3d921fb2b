// What a migration leaves must be what plain PostgreSQL leaves: the same table is made in two databases,
// plain SQL runs in one and crossfade in the other, then everything is compared: pg_dump's schema and all
// rows.
#include "tests/end-to-end/product.h"
#include "tests/support/quick_runs.h"

namespace crossfade::tests {
namespace {

struct Change {
  std::string name;
  std::string migration;
  std::string before = "";      ///< SQL after the common table was made
  std::string afterwards = "";  ///< what plain SQL needs besides the migration
  std::string columns = "*";    ///< what can be compared; random values cannot
  std::string role = "keeper";  ///< who owns the table and runs the migration
};

void PrintTo(const Change& change, std::ostream* stream) {
  *stream << change.name;
}

constexpr const char* kTable = R"sql(
CREATE TABLE things (
  id integer PRIMARY KEY, kind integer NOT NULL, label text NOT NULL DEFAULT 'x', price numeric(10,2),
  made timestamp DEFAULT '2020-01-01', facts jsonb, CONSTRAINT kind_known CHECK (kind >= 0));
INSERT INTO things SELECT i, i % 7, 'label ' || i, i / 3.0, timestamp '2020-01-01' + i * interval '1 min',
  jsonb_build_object('n', i) FROM generate_series(1, 700) AS i;
CREATE INDEX things_kind ON things (kind);
CREATE UNIQUE INDEX things_label ON things (label);
CREATE INDEX things_some ON things (lower(label)) WHERE kind > 2;
COMMENT ON TABLE things IS 'the things';
COMMENT ON COLUMN things.kind IS 'the kind';
COMMENT ON INDEX things_kind IS 'by kind';
COMMENT ON CONSTRAINT kind_known ON things IS 'known';
COMMENT ON CONSTRAINT things_pkey ON things IS 'the key';
GRANT SELECT, INSERT ON things TO shop WITH GRANT OPTION;
GRANT SELECT (id, label), UPDATE (label) ON things TO reader;
GRANT SELECT ON things TO PUBLIC;
ALTER TABLE things ALTER label SET STATISTICS 500, ALTER kind SET (n_distinct = 7), ALTER label SET STORAGE EXTERNAL;
ALTER TABLE things SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_enabled = false);
)sql";
constexpr const char* kWider = "ALTER TABLE things ALTER COLUMN id TYPE bigint;\n";
const std::string kTenRows = "INSERT INTO t SELECT i FROM generate_series(1, 10) AS i;";
const std::string kWiderT = "ALTER TABLE t ALTER COLUMN id TYPE bigint;\n";

std::string identity_table(const std::string& options) {
  return "CREATE TABLE t (id integer GENERATED " + options +
         " PRIMARY KEY, v text); INSERT INTO t (v) SELECT 'v' FROM generate_series(1, 20);";
}

class Transformation : public ::testing::TestWithParam<Change> {};

TEST_P(Transformation, LeavesWhatPlainSqlLeaves) {
  const Change& change = GetParam();
  Product plain;
  Product faded;
  for (Product* product : {&plain, &faded}) {
    product->as("postgres", "GRANT ALL ON SCHEMA public TO PUBLIC");
    product->as(change.role,
                change.before.starts_with("CREATE TABLE t ") ? change.before : kTable + change.before);
  }
  plain.as(change.role, change.migration + ";" + change.afterwards);
  faded.write("0001_change.sql", change.migration);
  const Finished finished = faded.run({"up", "--contract", "--approve"}, change.role);
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(faded.schema(), plain.schema());
  const std::string table = change.before.starts_with("CREATE TABLE t ") ? "t" : "things";
  EXPECT_EQ(faded.rows(table, change.columns), plain.rows(table, change.columns));
  EXPECT_THAT(faded.traces(), ::testing::IsEmpty());
}

const Change kTypes[] = {
    {"Bigint", kWider},
    {"BigintBySuperuser", kWider, "", "", "*", "postgres"},
    {"KeyToText", "ALTER TABLE things ALTER id TYPE text"},
    {"Smaller", "ALTER TABLE things ALTER id TYPE smallint"},
    {"NumericScaleGrows", "ALTER TABLE things ALTER price TYPE numeric(20,6)"},
    {"NumericScaleShrinks", "ALTER TABLE things ALTER price TYPE numeric(8,1)"},
    {"NumericToInteger", "ALTER TABLE things ALTER price TYPE integer"},
    {"TimestampPrecision", "ALTER TABLE things ALTER made TYPE timestamp(0)"},
    {"TimestampToDate", "ALTER TABLE things ALTER made TYPE date"},
    {"TimestampWithUsing",
     "ALTER TABLE things ALTER made TYPE timestamptz USING made AT TIME ZONE 'Europe/Berlin'"},
    {"Varchar", "ALTER TABLE things ALTER label TYPE varchar(20)"},
    {"Char", "ALTER TABLE things ALTER label TYPE char(30)"},
    {"Collation", "ALTER TABLE things ALTER label TYPE text COLLATE \"C\", ALTER id TYPE bigint"},
    {"Jsonb", "ALTER TABLE things ALTER label TYPE jsonb USING to_jsonb(label)",
     "DROP INDEX things_some;"
     "ALTER TABLE things ALTER label DROP DEFAULT;"},
    {"Array", "ALTER TABLE things ALTER price TYPE numeric[] USING ARRAY[price]"},
    {"Boolean", "ALTER TABLE things DROP CONSTRAINT kind_known, ALTER kind TYPE boolean USING kind > 2",
     "DROP INDEX things_some;"},
    {"UsersOwnFunction", "ALTER TABLE things ALTER price TYPE integer USING shout(label)",
     "CREATE FUNCTION shout(text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT length($1)';"},
    {"UsingOverOtherColumns",
     "ALTER TABLE things ALTER price TYPE text USING label || kind, ALTER facts TYPE "
     "integer USING kind + 1"},
    {"UsingSeesWhatTheStatementBeforeItLeft",
     "ALTER TABLE things ALTER price TYPE text USING label || kind;"
     "ALTER TABLE things ALTER facts TYPE text USING price || '!'"},
    {"UsingWithoutAChangeOfType", "ALTER TABLE things ALTER label TYPE text USING upper(label)"},
    {"UsingAfterRename",
     "ALTER TABLE things RENAME price TO cost; ALTER TABLE things ADD price bigint DEFAULT 9;"
     "ALTER TABLE things ALTER cost TYPE text USING 'q' || cost"},
    {"UsingTheClock", "ALTER TABLE things ALTER made TYPE date USING now()"},
    {"UsingChance", "ALTER TABLE things ALTER price TYPE double precision USING random()", "", "",
     "id, kind, label, made, facts, price < 1"},
};
const Change kColumns[] = {
    {"VolatileDefault", "ALTER TABLE things ADD token uuid DEFAULT gen_random_uuid()", "", "",
     "id, kind, label, price, made, facts, token IS NOT NULL"},
    {"StableDefaultIsOneValue", "ALTER TABLE things ADD at timestamptz DEFAULT now(), ALTER id TYPE bigint",
     "", "", "id, kind, label, price, made, facts, (SELECT count(DISTINCT at) FROM things)"},
    {"StoredGenerated", "ALTER TABLE things ADD twice integer GENERATED ALWAYS AS (kind * 2) STORED"},
    {"Serial", "ALTER TABLE things ADD number serial", "", "", "id, kind, label, number BETWEEN 1 AND 700"},
    {"UniqueBigserial", "ALTER TABLE things ADD number bigserial UNIQUE", "", "", "id, kind, label"},
    {"Identity", "ALTER TABLE things ADD number bigint GENERATED ALWAYS AS IDENTITY", "", "",
     "id, kind, label, number BETWEEN 1 AND 700"},
    {"IdentityWithOptions",
     "ALTER TABLE things ADD number integer GENERATED BY DEFAULT AS IDENTITY (START 100 INCREMENT 5)", "", "",
     "id, kind, label"},
    {"DropAndAdd",
     "ALTER TABLE things DROP price, ADD cost integer DEFAULT 5 NOT NULL, ALTER id TYPE bigint"},
    {"Rename",
     "ALTER TABLE things RENAME kind TO sort; ALTER TABLE things ALTER sort TYPE bigint;"
     "ALTER TABLE things RENAME CONSTRAINT kind_known TO sort_known"},
    {"RenameKey", "ALTER TABLE things RENAME id TO number; ALTER TABLE things ALTER number TYPE bigint"},
    {"DropKeyColumn", "ALTER TABLE things DROP id; ALTER TABLE things ALTER kind TYPE bigint"},
    {"IfExists",
     "ALTER TABLE IF EXISTS things DROP COLUMN IF EXISTS nothing, ADD COLUMN IF NOT EXISTS kind integer, "
     "ALTER "
     "id TYPE bigint"},
    {"Backfill", "-- crossfade:backfill double = kind * 2\nALTER TABLE things ADD double bigint", "",
     "UPDATE things SET double = kind * 2"},
    {"BackfillOfWhatIsThere", "-- crossfade:backfill things.label = upper(label)\n" + std::string(kWider), "",
     "UPDATE things SET label = upper(label)"},
    {"PureRewrite", "-- crossfade:rewrite things\n"},
};
const Change kConstraints[] = {
    {"CheckUniqueNotNullDefault",
     "ALTER TABLE things ALTER id TYPE bigint, ALTER price SET NOT NULL, ADD CHECK (price >= 0),"
     "ADD CONSTRAINT both_ways UNIQUE (price, id), ALTER kind SET DEFAULT 3, ALTER label DROP DEFAULT"},
    {"OtherKey",
     "ALTER TABLE things DROP CONSTRAINT things_pkey, ADD PRIMARY KEY (label), ALTER id TYPE bigint"},
    {"WiderKey",
     "ALTER TABLE things DROP CONSTRAINT things_pkey; ALTER TABLE things ADD PRIMARY KEY (kind, id);" +
         std::string(kWider)},
    {"NotValidCheck",
     "ALTER TABLE things ALTER id TYPE bigint, ADD CONSTRAINT later CHECK (kind < 0) NOT VALID"},
    {"ExistingNotValidCheck", kWider,
     "ALTER TABLE things ADD CONSTRAINT later CHECK (kind < 0) NOT VALID, ADD CONSTRAINT mine CHECK (kind >= "
     "0) "
     "NO INHERIT; COMMENT ON CONSTRAINT later ON things IS 'later';"},
    {"Deferrable", kWider,
     "ALTER TABLE things ADD CONSTRAINT late UNIQUE (label) DEFERRABLE INITIALLY DEFERRED,"
     "ADD CONSTRAINT maybe_late UNIQUE (kind, label) DEFERRABLE;"},
    {"Indexes", std::string(kWider) +
                    "CREATE INDEX ON things USING gin (facts); CREATE INDEX ON things (price DESC NULLS "
                    "LAST) INCLUDE (label); COMMENT ON COLUMN things.price IS 'new'; COMMENT ON TABLE "
                    "things IS NULL"},
    {"OddIndexes", kWider,
     "CREATE UNIQUE INDEX ON things (label) WHERE kind > 2; CREATE INDEX ON things USING hash (label);"
     "CREATE INDEX ON things USING brin (kind) WITH (pages_per_range = 4);"
     "CREATE INDEX odd ON things ((kind + 1), lower(label)); ALTER INDEX odd ALTER COLUMN 1 SET STATISTICS "
     "33;"
     "CREATE INDEX ON things (label text_pattern_ops DESC) WITH (fillfactor = 60, deduplicate_items = off);"},
    {"KeyWithIncludeAndStorage", kWiderT,
     "CREATE TABLE t (id integer, v text, PRIMARY KEY (id) INCLUDE (v) WITH (fillfactor = 60)); " + kTenRows},
};
const Change kStorage[] = {
    {"Reloptions",
     "ALTER TABLE things SET (fillfactor = 50, autovacuum_enabled = false), ALTER id TYPE bigint;"
     "ALTER TABLE things RESET (autovacuum_vacuum_scale_factor)"},
    {"ColumnSettings",
     "ALTER TABLE things ALTER id TYPE bigint, ALTER label SET STATISTICS 10, ALTER kind RESET (n_distinct),"
     "ALTER label SET STORAGE MAIN, ALTER facts SET COMPRESSION pglz"},
    {"ReplicaIdentityFull", kWider, "ALTER TABLE things REPLICA IDENTITY FULL;"},
    {"ReplicaIdentityIndex", kWider, "ALTER TABLE things REPLICA IDENTITY USING INDEX things_label;"},
    {"ReplicaIdentityNothing", kWider, "ALTER TABLE things REPLICA IDENTITY NOTHING;"},
    {"ReplicaIdentityInTheFile", "ALTER TABLE things REPLICA IDENTITY FULL, ALTER id TYPE bigint"},
    {"Clustered", kWider, "ALTER TABLE things CLUSTER ON things_kind;"},
    {"RowSecurityWithoutPolicies", kWider, "ALTER TABLE things ENABLE ROW LEVEL SECURITY;"},
    {"RowSecurityForcedOnASuperuser", kWider,
     "ALTER TABLE things ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;", "", "*", "postgres"},
    {"RowSecurityInTheFile", "ALTER TABLE things ENABLE ROW LEVEL SECURITY;" + std::string(kWider)},
    {"RowSecurityOffInTheFile", "ALTER TABLE things DISABLE ROW LEVEL SECURITY;" + std::string(kWider),
     "ALTER TABLE things ENABLE ROW LEVEL SECURITY;"},
    {"OwnerInTheFile", "ALTER TABLE things OWNER TO shop;" + std::string(kWider), "", "", "*", "postgres"},
    {"OwnedBySomebodyElse", kWider, "ALTER TABLE things OWNER TO keeper;", "", "*", "postgres"},
    {"DefaultPrivileges", kWider,
     "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO reader; ALTER DEFAULT PRIVILEGES GRANT ALL ON "
     "SEQUENCES TO "
     "reader; ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO reader;"},
};
const Change kSequences[] = {
    {"SerialKey", kWiderT,
     "CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) VALUES ('a'), ('b');"
     "GRANT USAGE ON SEQUENCE t_id_seq TO shop; COMMENT ON SEQUENCE t_id_seq IS 'numbers';"},
    {"SerialBecomesBigint", "-- crossfade:sequence as bigint\n" + kWiderT,
     "CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) VALUES ('a');",
     "ALTER SEQUENCE t_id_seq AS bigint"},
    {"SerialWithoutDefault", "ALTER TABLE t ALTER id DROP DEFAULT, ALTER id TYPE bigint",
     "CREATE TABLE t (id serial PRIMARY KEY, v text); INSERT INTO t (v) VALUES ('a');"},
    {"DroppedSerial", "ALTER TABLE t DROP s, ALTER id TYPE bigint",
     "CREATE TABLE t (id integer PRIMARY KEY, s serial); " + kTenRows},
    {"FreeSequence", kWiderT,
     "CREATE TABLE t (id integer PRIMARY KEY); CREATE SEQUENCE free; ALTER TABLE t ALTER id SET DEFAULT "
     "nextval('free'); INSERT INTO t DEFAULT VALUES;"},
    {"IdentityAlways", kWiderT, identity_table("ALWAYS AS IDENTITY")},
    {"IdentityWithGrantsAndComment", kWiderT,
     identity_table("ALWAYS AS IDENTITY (START 10 INCREMENT 3 CACHE 5 MAXVALUE 100000 CYCLE)") +
         "GRANT USAGE ON SEQUENCE t_id_seq TO shop; COMMENT ON SEQUENCE t_id_seq IS 'numbers';"},
    {"IdentityWithAnotherName", kWiderT,
     identity_table("BY DEFAULT AS IDENTITY") + "ALTER SEQUENCE t_id_seq RENAME TO odd;"},
    {"IdentityRenamed", "ALTER TABLE t RENAME id TO number; ALTER TABLE t ALTER number TYPE bigint",
     identity_table("BY DEFAULT AS IDENTITY")},
    {"IdentityDropped", "ALTER TABLE t ALTER id DROP IDENTITY; " + kWiderT,
     identity_table("ALWAYS AS IDENTITY")},
    {"IdentityAdded", "ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1000); " + kWiderT,
     "CREATE TABLE t (id integer PRIMARY KEY); " + kTenRows},
    {"IdentityChanged", "ALTER TABLE t ALTER id SET GENERATED ALWAYS SET INCREMENT 7; " + kWiderT,
     identity_table("BY DEFAULT AS IDENTITY")},
    {"IdentityUnderDefaultPrivileges", kWiderT,
     identity_table("ALWAYS AS IDENTITY") + "ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO reader;"},
    {"IdentityOwnerInTheFile", "ALTER TABLE t OWNER TO reader; " + kWiderT,
     identity_table("BY DEFAULT AS IDENTITY") + "GRANT SELECT ON t, t_id_seq TO shop;", "", "*", "postgres"},
    {"Generated", kWiderT,
     "CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 4, g integer GENERATED ALWAYS AS (a * 2) "
     "STORED); " +
         kTenRows,
     "", "*"},
    {"GeneratedOnes",
     "ALTER TABLE t ALTER g TYPE bigint; ALTER TABLE t ADD h bigint GENERATED ALWAYS AS (a + 1) STORED",
     "CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 4, g integer GENERATED ALWAYS AS (a * 2) "
     "STORED); "
     "CREATE INDEX ON t (g); " +
         kTenRows},
    {"GeneratedNoMore", "ALTER TABLE t ALTER g DROP EXPRESSION, ALTER id TYPE bigint",
     "CREATE TABLE t (id integer PRIMARY KEY, a integer DEFAULT 4, g integer GENERATED ALWAYS AS (a * 2) "
     "STORED); " +
         kTenRows},
};

std::string name_of(const ::testing::TestParamInfo<Change>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(Types, Transformation, ::testing::ValuesIn(one_of_each(3, kTypes)), name_of);
INSTANTIATE_TEST_SUITE_P(Columns, Transformation, ::testing::ValuesIn(one_of_each(3, kColumns)), name_of);
INSTANTIATE_TEST_SUITE_P(Constraints, Transformation, ::testing::ValuesIn(one_of_each(3, kConstraints)),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Storage, Transformation, ::testing::ValuesIn(one_of_each(3, kStorage)), name_of);
INSTANTIATE_TEST_SUITE_P(Sequences, Transformation, ::testing::ValuesIn(one_of_each(3, kSequences)), name_of);

}  // namespace
}  // namespace crossfade::tests
