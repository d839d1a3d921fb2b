#include "tests/oracle/fidelity_cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "tests/oracle/fidelity_partition_cases.h"
#include "tests/oracle/random.h"

namespace crossfade::tests {

const char* const kFidelityBase = R"sql(
CREATE TABLE customers (id integer PRIMARY KEY, region integer NOT NULL DEFAULT 1, code text UNIQUE, UNIQUE (region, id));
CREATE TABLE orders (
  id integer PRIMARY KEY, customer integer, region integer DEFAULT 1, total integer NOT NULL DEFAULT 0,
  note text DEFAULT 'none', during int4range, parent integer, made timestamptz NOT NULL DEFAULT '2026-01-01');
CREATE TABLE lines (id integer PRIMARY KEY, order_id integer, amount integer NOT NULL DEFAULT 1);
INSERT INTO customers SELECT i, i % 3, 'c' || i FROM generate_series(1, 200) AS i;
INSERT INTO orders SELECT i, i, i % 3, i * 10, 'note ' || i, int4range(i * 10, i * 10 + 5), NULLIF(i / 2, 0)
  FROM generate_series(1, 200) AS i;
INSERT INTO lines SELECT i, i, i % 5 FROM generate_series(1, 200) AS i;
CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN COALESCE(NEW, OLD); END';
CREATE TABLE audit (at timestamptz DEFAULT now(), what text);
)sql";

const char* const kFidelityChange = "ALTER TABLE orders ALTER COLUMN id TYPE bigint;\n";

namespace {

const std::string kTotal = "ALTER TABLE orders ALTER COLUMN total TYPE bigint;\n";
const std::string kRewrite = "-- crossfade:rewrite orders\n";
const std::string kAlready = "UPDATE orders SET parent = NULL WHERE parent NOT IN (SELECT id FROM orders); ";

using Case = FidelityCase;

void foreign_keys(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string setup, std::string change = "") {
    out.push_back({"ForeignKey" + name, "foreign key", std::move(setup), std::move(change)});
  };
  add("Out", "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers");
  add("OutOfTheChangedColumn",
      "ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer) REFERENCES customers",
      "ALTER TABLE orders ALTER COLUMN customer TYPE bigint;\n");
  add("In", "ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders");
  add("Both",
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers; ALTER TABLE lines ADD FOREIGN KEY "
      "(order_id) "
      "REFERENCES orders ON DELETE CASCADE");
  add("ToItself", kAlready + "ALTER TABLE orders ADD FOREIGN KEY (parent) REFERENCES orders (id)");
  add("ToItselfDeferred",
      kAlready +
          "ALTER TABLE orders ADD FOREIGN KEY (parent) REFERENCES orders DEFERRABLE INITIALLY DEFERRED");
  add("Composite",
      "UPDATE orders SET region = id % 3; ALTER TABLE orders ADD CONSTRAINT in_region FOREIGN KEY (region, "
      "customer) REFERENCES "
      "customers (region, id)");
  add("MatchFull",
      "UPDATE orders SET region = id % 3; ALTER TABLE orders ADD FOREIGN KEY (region, customer) REFERENCES "
      "customers (region, id) "
      "MATCH FULL ON DELETE SET NULL");
  for (const char* action : {"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"}) {
    std::string name = action;
    std::erase(name, ' ');
    add("OnDelete" + name,
        fmt::format("ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders ON DELETE {}", action));
    add("OnUpdate" + name,
        fmt::format("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers ON UPDATE {}",
                    action));
  }
  add("Deferrable", "ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders DEFERRABLE");
  add("NotValid",
      "ALTER TABLE orders ADD CONSTRAINT later FOREIGN KEY (customer) REFERENCES customers NOT VALID");
  add("NotValidIn",
      "ALTER TABLE lines ADD CONSTRAINT later FOREIGN KEY (order_id) REFERENCES orders NOT VALID");
  add("Comment",
      "ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer) REFERENCES customers; COMMENT ON "
      "CONSTRAINT buyer ON orders "
      "IS 'who buys'");
  add("ToAUniqueIndex",
      "CREATE UNIQUE INDEX by_total ON orders (total); ALTER TABLE lines ADD COLUMN total integer; ALTER "
      "TABLE lines "
      "ADD FOREIGN KEY (total) REFERENCES orders (total)",
      kTotal);
  add("ToAPartitionedTable",
      "CREATE TABLE months (id integer PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE months_1 PARTITION "
      "OF months FOR "
      "VALUES FROM (0) TO (1000); INSERT INTO months SELECT generate_series(1, 200); ALTER TABLE orders ADD "
      "FOREIGN KEY "
      "(customer) REFERENCES months");
  add("WithItsColumnDropped", "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers",
      "ALTER TABLE orders DROP COLUMN customer, ALTER COLUMN total TYPE bigint;\n");
  add("WithBothSidesChanged",
      "ALTER TABLE lines ADD FOREIGN KEY (order_id) REFERENCES orders; CREATE VIEW both_tables AS SELECT "
      "o.id, l.order_id, o.note "
      "FROM orders o JOIN lines l ON l.order_id = o.id; CREATE VIEW only_lines AS SELECT order_id FROM "
      "lines; GRANT SELECT ON "
      "both_tables TO shop",
      "ALTER TABLE orders ALTER COLUMN id TYPE bigint;\nALTER TABLE lines ALTER COLUMN order_id TYPE "
      "bigint;\n");
  add("AlongAChain",
      "ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers; ALTER TABLE lines ADD FOREIGN KEY "
      "(order_id) REFERENCES "
      "orders",
      "ALTER TABLE customers ALTER COLUMN id TYPE bigint;\nALTER TABLE orders ALTER COLUMN id TYPE bigint, "
      "ALTER COLUMN customer "
      "TYPE bigint;\nALTER TABLE lines ALTER COLUMN order_id TYPE bigint;\n");
  out.push_back({"ForeignKeyOnDeleteColumns", "foreign key",
                 "UPDATE orders SET region = id % 3; ALTER TABLE orders ADD FOREIGN KEY (region, customer) "
                 "REFERENCES customers "
                 "(region, id) ON DELETE SET NULL (customer)",
                 "", "keeper", false, 150000});
}

