#include <algorithm>
#include <array>
#include <stdexcept>

#include "migrations/hazards.h"

namespace crossfade::migrations {

namespace {

using Cost = HazardCost;
using Class = HazardClass;
using Origin = HazardOrigin;

constexpr std::string_view kAccessExclusive = "ACCESS EXCLUSIVE";
constexpr std::string_view kShareRowExclusive = "SHARE ROW EXCLUSIVE";
constexpr std::string_view kShareUpdateExclusive = "SHARE UPDATE EXCLUSIVE";
constexpr std::string_view kShare = "SHARE";
constexpr std::string_view kRowExclusive = "ROW EXCLUSIVE";
constexpr std::string_view kNone;

constexpr std::string_view kAsIs = "as is, under the lock budget";
constexpr std::string_view kShadowTable = "a shadow table";

// clang-format off
constexpr std::array kRows = {
    HazardRow{"1", "add-column", "ADD COLUMN that may be null, without a default",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"2", "add-column-default", "ADD COLUMN … DEFAULT that is constant or STABLE, also NOT NULL",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"3", "add-column-volatile-default", "ADD COLUMN … DEFAULT that is VOLATILE",
              kAccessExclusive, Cost::rewrite, Class::in_place,
              "a shadow table; where none is possible the column without it, SET DEFAULT, batches that fill the rows, then NOT NULL as in row 24"},
    HazardRow{"4", "add-column-not-null", "ADD COLUMN … NOT NULL without a default; fails where there are rows",
              kAccessExclusive, Cost::scan, Class::in_place,
              "a default, a backfill directive or an UPDATE that fills it in the same file; then NOT NULL as in row 24"},
    HazardRow{"5", "add-serial-column", "ADD COLUMN serial or identity",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"6", "add-generated-column", "ADD COLUMN … GENERATED ALWAYS AS … STORED",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"7", "add-domain-column", "ADD COLUMN of a domain with a constraint",
              kAccessExclusive, Cost::rewrite, Class::in_place,
              "the base type and a CHECK as in row 27, or a shadow table"},
    HazardRow{"8", "add-unique-column", "ADD COLUMN … UNIQUE or PRIMARY KEY",
              kAccessExclusive, Cost::build, Class::in_place, "add the column, then row 32 or 33"},
    HazardRow{"8b", "add-checked-column", "ADD COLUMN … CHECK",
              kAccessExclusive, Cost::scan, Class::in_place, "add the column, then row 27"},
    HazardRow{"9", "add-referencing-column", "ADD COLUMN … REFERENCES, and CREATE TABLE … REFERENCES: the parent is locked in SHARE ROW EXCLUSIVE too",
              kAccessExclusive, Cost::catalog, Class::instant, "as is; with a default as row 29"},
    HazardRow{"10", "add-json-column", "ADD COLUMN json: the type has no =, so DISTINCT, GROUP BY and UNION fail",
              kAccessExclusive, Cost::catalog, Class::application, "jsonb"},
    HazardRow{"11", "drop-column", "DROP COLUMN; its indexes go with it",
              kAccessExclusive, Cost::catalog, Class::application,
              "only with an approval; the values are kept until contract"},
    HazardRow{"12", "rename-column", "RENAME COLUMN: the application knows the old name",
              kAccessExclusive, Cost::catalog, Class::application, "as is, when the application is ready"},
    HazardRow{"13", "rename-relation", "RENAME of a table, view or schema, SET SCHEMA: the application knows the old name",
              kAccessExclusive, Cost::catalog, Class::application,
              "as is, when the application is ready; a view of the old name bridges a deployment"},
    HazardRow{"14", "rename-index", "ALTER INDEX … RENAME",
              kShareUpdateExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"15", "rename-constraint", "RENAME CONSTRAINT",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"16", "widen-type", "ALTER COLUMN … TYPE that keeps the stored values: a longer varchar, varchar to text, more numeric digits at the same scale, cidr to inet",
              kAccessExclusive, Cost::catalog, Class::instant,
              "as is; a shadow table where a CHECK or an index on the column would be done anew"},
    HazardRow{"16b", "change-type-harmless-looking", "ALTER COLUMN … TYPE that looks harmless: a longer char(n), another numeric scale, real to double precision, date to timestamp, enum to text",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"17", "narrow-type", "ALTER COLUMN … TYPE to a shorter varchar, or from text to varchar(n)",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"18", "change-type", "ALTER COLUMN … TYPE to a type that is stored otherwise: integer to bigint",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"19", "change-time-zone", "ALTER COLUMN … TYPE between timestamp and timestamptz; no rewrite where the session's TimeZone is UTC",
              kAccessExclusive, Cost::rewrite, Class::shadow,
              "as is where the role's TimeZone is UTC; else a shadow table"},
    HazardRow{"20", "convert-type", "ALTER COLUMN … TYPE json to jsonb, or with USING",
              kAccessExclusive, Cost::rewrite, Class::shadow, kShadowTable},
    HazardRow{"21", "change-collation", "ALTER COLUMN … TYPE … COLLATE: every index on the column is built anew",
              kAccessExclusive, Cost::build, Class::shadow, kShadowTable},
    HazardRow{"22", "change-citext", "ALTER COLUMN … TYPE between text and citext: every index on the column is built anew",
              kAccessExclusive, Cost::build, Class::shadow, kShadowTable},
    HazardRow{"23", "change-key-type", "ALTER COLUMN … TYPE of a column in a foreign key: the key is checked anew",
              kAccessExclusive, Cost::rewrite, Class::shadow, "refused: both tables have to change together", Origin::facts},
    HazardRow{"24", "set-not-null", "SET NOT NULL",
              kAccessExclusive, Cost::scan, Class::in_place,
              "CHECK (… IS NOT NULL) NOT VALID, VALIDATE, SET NOT NULL without a scan, drop the CHECK"},
    HazardRow{"25", "drop-not-null", "DROP NOT NULL",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"26", "change-default", "SET DEFAULT, DROP DEFAULT, DROP EXPRESSION",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"27", "add-check", "ADD CHECK",
              kAccessExclusive, Cost::scan, Class::in_place, "NOT VALID, then VALIDATE in a transaction of its own"},
    HazardRow{"27b", "add-check-not-valid", "ADD CHECK … NOT VALID",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"27c", "validate-constraint", "VALIDATE CONSTRAINT",
              kShareUpdateExclusive, Cost::scan, Class::instant, "as is: reads and writes go on"},
    HazardRow{"28", "validate-at-once", "NOT VALID and VALIDATE in one transaction: the first one's lock is held during the scan",
              kAccessExclusive, Cost::scan, Class::in_place, "a transaction each", Origin::file},
    HazardRow{"29", "add-foreign-key", "ADD FOREIGN KEY",
              kShareRowExclusive, Cost::scan, Class::in_place, "NOT VALID, then VALIDATE in a transaction of its own"},
    HazardRow{"29b", "add-foreign-key-not-valid", "ADD FOREIGN KEY … NOT VALID: both tables are locked",
              kShareRowExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"30", "several-foreign-keys", "several foreign keys in one transaction: many tables locked at once",
              kShareRowExclusive, Cost::scan, Class::in_place, "one a transaction", Origin::file},
    HazardRow{"31", "foreign-key-on-partitioned", "ADD FOREIGN KEY … NOT VALID on a partitioned table: an error before 18",
              kShareRowExclusive, Cost::scan, Class::in_place, "on each partition first, then on the table", Origin::facts},
    HazardRow{"32", "add-unique", "ADD UNIQUE",
              kAccessExclusive, Cost::build, Class::in_place, "CREATE UNIQUE INDEX CONCURRENTLY, then USING INDEX"},
    HazardRow{"32b", "add-constraint-using-index", "ADD UNIQUE or PRIMARY KEY … USING INDEX",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"33", "add-primary-key", "ADD PRIMARY KEY; with USING INDEX a scan where a column may be null",
              kAccessExclusive, Cost::build, Class::in_place, "row 24 for its columns, then row 32"},
    HazardRow{"34", "add-exclusion", "ADD EXCLUDE",
              kAccessExclusive, Cost::build, Class::shadow, "refused: its index cannot be built concurrently"},
    HazardRow{"35", "drop-constraint", "DROP CONSTRAINT; of a foreign key it locks both tables",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"35b", "alter-constraint", "ALTER CONSTRAINT … DEFERRABLE",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"36", "create-index", "CREATE INDEX: writes wait while it is built",
              kShare, Cost::build, Class::in_place, "CONCURRENTLY"},
    HazardRow{"37", "create-index-concurrently", "CREATE INDEX CONCURRENTLY: a failed one leaves an INVALID index",
              kShareUpdateExclusive, Cost::build, Class::in_place, "outside of a transaction; a failed one is dropped and tried again"},
    HazardRow{"38", "index-waits-for-transactions", "CREATE INDEX CONCURRENTLY while old transactions are open: it waits for them, and lock_timeout ends it",
              kShareUpdateExclusive, Cost::build, Class::in_place, "no lock_timeout for it alone; the transactions are named", Origin::server},
    HazardRow{"39", "index-on-old-server", "CREATE INDEX CONCURRENTLY on 14.0 to 14.3: the index may be corrupt",
              kShareUpdateExclusive, Cost::build, Class::refused, "refused below 14.4", Origin::server},
    HazardRow{"40", "create-index-on-partitioned", "CREATE INDEX on a partitioned table: all partitions at once",
              kShare, Cost::build, Class::in_place, "ON ONLY, each partition CONCURRENTLY, ATTACH", Origin::facts},
    HazardRow{"41", "drop-index", "DROP INDEX",
              kAccessExclusive, Cost::catalog, Class::in_place, "CONCURRENTLY, unless it backs a constraint"},
    HazardRow{"42", "replace-index", "DROP INDEX before its successor is built: queries go without",
              kAccessExclusive, Cost::build, Class::in_place, "in the order of the file; lint warns", Origin::file},
    HazardRow{"43", "reindex", "REINDEX: writes wait, and whoever needs the index",
              kShare, Cost::build, Class::in_place, "CONCURRENTLY"},
    HazardRow{"44", "unique-over-duplicates", "a unique index over values that are not unique: it fails late",
              kShareUpdateExclusive, Cost::build, Class::in_place, "duplicates are looked for first, and named", Origin::server},
    HazardRow{"45", "add-enum-value", "ALTER TYPE … ADD VALUE: the value cannot be used before the commit",
              kNone, Cost::catalog, Class::instant, "a transaction of its own"},
    HazardRow{"46", "rename-enum-value", "ALTER TYPE … RENAME VALUE: the application knows the old value",
              kNone, Cost::catalog, Class::application, "as is, when the application is ready"},
    HazardRow{"46b", "alter-composite-type", "ALTER TYPE … ADD, DROP, ALTER or RENAME ATTRIBUTE",
              kNone, Cost::catalog, Class::application, "as is, when the application is ready"},
    HazardRow{"47", "remove-enum-value", "removing a value of an enum: PostgreSQL cannot",
              kAccessExclusive, Cost::rewrite, Class::shadow, "a new type, and a shadow table for each user", Origin::parser},
    HazardRow{"48", "constrain-domain", "ALTER DOMAIN … ADD CONSTRAINT, SET NOT NULL or VALIDATE: every table that uses it is scanned",
              kShare, Cost::scan, Class::in_place,
              "as is, rolled back where it takes longer than the budgets"},
    HazardRow{"49", "set-tablespace", "SET TABLESPACE: the files are copied",
              kAccessExclusive, Cost::rewrite, Class::shadow, "refused: the table would be copied under its lock"},
    HazardRow{"50", "set-logged", "SET LOGGED, SET UNLOGGED",
              kAccessExclusive, Cost::rewrite, Class::shadow, "refused: the table would be copied under its lock"},
    HazardRow{"51", "set-access-method", "SET ACCESS METHOD",
              kAccessExclusive, Cost::rewrite, Class::shadow, "refused: the table would be copied under its lock"},
    HazardRow{"52", "set-expression", "SET EXPRESSION of a stored column (17 and later)",
              kAccessExclusive, Cost::rewrite, Class::refused, "newer than the parser: exit 2", Origin::parser},
    HazardRow{"53", "set-storage", "SET STORAGE, SET COMPRESSION: old rows stay as they are",
              kAccessExclusive, Cost::catalog, Class::instant, "as is; crossfade:rewrite converts old rows too"},
    HazardRow{"54", "set-options", "SET (fillfactor …), RESET (…)",
              kShareUpdateExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"55", "set-statistics", "SET STATISTICS, CLUSTER ON, CREATE STATISTICS, COMMENT, ANALYZE, VACUUM",
              kShareUpdateExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"56", "change-identity", "ADD, SET or DROP IDENTITY, REPLICA IDENTITY",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"57", "attach-partition", "ATTACH PARTITION: the partition is scanned under ACCESS EXCLUSIVE, the default partition too",
              kShareUpdateExclusive, Cost::scan, Class::in_place, "a CHECK that says the same first, NOT VALID and validated"},
    HazardRow{"58", "detach-partition", "DETACH PARTITION",
              kAccessExclusive, Cost::catalog, Class::in_place, "CONCURRENTLY, and FINALIZE after a failure"},
    HazardRow{"59", "create-partition", "CREATE TABLE … PARTITION OF: the parent is locked, a default partition is scanned",
              kAccessExclusive, Cost::scan, Class::in_place, "a table of its own, then ATTACH; as it is where it has columns or constraints of its own"},
    HazardRow{"59b", "inherit", "INHERIT, NO INHERIT, OF, NOT OF, CREATE TABLE … INHERITS",
              kAccessExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"60", "partition-table", "a plain table becomes partitioned: PostgreSQL cannot",
              kAccessExclusive, Cost::rewrite, Class::shadow, "crossfade:partition: a shadow table with partitions",
              Origin::parser},
    HazardRow{"61", "change-trigger", "CREATE, ENABLE or DISABLE TRIGGER; DROP TRIGGER takes ACCESS EXCLUSIVE",
              kShareRowExclusive, Cost::catalog, Class::instant, kAsIs},
    HazardRow{"62", "change-access", "row-level security, policies, OWNER TO, rules: somebody may lose access",
              kAccessExclusive, Cost::catalog, Class::application, "as is; the plan says who loses access"},
    HazardRow{"63", "rewrite-table", "VACUUM FULL, CLUSTER",
              kAccessExclusive, Cost::rewrite, Class::shadow, "a shadow table without a change"},
    HazardRow{"63b", "lock-table", "LOCK TABLE",
              kAccessExclusive, Cost::catalog, Class::refused, "refused: crossfade takes the locks that it needs"},
    HazardRow{"64", "truncate", "TRUNCATE",
              kAccessExclusive, Cost::catalog, Class::application, "only with an approval; an empty table takes the name, the full one is kept until contract"},
    HazardRow{"65", "drop-table", "DROP TABLE; with foreign keys it locks the referenced tables too",
              kAccessExclusive, Cost::catalog, Class::application,
              "only with an approval; keys first, then the table moves aside and is dropped by contract"},
    HazardRow{"65b", "drop-object", "DROP of a view, function, type, sequence, schema …",
              kAccessExclusive, Cost::catalog, Class::application, "as is, when the application is ready"},
    HazardRow{"66", "change-viewed-column", "ALTER COLUMN … TYPE of a column that a view or a rule uses: an error",
              kAccessExclusive, Cost::rewrite, Class::shadow, "refused: drop the view first, in the same file, and create it anew behind", Origin::facts},
    HazardRow{"67", "change-rows", "UPDATE or DELETE: row locks, WAL and bloat in one transaction",
              kRowExclusive, Cost::rows, Class::in_place, "batches by key, a commit each"},
    HazardRow{"67b", "add-rows", "INSERT … SELECT, MERGE",
              kRowExclusive, Cost::rows, Class::instant, "as is, in one transaction"},
    HazardRow{"68", "data-change-with-ddl", "a data change in the transaction of an ALTER: its lock is held throughout",
              kAccessExclusive, Cost::rows, Class::in_place, "a transaction each", Origin::file},
    HazardRow{"69", "many-locks-in-transaction", "many ALTERs in one transaction: locks pile up, deadlocks",
              kAccessExclusive, Cost::catalog, Class::in_place, "one statement that takes a lock a transaction", Origin::file},
    HazardRow{"70", "no-lock-timeout", "no lock_timeout: everybody queues behind the lock that is waited for",
              kAccessExclusive, Cost::catalog, Class::instant, "a lock budget, retries", Origin::server},
    HazardRow{"70b", "session-setting", "SET, RESET, SET CONSTRAINTS: crossfade uses sessions of its own",
              kNone, Cost::catalog, Class::instant, "crossfade's own budgets hold; other settings belong to the role (ALTER ROLE … SET)"},
    HazardRow{"71", "refresh-materialized-view", "REFRESH MATERIALIZED VIEW: its readers wait",
              kAccessExclusive, Cost::rewrite, Class::in_place, "CONCURRENTLY, which needs a unique index on the view"},
    HazardRow{"72", "identifier-too-long", "a name of more than 63 bytes, which PostgreSQL cuts without a word",
              kNone, Cost::catalog, Class::refused, "exit 2", Origin::parser},
    HazardRow{"73", "outage-later", "a new integer key, a foreign key of another type or without an index",
              kNone, Cost::catalog, Class::application, "lint warns", Origin::file},
    HazardRow{"74", "opaque-sql", "DO, CALL, COPY, functions with effects, SQL that crossfade does not know",
              kNone, Cost::catalog, Class::refused, "refused, unless the file says crossfade:opaque"},
    HazardRow{"74b", "transaction-control", "BEGIN, COMMIT, ROLLBACK, SAVEPOINT …",
              kNone, Cost::catalog, Class::refused, "refused: crossfade opens and commits its own transactions"},
    HazardRow{"75", "transaction-pooler", "a transaction pooler in between: SET and advisory locks get lost",
              kNone, Cost::catalog, Class::refused, "detected and refused", Origin::server},
};
// clang-format on

constexpr std::array<std::string_view, 9> kLocks = {
    "",      "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",   "SHARE UPDATE EXCLUSIVE",
    "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"};

}  // namespace

std::span<const HazardRow> hazard_table() {
  return kRows;
}

const HazardRow& hazard_row(std::string_view number) {
  const auto* found =
      std::find_if(kRows.begin(), kRows.end(), [&](const HazardRow& row) { return row.number == number; });
  if (found == kRows.end()) throw std::logic_error("there is no hazard row " + std::string(number));
  return *found;
}

int lock_strength(std::string_view lock) {
  const auto* found = std::find(kLocks.begin(), kLocks.end(), lock);
  if (found == kLocks.end()) throw std::logic_error("there is no lock mode " + std::string(lock));
  return static_cast<int>(found - kLocks.begin());
}

}  // namespace crossfade::migrations
