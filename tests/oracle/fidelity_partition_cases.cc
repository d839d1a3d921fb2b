#include "tests/oracle/fidelity_partition_cases.h"

namespace crossfade::tests {

namespace {

const std::string kEvents = R"sql(
CREATE TABLE events (id integer NOT NULL, at date NOT NULL, customer integer, kind text DEFAULT 'x', n integer NOT NULL DEFAULT 0,
                     PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE events_rest PARTITION OF events DEFAULT;
INSERT INTO events SELECT i, date '2026-01-01' + i, i, 'k' || i % 5, i FROM generate_series(1, 100) AS i;
)sql";

const std::string kWiden = "ALTER TABLE events ALTER COLUMN n TYPE bigint;\n";

void whole(std::vector<FidelityCase>& out) {
  const auto add = [&](std::string name, const std::string& setup, std::string change = kWiden,
                       bool as_superuser = false, int since = 140000) {
    out.push_back({"Partitioned" + name, "partitioned table", kEvents + setup, std::move(change), "keeper",
                   as_superuser, since});
  };
  add("Table", "");
  add("WiderKey", "", "ALTER TABLE events ALTER COLUMN id TYPE bigint;\n");
  add("NothingBelow", "DROP TABLE events_1, events_2, events_rest; CREATE INDEX by_kind ON events (kind)");
  add("SeveralChanges", "CREATE INDEX by_kind ON events (kind)",
      "ALTER TABLE events RENAME COLUMN kind TO sort;\nALTER TABLE events ALTER COLUMN n TYPE bigint;\nALTER "
      "TABLE events DROP COLUMN customer;\nALTER TABLE events ADD COLUMN made timestamptz;\n");
  add("ColumnsInAnotherOrder",
      "CREATE TABLE events_3 (kind text DEFAULT 'y', gone integer, n integer NOT NULL DEFAULT 7, customer "
      "integer, at date NOT NULL, id integer NOT NULL); ALTER TABLE events_3 DROP COLUMN gone; ALTER TABLE "
      "events_3 ALTER COLUMN n DROP DEFAULT; ALTER TABLE events DETACH PARTITION events_rest; ALTER TABLE "
      "events ATTACH PARTITION events_3 FOR VALUES FROM ('2026-03-01') TO ('2026-09-01'); INSERT INTO events "
      "SELECT * FROM events_rest; COMMENT ON COLUMN events_3.kind IS 'of this part'; COMMENT ON TABLE "
      "events_3 IS 'spring'");
  add("Indexes",
      "CREATE INDEX by_kind ON events (lower(kind)) WITH (fillfactor = 70); CREATE UNIQUE INDEX by_customer "
      "ON "
      "events (customer, at) INCLUDE (n); CREATE INDEX alone ON events_1 (n) WHERE n > 5; ALTER INDEX "
      "by_kind ALTER COLUMN 1 SET STATISTICS 300; ALTER TABLE events_2 CLUSTER ON events_2_pkey; COMMENT ON "
      "INDEX by_kind IS 'all'; COMMENT ON INDEX alone IS 'one'; ALTER INDEX events_1_pkey RENAME TO "
      "first_key");
  add("IndexOnlyAbove",
      "CREATE INDEX by_kind ON ONLY events (kind); CREATE INDEX by_kind_1 ON events_1 (kind); "
      "ALTER INDEX by_kind ATTACH PARTITION by_kind_1");
  add("Options",
      "ALTER TABLE events_1 SET (fillfactor = 60, autovacuum_enabled = false, "
      "toast.autovacuum_vacuum_threshold = 9); ALTER TABLE events ALTER COLUMN kind SET STATISTICS 200; "
      "ALTER "
      "TABLE events_1 ALTER COLUMN kind SET STATISTICS 400, ALTER COLUMN kind SET STORAGE EXTERNAL; ALTER "
      "TABLE "
      "events_2 ALTER COLUMN kind SET (n_distinct = 5)");
  add("Constraints",
      "ALTER TABLE events ADD CONSTRAINT positive CHECK (n >= 0); ALTER TABLE events_1 ADD CONSTRAINT small "
      "CHECK (n < 1000); ALTER TABLE events_1 ADD CONSTRAINT later CHECK (n < 900) NOT VALID; ALTER TABLE "
      "events ADD CONSTRAINT sorted CHECK (kind <> 'none') NOT VALID; COMMENT ON CONSTRAINT positive ON "
      "events IS 'no debts'; COMMENT ON CONSTRAINT small ON events_1 IS 'small ones'; COMMENT ON CONSTRAINT "
      "sorted ON events IS 'from now on'; ALTER TABLE events_2 ALTER COLUMN customer SET NOT NULL");
  add("DeferrableKey",
      "ALTER TABLE events ADD CONSTRAINT once UNIQUE (customer, at) DEFERRABLE INITIALLY DEFERRED; COMMENT "
      "ON "
      "CONSTRAINT once ON events IS 'at the end'; COMMENT ON INDEX once IS 'its index'");
  add("KeyWithStorage",
      "ALTER TABLE events DROP CONSTRAINT events_pkey; ALTER TABLE events ADD CONSTRAINT events_key PRIMARY "
      "KEY (id, at) INCLUDE (n) WITH (fillfactor = 80)");
  add("ForeignKeyOut",
      "ALTER TABLE events ADD CONSTRAINT buyer FOREIGN KEY (customer) REFERENCES customers ON "
      "DELETE SET NULL; COMMENT ON CONSTRAINT buyer ON events IS 'who'");
  add("ForeignKeyIn",
      "CREATE TABLE notes (id integer PRIMARY KEY, event integer, day date, FOREIGN KEY (event, day) "
      "REFERENCES "
      "events ON DELETE CASCADE); INSERT INTO notes SELECT id, id, at FROM events WHERE id < 20",
      "ALTER TABLE events ALTER COLUMN n TYPE bigint;\n");
  add("ForeignKeyOfAPartition", "ALTER TABLE events_1 ADD FOREIGN KEY (customer) REFERENCES customers");
  add("ForeignKeyIntoAPartition",
      "CREATE TABLE notes (id integer PRIMARY KEY, event integer, day date, FOREIGN KEY (event, day) "
      "REFERENCES "
      "events_1)");
  add("ForeignKeyToItself",
      "ALTER TABLE events ADD COLUMN parent integer, ADD COLUMN parent_at date; UPDATE events SET parent = "
      "id, "
      "parent_at = at WHERE id < 9; ALTER TABLE events ADD FOREIGN KEY (parent, parent_at) REFERENCES "
      "events");
  add("Triggers",
      "CREATE TRIGGER each AFTER INSERT OR UPDATE ON events FOR EACH ROW EXECUTE FUNCTION noted(); CREATE "
      "TRIGGER whole BEFORE DELETE ON events FOR EACH STATEMENT EXECUTE FUNCTION noted(); CREATE TRIGGER one "
      "BEFORE INSERT ON events_2 FOR EACH ROW WHEN (NEW.customer > 5) EXECUTE FUNCTION noted(); COMMENT ON "
      "TRIGGER "
      "each ON events IS 'all'; COMMENT ON TRIGGER one ON events_2 IS 'one'; ALTER TABLE events_2 DISABLE "
      "TRIGGER one; CREATE CONSTRAINT TRIGGER late AFTER INSERT ON events DEFERRABLE FOR EACH ROW EXECUTE "
      "FUNCTION noted()");
  add("Policies",
      "CREATE POLICY mine ON events USING (customer > 0); CREATE POLICY one ON events_1 FOR SELECT USING (id "
      "> "
      "0); ALTER TABLE events ENABLE ROW LEVEL SECURITY; ALTER TABLE events_1 ENABLE ROW LEVEL SECURITY");
  add("Grants",
      "GRANT SELECT, INSERT ON events TO shop; GRANT SELECT ON events_1 TO shop WITH GRANT OPTION; GRANT "
      "UPDATE "
      "(kind) ON events_2 TO shop; GRANT SELECT (n) ON events TO shop");
  add("Rules", "CREATE RULE never AS ON DELETE TO events_1 DO INSTEAD NOTHING");
  add("Views",
      "CREATE VIEW early AS SELECT id, kind FROM events_1; CREATE VIEW recent AS SELECT e.id, f.kind FROM "
      "events e "
      "JOIN events_2 f USING (id); CREATE VIEW above AS SELECT * FROM recent; GRANT SELECT ON above TO shop; "
      "CREATE MATERIALIZED VIEW kinds AS SELECT kind, count(*) AS c FROM events GROUP BY kind; CREATE INDEX "
      "ON "
      "kinds (kind)");
  add("Functions",
      "CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM events; END; "
      "CREATE FUNCTION first_ones() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM events_1; "
      "END; CREATE FUNCTION label(events_1) RETURNS text LANGUAGE sql AS 'SELECT $1.kind'");
  add("Publications",
      "CREATE PUBLICATION p FOR TABLE events; CREATE PUBLICATION q FOR TABLE events_1 WITH (publish = "
      "'insert'); "
      "CREATE PUBLICATION r WITH (publish_via_partition_root); ALTER PUBLICATION r ADD TABLE events",
      kWiden);
  add("Statistics",
      "CREATE STATISTICS pair ON kind, customer FROM events; CREATE STATISTICS of_one ON kind, n FROM "
      "events_1");
  add("ReplicaIdentity",
      "ALTER TABLE events_1 REPLICA IDENTITY FULL; ALTER TABLE events_2 REPLICA IDENTITY USING INDEX "
      "events_2_pkey; ALTER TABLE events REPLICA IDENTITY USING INDEX events_pkey; ALTER TABLE events_rest "
      "REPLICA IDENTITY NOTHING");
  add("Below",
      "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2027-06-01') PARTITION "
      "BY "
      "LIST (id); CREATE TABLE events_3_a PARTITION OF events_3 FOR VALUES IN (1001, 1002); CREATE TABLE "
      "events_3_rest PARTITION OF events_3 DEFAULT; CREATE INDEX by_kind ON events (kind); CREATE INDEX by_n "
      "ON "
      "events_3 (n); INSERT INTO events SELECT 1000 + i, '2027-02-03', i, CASE WHEN i % 2 = 0 THEN 'a' ELSE "
      "'z' END, i FROM generate_series(1, 50) i; CREATE VIEW deep AS SELECT id FROM events_3_a; COMMENT ON "
      "TABLE "
      "events_3 IS 'in the middle'; ALTER TABLE events ADD FOREIGN KEY (customer) REFERENCES customers");
  add("InOtherSchemas",
      "CREATE SCHEMA parts; ALTER TABLE events_1 SET SCHEMA parts; CREATE INDEX by_kind ON events (kind); "
      "CREATE VIEW parts.early AS SELECT id FROM parts.events_1");
  add("UnloggedPartition", "ALTER TABLE events_1 SET UNLOGGED");
  add("Generated",
      "ALTER TABLE events ADD COLUMN twice integer GENERATED ALWAYS AS (customer * 2) STORED; CREATE INDEX "
      "ON "
      "events (twice)");
  add("Serial", "ALTER TABLE events ADD COLUMN number serial");
  add("Privileges",
      "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO shop; GRANT SELECT ON events TO shop");
  add("Comments",
      "COMMENT ON TABLE events IS 'all'; COMMENT ON TABLE events_1 IS 'one'; COMMENT ON COLUMN "
      "events.kind IS 'sort'; COMMENT ON COLUMN events_1.kind IS 'its sort'");
  add("Compacted", "CREATE INDEX by_kind ON events (kind)", "-- crossfade:rewrite events\n");
  out.push_back(
      {"PartitionedIdentity", "partitioned table",
       "CREATE TABLE events (id integer GENERATED ALWAYS AS IDENTITY (START 7 CACHE 3), at date NOT "
       "NULL, n integer, UNIQUE (id, at)) PARTITION BY HASH (id); CREATE TABLE events_0 PARTITION OF "
       "events FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE events_1 PARTITION OF events "
       "FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO events (at, n) SELECT date "
       "'2026-01-01' + i, i FROM generate_series(1, 100) i",
       kWiden});
  out.push_back(
      {"PartitionedByList", "partitioned table",
       "CREATE TABLE events (id integer, kind text COLLATE \"C\", n integer DEFAULT 4, PRIMARY KEY (kind, "
       "id)) PARTITION BY LIST (kind); CREATE TABLE events_a PARTITION OF events FOR VALUES IN ('a'); "
       "CREATE TABLE events_b PARTITION OF events (n DEFAULT 9) FOR VALUES IN ('b', 'c''s'); INSERT INTO "
       "events SELECT i, CASE i % 3 WHEN 0 THEN 'a' WHEN 1 THEN 'b' ELSE 'c''s' END, i FROM "
       "generate_series(1, 99) i",
       kWiden});
}

void alone(std::vector<FidelityCase>& out) {
  const auto add = [&](std::string name, const std::string& setup,
                       std::string change = "-- crossfade:rewrite events_1\n") {
    out.push_back({"OnePartition" + name, "partition", kEvents + setup, std::move(change)});
  };
  add("Alone", "");
  add("WithIndexes",
      "CREATE INDEX by_kind ON events (kind); CREATE UNIQUE INDEX ON events (customer, at); CREATE INDEX "
      "alone ON "
      "events_1 (n) WHERE n > 4; ALTER TABLE events_1 CLUSTER ON events_1_pkey; ALTER TABLE events_1 ADD "
      "CONSTRAINT own "
      "CHECK (n < 999); ALTER TABLE events ADD CONSTRAINT all_of_them CHECK (n > 0); ALTER TABLE events_1 "
      "SET "
      "(fillfactor = 66); COMMENT ON TABLE events_1 IS 'one'; CREATE STATISTICS of_one ON kind, n FROM "
      "events_1");
  add("WithWhatHangsOnBoth",
      "CREATE TRIGGER each AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION noted(); CREATE TRIGGER one "
      "BEFORE "
      "INSERT ON events_1 FOR EACH ROW EXECUTE FUNCTION noted(); CREATE POLICY one ON events_1 USING (n > "
      "0); "
      "CREATE VIEW early AS SELECT id FROM events_1; CREATE VIEW total AS SELECT count(*) FROM events; GRANT "
      "SELECT ON events_1 TO shop; ALTER TABLE events_1 ADD FOREIGN KEY (customer) REFERENCES customers; "
      "ALTER "
      "TABLE events_1 REPLICA IDENTITY USING INDEX events_1_pkey; CREATE PUBLICATION p FOR TABLE events; "
      "CREATE "
      "PUBLICATION q FOR TABLE events_1");
  add("TheDefault", "", "-- crossfade:rewrite events_rest\n");
  add("Unlogged", "CREATE INDEX by_kind ON events (kind)", "ALTER TABLE events_1 SET UNLOGGED;\n");
  add("OfPartitions",
      "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2027-06-01') PARTITION "
      "BY "
      "LIST (id); CREATE TABLE events_3_a PARTITION OF events_3 FOR VALUES IN (1001, 1002); CREATE TABLE "
      "events_3_rest PARTITION OF events_3 DEFAULT; CREATE INDEX by_kind ON events (kind); CREATE INDEX by_n "
      "ON "
      "events_3 (n); INSERT INTO events SELECT 1000 + i, '2027-02-03', i, 'z', i FROM generate_series(1, 50) "
      "i",
      "-- crossfade:rewrite events_3\n");
  add("InTheMiddle",
      "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2027-06-01') PARTITION "
      "BY "
      "LIST (id); CREATE TABLE events_3_a PARTITION OF events_3 FOR VALUES IN (1001, 1002); CREATE INDEX "
      "by_kind "
      "ON events (kind); INSERT INTO events SELECT 1000 + i, '2027-02-03', i, 'z', i FROM generate_series(1, "
      "2) i",
      "-- crossfade:rewrite events_3_a\n");
  out.push_back(
      {"OnePartitionByHash", "partition",
       "CREATE TABLE events (id integer PRIMARY KEY, n integer) PARTITION BY HASH (id); CREATE TABLE "
       "events_0 PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE events_1 "
       "PARTITION OF events FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO events SELECT i, i FROM "
       "generate_series(1, 100) i",
       "-- crossfade:rewrite events_1\n"});
}

/// The plain side makes the partitioned table by hand.
void divided(std::vector<FidelityCase>& out) {
  const auto add = [&](std::string name, std::string setup, std::string change, std::string plainly) {
    out.push_back({.name = "Divided" + name,
                   .kind = "plain table that becomes partitioned",
                   .setup = std::move(setup),
                   .change = std::move(change),
                   .plainly = std::move(plainly)});
  };
  const std::string moved = "INSERT INTO things SELECT * FROM plain; DROP TABLE plain; ";
  add("ByMonth",
      "CREATE TABLE things (id integer PRIMARY KEY, at date NOT NULL, note text DEFAULT 'n'); CREATE INDEX "
      "by_note ON things (lower(note)) WITH (fillfactor = 70); COMMENT ON COLUMN things.note IS 'words'; "
      "GRANT "
      "SELECT ON things TO shop; INSERT INTO things SELECT i, date '2026-01-05' + i, 'n' || i FROM "
      "generate_series(1, 60) i; ALTER TABLE things REPLICA IDENTITY USING INDEX things_pkey; ALTER TABLE "
      "things "
      "CLUSTER ON by_note; ALTER INDEX by_note ALTER COLUMN 1 SET STATISTICS 300",
      "-- crossfade:partition things by range (at) interval '1 month' ahead 1\n",
      "ALTER TABLE things RENAME TO plain; ALTER TABLE plain RENAME CONSTRAINT things_pkey TO plain_pkey; "
      "ALTER "
      "INDEX by_note RENAME TO plain_note; CREATE TABLE things (id integer NOT NULL, at date NOT NULL, note "
      "text "
      "DEFAULT 'n') PARTITION BY RANGE (at); COMMENT ON COLUMN things.note IS 'words'; GRANT SELECT ON "
      "things TO "
      "shop; DO $$ DECLARE m date; BEGIN FOR m IN SELECT generate_series(timestamp '2026-01-01', "
      "date_trunc('month', LOCALTIMESTAMP + interval '1 month'), '1 month') LOOP EXECUTE format('CREATE "
      "TABLE "
      "%I PARTITION OF things FOR VALUES FROM (%L) TO (%L)', 'things_' || to_char(m, 'YYYY_MM'), m, (m + "
      "interval '1 month')::date); END LOOP; END $$; CREATE TABLE things_default PARTITION OF things "
      "DEFAULT; "
      "CREATE INDEX by_note ON things (lower(note)) WITH (fillfactor = 70); ALTER TABLE things ADD PRIMARY "
      "KEY "
      "(id, at); DO $$ DECLARE p text; BEGIN FOR p IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE "
      "inhparent = 'things'::regclass LOOP EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %s', "
      "p, p "
      "|| '_pkey'); EXECUTE format('ALTER TABLE %s CLUSTER ON %s', p, p || '_lower_idx'); EXECUTE "
      "format('ALTER "
      "INDEX %s ALTER COLUMN 1 SET STATISTICS 300', p || '_lower_idx'); END LOOP; END $$; ALTER TABLE things "
      "REPLICA IDENTITY USING INDEX things_pkey; " +
          moved);
  add("ByNumber",
      "CREATE TABLE things (id bigint PRIMARY KEY, n integer NOT NULL, parent bigint REFERENCES things); "
      "INSERT "
      "INTO things SELECT i, -i FROM generate_series(1, 250) i",
      "-- crossfade:partition by hash (id) partitions 3\nALTER TABLE things ALTER COLUMN n TYPE bigint;\n",
      "ALTER TABLE things RENAME TO plain; ALTER TABLE plain RENAME CONSTRAINT things_pkey TO plain_pkey; "
      "CREATE "
      "TABLE things (id bigint NOT NULL, n bigint NOT NULL, parent bigint) PARTITION BY HASH (id); CREATE "
      "TABLE things_p0 PARTITION OF things FOR VALUES WITH (MODULUS 3, REMAINDER 0); CREATE TABLE things_p1 "
      "PARTITION OF things FOR VALUES WITH (MODULUS 3, REMAINDER 1); CREATE TABLE things_p2 PARTITION OF "
      "things "
      "FOR VALUES WITH (MODULUS 3, REMAINDER 2); ALTER TABLE things ADD PRIMARY KEY (id); " +
          moved + "ALTER TABLE things ADD FOREIGN KEY (parent) REFERENCES things");
  add("ByValue",
      "CREATE TABLE things (id integer GENERATED BY DEFAULT AS IDENTITY (START 5) PRIMARY KEY, sort text NOT "
      "NULL, "
      "n integer CHECK (n > 0), buyer integer REFERENCES customers, UNIQUE (n) INCLUDE (buyer) WITH "
      "(fillfactor "
      "= 80)); INSERT INTO things (sort, n, buyer) SELECT CASE i % 2 WHEN 0 THEN 'North' ELSE 'it''s' END, "
      "i, "
      "i FROM generate_series(1, 100) i; CREATE TRIGGER each AFTER INSERT ON things FOR EACH ROW EXECUTE "
      "FUNCTION noted(); CREATE VIEW all_things AS SELECT * FROM things; ALTER TABLE things SET (fillfactor "
      "= "
      "75); ALTER TABLE things ALTER COLUMN sort SET STATISTICS 250",
      "-- crossfade:partition things by list (sort)\n",
      "ALTER TABLE things RENAME TO plain; ALTER TABLE plain RENAME CONSTRAINT things_pkey TO plain_pkey; "
      "ALTER "
      "TABLE plain RENAME CONSTRAINT things_n_buyer_key TO plain_n_key; ALTER TABLE plain RENAME CONSTRAINT "
      "things_n_check TO plain_n_check; ALTER SEQUENCE things_id_seq RENAME TO plain_id_seq; CREATE TABLE "
      "things "
      "(id integer GENERATED BY DEFAULT AS IDENTITY (START 5), sort text NOT NULL, n integer CHECK (n > 0), "
      "buyer integer) PARTITION BY LIST (sort); CREATE TABLE things_it_s PARTITION OF things FOR VALUES IN "
      "('it''s') WITH (fillfactor = 75); CREATE TABLE things_north PARTITION OF things FOR VALUES IN "
      "('North') "
      "WITH (fillfactor = 75); CREATE TABLE things_default PARTITION OF things DEFAULT WITH (fillfactor = "
      "75); "
      "ALTER TABLE things ALTER COLUMN sort SET STATISTICS 250; ALTER TABLE things ADD PRIMARY KEY (id, "
      "sort); "
      "ALTER TABLE things ADD CONSTRAINT things_n_buyer_key UNIQUE (n, sort) INCLUDE (buyer) WITH "
      "(fillfactor = "
      "80); DROP VIEW all_things; INSERT INTO things SELECT * FROM plain; SELECT "
      "setval('things_id_seq', 132); DROP TABLE plain; ALTER TABLE things ADD FOREIGN KEY (buyer) REFERENCES "
      "customers; CREATE TRIGGER each AFTER INSERT ON things FOR EACH ROW EXECUTE FUNCTION noted(); CREATE "
      "VIEW "
      "all_things AS SELECT * FROM things");
}

}  // namespace

void add_partition_cases(std::vector<FidelityCase>& out) {
  whole(out);
  alone(out);
  divided(out);
}

}  // namespace crossfade::tests