void views(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string setup, std::string change = "") {
    out.push_back({"View" + name, "view", std::move(setup), std::move(change)});
  };
  add("OfOtherColumns",
      "CREATE VIEW totals AS SELECT customer, sum(total) AS total FROM orders GROUP BY customer");
  add("OfTheChangedColumn", "CREATE VIEW ids AS SELECT id, note FROM orders");
  add("OnViews",
      "CREATE VIEW a AS SELECT id, total FROM orders; CREATE VIEW b AS SELECT a.id, c.code FROM a JOIN "
      "customers c ON c.id = "
      "a.id; CREATE VIEW c AS SELECT b.*, o.note FROM b JOIN orders o USING (id)");
  add("InAnotherSchema",
      "CREATE SCHEMA api; CREATE VIEW api.orders AS SELECT * FROM public.orders; CREATE VIEW "
      "public.all_orders AS SELECT * FROM "
      "api.orders; GRANT USAGE ON SCHEMA api TO shop; GRANT SELECT ON api.orders TO shop");
  add("WithGrants",
      "CREATE VIEW ids AS SELECT id, note FROM orders; GRANT SELECT, UPDATE ON ids TO shop WITH GRANT "
      "OPTION; GRANT SELECT (id) "
      "ON ids TO reader; GRANT INSERT ON ids TO PUBLIC");
  add("WithOptions",
      "CREATE VIEW barrier WITH (security_barrier = true) AS SELECT * FROM orders WHERE total > 10; CREATE "
      "VIEW checked AS SELECT "
      "id, total FROM orders WHERE total > 0 WITH LOCAL CHECK OPTION; CREATE VIEW cascaded AS SELECT * FROM "
      "checked WHERE id > 0 "
      "WITH CASCADED CHECK OPTION");
  out.push_back({"ViewOfTheInvoker", "view",
                 "CREATE VIEW mine WITH (security_invoker = on) AS SELECT * FROM orders", "", "keeper", false,
                 150000});
  add("WithComments",
      "CREATE VIEW ids AS SELECT id, note FROM orders; COMMENT ON VIEW ids IS 'the ids'; COMMENT ON COLUMN "
      "ids.note IS 'the note'");
  add("WithDefaults",
      "CREATE VIEW ids AS SELECT id, note FROM orders; ALTER VIEW ids ALTER COLUMN note SET DEFAULT 'by "
      "view'");
  add("WithInsteadTrigger",
      "CREATE VIEW ids AS SELECT id, note FROM orders; CREATE TRIGGER written INSTEAD OF INSERT OR UPDATE ON "
      "ids FOR EACH ROW "
      "EXECUTE FUNCTION noted(); COMMENT ON TRIGGER written ON ids IS 'writes'");
  add("WithRules",
      "CREATE VIEW ids AS SELECT id, note FROM orders; CREATE RULE kept AS ON DELETE TO ids DO INSTEAD "
      "NOTHING; CREATE RULE told AS "
      "ON INSERT TO ids DO INSTEAD INSERT INTO orders (id, note) VALUES (NEW.id, NEW.note); COMMENT ON RULE "
      "kept ON ids IS 'kept'");
  add("GroupedByTheKey", "CREATE VIEW grouped AS SELECT id, note, count(*) FROM orders GROUP BY id");
  add("OfWholeRows",
      "CREATE VIEW whole AS SELECT o FROM orders o; CREATE VIEW json AS SELECT to_jsonb(o) AS j FROM orders "
      "o");
  add("Recursive",
      "CREATE VIEW tree AS WITH RECURSIVE r AS (SELECT id, parent FROM orders WHERE parent IS NULL UNION ALL "
      "SELECT o.id, o.parent "
      "FROM orders o JOIN r ON o.parent = r.id) SELECT * FROM r");
  add("WithRenamedColumns", "CREATE VIEW ids (number, remark) AS SELECT id, note FROM orders");
  add("OfARenamedColumn", "CREATE VIEW ids AS SELECT id, note FROM orders",
      "ALTER TABLE orders RENAME COLUMN note TO remark;\nALTER TABLE orders ALTER COLUMN total TYPE "
      "bigint;\n");
  add("WithQuotedNames",
      "CREATE VIEW \"The Orders\" AS SELECT id AS \"Id\", note FROM orders; CREATE VIEW \"select\" AS SELECT "
      "* FROM \"The Orders\"");
  add("WithLiteral",
      "CREATE VIEW sized AS SELECT id, 'public.orders'::regclass::oid <> 0 AS known FROM orders");
  out.push_back({"MaterializedView", "materialized view",
                 "CREATE MATERIALIZED VIEW kept AS SELECT id, note, total FROM orders WITH DATA; CREATE "
                 "UNIQUE INDEX kept_id ON kept "
                 "(id); CREATE INDEX kept_note ON kept (lower(note)) WHERE id > 3; COMMENT ON MATERIALIZED "
                 "VIEW kept IS 'kept'; "
                 "COMMENT ON INDEX kept_id IS 'by id'; GRANT SELECT ON kept TO reader; ALTER MATERIALIZED "
                 "VIEW kept CLUSTER ON "
                 "kept_id; ALTER MATERIALIZED VIEW kept SET (fillfactor = 70); ALTER MATERIALIZED VIEW kept "
                 "ALTER COLUMN note SET "
                 "STATISTICS 300"});
  out.push_back({"MaterializedViewOverAView", "materialized view",
                 "CREATE VIEW ids AS SELECT id, total FROM orders; CREATE MATERIALIZED VIEW kept AS SELECT * "
                 "FROM ids; CREATE VIEW "
                 "over AS SELECT k.id, i.total FROM kept k JOIN ids i USING (id)"});
  out.push_back({"MaterializedViewEmpty", "materialized view",
                 "CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders WITH NO DATA"});
}

void functions(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string setup, std::string change = "") {
    out.push_back({"Function" + name, "function", std::move(setup), std::move(change)});
  };
  add("WithParsedBody",
      "CREATE FUNCTION spent(who integer) RETURNS bigint STABLE BEGIN ATOMIC SELECT sum(total) FROM orders "
      "WHERE customer = who; "
      "END; GRANT EXECUTE ON FUNCTION spent TO shop; COMMENT ON FUNCTION spent IS 'spent'");
  add("OfItsRows",
      "CREATE FUNCTION title(o orders) RETURNS text LANGUAGE sql STABLE AS 'SELECT o.note'; COMMENT ON "
      "FUNCTION title "
      "IS 'title'; REVOKE EXECUTE ON FUNCTION title FROM PUBLIC; GRANT EXECUTE ON FUNCTION title TO shop");
  add("ReturningRows",
      "CREATE FUNCTION big() RETURNS SETOF orders LANGUAGE sql STABLE AS 'SELECT * FROM public.orders WHERE "
      "total > "
      "5'; CREATE VIEW bigs AS SELECT id, note FROM big()");
  add("Overloaded",
      "CREATE FUNCTION f(orders) RETURNS text LANGUAGE sql AS 'SELECT $1.note'; CREATE FUNCTION f(integer) "
      "RETURNS text "
      "LANGUAGE sql AS 'SELECT $1::text'; CREATE FUNCTION f(orders, integer) RETURNS text LANGUAGE sql AS "
      "'SELECT "
      "$1.note'; GRANT EXECUTE ON FUNCTION f(orders, integer) TO reader");
  add("OfAViewsRows",
      "CREATE VIEW ids AS SELECT id, note FROM orders; CREATE FUNCTION remark(ids) RETURNS text LANGUAGE sql "
      "AS "
      "'SELECT $1.note'; CREATE VIEW remarks AS SELECT remark(i) AS r FROM ids i");
  add("Procedure", "CREATE PROCEDURE wipe() BEGIN ATOMIC UPDATE orders SET note = 'wiped'; END");
  add("Quoted",
      "CREATE FUNCTION counted() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM "
      "public.orders); END'");
  out.push_back(
      {"CompositeTypeOfRows", "composite type",
       "CREATE TYPE pair AS (one orders, many orders[], n integer); COMMENT ON TYPE pair IS 'pair'"});
}

void triggers(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string setup, std::string change = "") {
    out.push_back({"Trigger" + name, "trigger", std::move(setup), std::move(change)});
  };
  add("Row",
      "CREATE TRIGGER before_row BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION noted(); "
      "CREATE TRIGGER "
      "after_row AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION noted()");
  add("Statement", "CREATE TRIGGER told AFTER UPDATE OR TRUNCATE ON orders EXECUTE FUNCTION noted()");
  add("Constraint",
      "CREATE CONSTRAINT TRIGGER held AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
      "EXECUTE "
      "FUNCTION noted()");
  add("TransitionTables",
      "CREATE TRIGGER seen AFTER UPDATE ON orders REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH "
      "STATEMENT "
      "EXECUTE FUNCTION noted()");
  add("When",
      "CREATE TRIGGER seen AFTER UPDATE ON orders FOR EACH ROW WHEN (OLD.total IS DISTINCT FROM NEW.total) "
      "EXECUTE FUNCTION "
      "noted('a', 'b''c')");
  add("WhenOnTheChangedColumn",
      "CREATE TRIGGER seen BEFORE UPDATE ON orders FOR EACH ROW WHEN (NEW.id > 5) EXECUTE FUNCTION noted()");
  add("ColumnList",
      "CREATE TRIGGER seen BEFORE UPDATE OF total, note ON orders FOR EACH ROW EXECUTE FUNCTION noted()");
  add("States",
      "CREATE TRIGGER a BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION noted(); CREATE TRIGGER b "
      "BEFORE UPDATE ON "
      "orders FOR EACH ROW EXECUTE FUNCTION noted(); CREATE TRIGGER c BEFORE UPDATE ON orders FOR EACH ROW "
      "EXECUTE FUNCTION "
      "noted(); ALTER TABLE orders DISABLE TRIGGER a, ENABLE REPLICA TRIGGER b, ENABLE ALWAYS TRIGGER c");
  add("Comment",
      "CREATE TRIGGER seen BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION noted(); COMMENT ON TRIGGER "
      "seen ON orders "
      "IS 'seen'");
  add("OnARenamedColumn",
      "CREATE TRIGGER seen BEFORE UPDATE OF note ON orders FOR EACH ROW WHEN (NEW.note <> 'x') EXECUTE "
      "FUNCTION "
      "noted()",
      "ALTER TABLE orders RENAME COLUMN note TO remark;\nALTER TABLE orders ALTER COLUMN total TYPE "
      "bigint;\n");
  out.push_back({"Rules", "rule",
                 "CREATE RULE told AS ON UPDATE TO orders DO ALSO INSERT INTO audit (what) VALUES "
                 "(NEW.note); CREATE RULE off AS ON "
                 "DELETE TO orders WHERE OLD.id < 0 DO INSTEAD NOTHING; ALTER TABLE orders DISABLE RULE off; "
                 "COMMENT ON RULE told ON "
                 "orders IS 'told'"});
  out.push_back({"RuleOfAnotherTable", "rule",
                 "CREATE RULE forward AS ON INSERT TO audit DO ALSO UPDATE orders SET note = NEW.what WHERE "
                 "id = 1; ALTER TABLE audit "
                 "ENABLE ALWAYS RULE forward",
                 kTotal});
}

void security(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string kind, std::string setup, std::string change = "") {
    out.push_back({std::move(name), std::move(kind), std::move(setup), std::move(change)});
  };
  add("Policies", "policy",
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY seen ON orders FOR SELECT TO shop, reader "
      "USING (customer > 5); "
      "CREATE POLICY written ON orders AS RESTRICTIVE FOR INSERT WITH CHECK (total >= 0); CREATE POLICY "
      "whole ON orders USING (true) "
      "WITH CHECK (id > 0); CREATE POLICY gone ON orders FOR DELETE TO shop USING (note = 'x'); COMMENT ON "
      "POLICY seen ON orders IS "
      "'seen'");
  add("PoliciesWithoutSecurity", "policy", "CREATE POLICY seen ON orders USING (customer > 5)");
  add("PolicyWithSubquery", "policy",
      "ALTER TABLE orders ENABLE ROW LEVEL SECURITY; CREATE POLICY seen ON orders USING (EXISTS (SELECT FROM "
      "customers c WHERE c.id = "
      "customer))");
  add("PolicyOfAnotherTable", "policy",
      "CREATE POLICY seen ON lines USING (EXISTS (SELECT FROM orders o WHERE o.id = order_id)) WITH CHECK "
      "(amount > 0)");
  add("Grants", "grant",
      "GRANT SELECT, INSERT, UPDATE, DELETE ON orders TO shop; GRANT SELECT (id, note), UPDATE (note) ON "
      "orders TO reader; GRANT "
      "SELECT ON orders TO PUBLIC; GRANT TRIGGER, REFERENCES ON orders TO shop WITH GRANT OPTION; REVOKE "
      "TRUNCATE ON orders FROM "
      "keeper");
  add("DefaultPrivileges", "grant",
      "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO shop; ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON "
      "FUNCTIONS TO reader; CREATE "
      "VIEW ids AS SELECT id FROM orders; REVOKE ALL ON ids FROM shop; CREATE FUNCTION title(orders) RETURNS "
      "text LANGUAGE sql AS "
      "'SELECT $1.note'; REVOKE ALL ON FUNCTION title FROM reader");
  out.push_back({"GrantsByOthers", "grant",
                 "GRANT SELECT ON orders TO shop WITH GRANT OPTION; SET ROLE shop; GRANT SELECT ON orders TO "
                 "reader; RESET ROLE",
                 "", "postgres", true});
  out.push_back({"OwnerOfAnotherRole", "owner",
                 "ALTER TABLE orders OWNER TO keeper; CREATE VIEW ids AS SELECT id FROM orders; ALTER VIEW "
                 "ids OWNER TO shop; GRANT SELECT ON orders TO shop",
                 "", "postgres", true});
  out.push_back({"ForcedRowSecurity", "policy",
                 "ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY seen "
                 "ON orders USING (id < 50)",
                 "", "postgres", true});
}

void replication(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string kind, std::string setup, int since = 140000) {
    out.push_back({std::move(name), std::move(kind), std::move(setup), "", "keeper", false, since});
  };
  add("Publication", "publication",
      "CREATE PUBLICATION sold FOR TABLE orders, lines WITH (publish = 'insert, update'); CREATE PUBLICATION "
      "more FOR TABLE orders");
  add("PublicationWithColumnsAndFilter", "publication",
      "CREATE PUBLICATION sold FOR TABLE orders (id, note, total) WHERE (id > 10 AND id < 100), lines",
      150000);
  out.push_back({"PublicationOfASchema", "publication", "CREATE PUBLICATION sold FOR TABLES IN SCHEMA public",
                 "", "postgres", true, 150000});
  out.push_back({"PublicationOfAllTables", "publication", "CREATE PUBLICATION sold FOR ALL TABLES", "",
                 "keeper", true});
  add("ReplicaIdentityFull", "replica identity", "ALTER TABLE orders REPLICA IDENTITY FULL");
  add("ReplicaIdentityNothing", "replica identity", "ALTER TABLE orders REPLICA IDENTITY NOTHING");
  add("ReplicaIdentityIndex", "replica identity",
      "ALTER TABLE orders ALTER total SET NOT NULL; CREATE UNIQUE INDEX by_total ON orders (total); ALTER "
      "TABLE orders REPLICA IDENTITY "
      "USING INDEX by_total");
}

void columns(std::vector<Case>& out) {
  const auto add = [&](std::string name, std::string kind, std::string setup, std::string change = "") {
    out.push_back({std::move(name), std::move(kind), std::move(setup), std::move(change)});
  };
  add("Serial", "sequence",
      "CREATE SEQUENCE orders_id_seq OWNED BY orders.id; ALTER TABLE orders ALTER id SET DEFAULT "
      "nextval('orders_id_seq'); SELECT setval('orders_id_seq', 500)");
  add("SerialAsBigint", "sequence",
      "CREATE SEQUENCE orders_id_seq AS integer OWNED BY orders.id; ALTER TABLE orders ALTER id SET DEFAULT "
      "nextval('orders_id_seq')",
      "-- crossfade:sequence as bigint\nALTER TABLE orders ALTER COLUMN id TYPE bigint;\n");
  add("SharedSequence", "sequence",
      "CREATE SEQUENCE numbers; ALTER TABLE orders ALTER id SET DEFAULT nextval('numbers'); ALTER TABLE "
      "lines ALTER id SET DEFAULT nextval('numbers')");
  add("IdentityAlways", "identity",
      "ALTER TABLE orders ALTER id ADD GENERATED ALWAYS AS IDENTITY (START 1000 INCREMENT 3 MINVALUE 5 CACHE "
      "7 CYCLE)");
  add("IdentityByDefault", "identity",
      "ALTER TABLE orders ALTER id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME ids); COMMENT ON "
      "SEQUENCE ids IS 'ids'; GRANT USAGE ON SEQUENCE ids TO shop");
  add("Generated", "generated column",
      "ALTER TABLE orders ADD COLUMN twice bigint GENERATED ALWAYS AS (total * 2) STORED, ADD COLUMN tag "
      "text GENERATED ALWAYS AS (note "
      "|| '!') STORED; CREATE INDEX by_tag ON orders (tag)");
  add("DomainsAndCollations", "domain, collation",
      "CREATE DOMAIN positive AS integer CHECK (VALUE >= 0); ALTER TABLE orders ADD COLUMN p positive "
      "DEFAULT 1, ADD COLUMN c text "
      "COLLATE \"C\" DEFAULT 'c'; CREATE INDEX by_c ON orders (c COLLATE \"POSIX\")");
  add("EnumAndArray", "type",
      "CREATE TYPE mood AS ENUM ('calm', 'busy'); ALTER TABLE orders ADD COLUMN m mood DEFAULT 'calm', ADD "
      "COLUMN "
      "ms mood[] DEFAULT '{busy}'");
  add("StorageAndCompression", "storage, compression",
      "ALTER TABLE orders ALTER note SET STORAGE EXTERNAL, ALTER note SET COMPRESSION pglz; ALTER TABLE "
      "orders ALTER note SET STATISTICS "
      "700, ALTER customer SET (n_distinct = -0.5, n_distinct_inherited = 3)");
  add("Comments", "comment",
      "COMMENT ON TABLE orders IS 'orders'; COMMENT ON COLUMN orders.note IS 'it''s'; COMMENT ON INDEX "
      "orders_pkey IS 'key'; COMMENT ON CONSTRAINT orders_pkey ON orders IS 'primary'");
  add("TableOptions", "option",
      "ALTER TABLE orders SET (fillfactor = 66, autovacuum_enabled = false, "
      "toast.autovacuum_vacuum_threshold = "
      "77, parallel_workers = 2)");
  add("ExtendedStatistics", "extended statistics",
      "CREATE STATISTICS s1 (ndistinct, dependencies) ON customer, region FROM orders; CREATE STATISTICS s2 "
      "ON lower(note), total FROM "
      "orders; ALTER STATISTICS s2 SET STATISTICS 50; COMMENT ON STATISTICS s1 IS 'both'; CREATE SCHEMA "
      "stats; CREATE STATISTICS "
      "stats.s3 (mcv) ON note, total FROM orders");
  add("ExtendedStatisticsOfTheChangedColumn", "extended statistics",
      "CREATE STATISTICS s1 ON id, total FROM orders");
  add("ExtendedStatisticsWithADroppedColumn", "extended statistics",
      "CREATE STATISTICS s1 ON region, total FROM orders",
      "ALTER TABLE orders DROP COLUMN region, ALTER COLUMN total TYPE bigint;\n");
  add("Checks", "constraint",
      "ALTER TABLE orders ADD CONSTRAINT paid CHECK (total >= 0) NO INHERIT, ADD CONSTRAINT old CHECK (note "
      "<> '') "
      "NOT VALID; COMMENT ON CONSTRAINT old ON orders IS 'old'");
  add("UniqueDeferrable", "constraint",
      "ALTER TABLE orders ADD UNIQUE (customer, region) DEFERRABLE INITIALLY DEFERRED, ADD UNIQUE (note)");
  add("Exclusion", "exclusion constraint",
      "ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&); COMMENT ON "
      "CONSTRAINT apart ON orders IS 'apart'");
  add("ExclusionPartial", "exclusion constraint",
      "ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&, (int4range(id, id, '[]')) "
      "WITH &&) WHERE (id > 3)",
      kTotal);
  add("ExclusionAdded", "exclusion constraint", "SELECT 1",
      "ALTER TABLE orders ALTER COLUMN id TYPE bigint, ADD CONSTRAINT apart EXCLUDE USING gist (during WITH "
      "&&);\n");
  add("Indexes", "index",
      "CREATE INDEX i1 ON orders (customer) INCLUDE (note); CREATE INDEX i2 ON orders (total DESC NULLS "
      "LAST) WHERE total > 5; CREATE "
      "INDEX i3 ON orders (lower(note) text_pattern_ops, region); CREATE INDEX i4 ON orders USING hash "
      "(note); CREATE INDEX i5 ON orders "
      "USING gin (to_tsvector('english', note)) WITH (fastupdate = off); CREATE INDEX i6 ON orders USING "
      "brin (made) WITH "
      "(pages_per_range = 7); CREATE INDEX i7 ON orders (customer) WITH (fillfactor = 55); ALTER INDEX i3 "
      "ALTER COLUMN 1 SET STATISTICS "
      "250; COMMENT ON INDEX i1 IS 'one'; ALTER TABLE orders CLUSTER ON i7");
  out.push_back({"NullsNotDistinct", "index",
                 "CREATE UNIQUE INDEX n1 ON orders (customer, parent) NULLS NOT DISTINCT; ALTER TABLE orders "
                 "ADD CONSTRAINT n2 UNIQUE NULLS NOT DISTINCT (customer, note)",
                 "", "keeper", false, 150000});
  out.push_back({"InvalidIndex", "invalid index",
                 "CREATE INDEX broken ON orders (note); UPDATE pg_index SET indisvalid = false WHERE "
                 "indexrelid = 'broken'::regclass",
                 "", "keeper", true});
  add("TypedTable", "typed table",
      "CREATE TYPE thing AS (id integer, label text); CREATE TABLE things OF thing (PRIMARY KEY (id)); "
      "INSERT INTO things VALUES (1, 'a')",
      "-- crossfade:rewrite things\n");
  add("Rewrite", "table",
      "CREATE VIEW ids AS SELECT id, note FROM orders; ALTER TABLE lines ADD FOREIGN KEY (order_id) "
      "REFERENCES orders",
      kRewrite);
  add("SetUnlogged", "persistence", "SELECT 1", "ALTER TABLE lines SET UNLOGGED;\n");
  add("SetLogged", "persistence", "ALTER TABLE lines SET UNLOGGED", "ALTER TABLE lines SET LOGGED;\n");
  add("UnloggedTable", "persistence", "ALTER TABLE lines SET UNLOGGED",
      "ALTER TABLE lines ALTER COLUMN id TYPE bigint;\n");
  add("RenamedToANewColumn", "column",
      "CREATE VIEW ids AS SELECT id, note FROM orders; CREATE INDEX by_note ON orders (note); CREATE TRIGGER "
      "seen BEFORE UPDATE OF note ON orders FOR EACH ROW WHEN (NEW.note <> '') EXECUTE FUNCTION noted(); "
      "CREATE POLICY p ON orders "
      "USING (note <> 'x')",
      "ALTER TABLE orders RENAME COLUMN note TO remark;\nALTER TABLE orders ADD COLUMN note integer;\nALTER "
      "TABLE orders ALTER "
      "COLUMN total TYPE bigint;\n");
  add("RenamedWithinTheRewrite", "column",
      "CREATE VIEW ids AS SELECT id, note FROM orders; CREATE INDEX by_note ON orders (note); CREATE TRIGGER "
      "seen BEFORE UPDATE OF "
      "note ON orders FOR EACH ROW WHEN (NEW.note <> '') EXECUTE FUNCTION noted(); ALTER TABLE orders ADD "
      "FOREIGN KEY (customer) "
      "REFERENCES customers",
      "ALTER TABLE orders ALTER COLUMN total TYPE bigint;\nALTER TABLE orders RENAME COLUMN note TO "
      "remark;\nALTER TABLE orders "
      "RENAME COLUMN customer TO note;\nALTER TABLE orders ALTER COLUMN region TYPE bigint;\n");
}

}  // namespace

const std::vector<FidelityKind>& fidelity_kinds() {
  static const std::vector<FidelityKind> kinds = {
      {"table",
       "The new table takes the old one's name in one transaction; the old one is kept until `contract`."},
      {"column", "Renamed, added and dropped columns are followed by everything that names them."},
      {"foreign key",
       "Leaves the old table and stands NOT VALID on the new one in the cutover, in both directions: every "
       "write is checked. It is "
       "validated right after, without a lock that writers notice. One that was NOT VALID stays so."},
      {"view",
       "A view over the new table is made beside it, with owner, grants, options, comments, defaults, rules "
       "and triggers, and takes "
       "the old one's name in the cutover. Views over views follow."},
      {"materialized view",
       "Built anew over the new table right before the cutover, with its indexes, and filled with the "
       "content of that moment. The old "
       "one can be read until then. One that was never filled stays empty."},
      {"function",
       "A function with a parsed body gets the same body over the new table in the cutover and keeps its "
       "identity. One whose arguments "
       "or result have the type of the table's rows is made anew, with owner, grants and comment."},
      {"composite type", "An attribute of the table's row type becomes one of the new table's."},
      {"trigger",
       "Dropped from the old table and created on the new one in the cutover, in its state: it fires for no "
       "copied or replayed row."},
      {"rule", "As triggers. A rule of another table is replaced by the same one over the new table."},
      {"policy",
       "Created on the new table in the cutover, and row-level security switched on with it. A policy of "
       "another table is altered to "
       "read the new one."},
      {"grant",
       "Granted again, for each column and with each grantor; what default privileges would add is taken "
       "away."},
      {"owner", "The same."},
      {"publication",
       "The table leaves it and joins it in the cutover, with its columns and filter; subscribers receive "
       "neither the copy nor the "
       "replay. One FOR ALL TABLES with a subscriber is refused unless the file allows it."},
      {"replica identity", "The same."},
      {"sequence",
       "An owned sequence changes its owner and goes on where it was. `-- crossfade:sequence as bigint` "
       "widens it."},
      {"identity", "The new column's sequence takes over options, comment, grants and last value."},
      {"generated column", "Computed anew by the server and compared."},
      {"domain, collation", "The same."},
      {"type", "The same."},
      {"storage, compression", "The same, and statistics targets and n_distinct with them."},
      {"comment", "The same, on everything that has one."},
      {"option", "The same; autovacuum is off on the new table only while it is built."},
      {"extended statistics", "Made over the new table, where ANALYZE fills them before the cutover."},
      {"constraint",
       "Checks come with the rows; one that is NOT VALID, or a key that is deferrable, in the cutover."},
      {"exclusion constraint", "Built over the copied rows, and kept to by replay."},
      {"index",
       "Built anew from its definition, with options, statistics targets, comment and CLUSTER mark."},
      {"invalid index", "Built anew, and valid then: as a rewriting ALTER TABLE leaves it."},
      {"typed table", "The new table is OF the same type."},
      {"partitioned table",
       "Written anew with all its partitions, each with what it has for itself; `ATTACH` and `DETACH` stop "
       "the "
       "run."},
      {"partition",
       "Written anew alone: detached and attached in the cutover, by a validated check, so that no row is "
       "read. "
       "Not where the partitioned table has foreign keys."},
      {"plain table that becomes partitioned",
       "`-- crossfade:partition by …`; keys get the columns that it is divided by, partitions are made "
       "ahead."},
      {"persistence",
       "SET LOGGED and SET UNLOGGED; a crash of the server starts the copy of an unlogged table over."},
  };
  return kinds;
}

const std::vector<FidelityCase>& fidelity_cases() {
  static const std::vector<FidelityCase> cases = [] {
    std::vector<FidelityCase> out;
    foreign_keys(out);
    views(out);
    functions(out);
    triggers(out);
    security(out);
    replication(out);
    columns(out);
    add_partition_cases(out);
    return out;
  }();
  return cases;
}

FidelityCase random_fidelity_case(std::uint64_t seed) {
  static constexpr const char* kTaken[] = {" ids", " title", " kept", " seen ON", " sold ", " s1 ", " told"};
  Random random(seed);
  FidelityCase out{.name = fmt::format("Seed{}", seed), .kind = "table", .setup = ""};
  std::set<std::string> kinds;
  const std::size_t wanted = 3 + random.below(5);
  for (int tries = 0; kinds.size() < wanted && tries < 200; ++tries) {
    const FidelityCase& other = random.one_of(fidelity_cases());
    const bool simple = other.role == "keeper" && !other.as_superuser && other.since_version == 140000 &&
                        (other.change.empty() || other.change == kTotal) && other.kind != "persistence";
    // The cases know nothing of each other's names.
    const bool clashes = std::any_of(std::begin(kTaken), std::end(kTaken), [&](const char* name) {
      return other.setup.find(name) != std::string::npos && out.setup.find(name) != std::string::npos;
    });
    // PostgreSQL prints a function's columns in a view as of the view's own making, so a view that is made
    // again behind ADD COLUMN names more of them. A restored dump does, too.
    const auto has = [&](const char* text) {
      return other.setup.find(text) != std::string::npos || out.setup.find(text) != std::string::npos;
    };
    const bool prints_otherwise = has("FROM big()") && has("ADD COLUMN");
    if (!simple || clashes || prints_otherwise || !kinds.insert(other.kind).second) continue;
    out.setup += other.setup + ";\n";
  }
  out.change = random.chance(70) ? kFidelityChange : random.chance(50) ? kTotal : kRewrite;
  // What no ALTER does in this mixture.
  const auto has = [&](const char* text) { return out.setup.find(text) != std::string::npos; };
  if ((out.change == kTotal && has("AS (total")) || (out.change == kFidelityChange && has("int4range(id")))
    out.change = kRewrite;
  return out;
}

}  // namespace crossfade::tests
