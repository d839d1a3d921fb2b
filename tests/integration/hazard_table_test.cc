// The hazard table against the server: for each row that one statement can show, and each supported version,
// the statement is run on filled tables, and the locks, files and scans that it leaves are compared with what
// the planner says of it. No version may be left out.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "migrations/hazards.h"
#include "migrations/repoint.h"
#include "orchestrator/empty_copy.h"
#include "orchestrator/role_settings.h"
#include "postgres/error.h"
#include "tests/support/generated_page.h"
#include "tests/support/scratch_database.h"
#include "tests/support/server_versions.h"

namespace crossfade::tests {
namespace {

using migrations::Hazard;
using migrations::HazardCost;
using migrations::HazardFacts;
using migrations::HazardRow;
using migrations::Statement;

constexpr const char* kTables = R"sql(
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('a', 'b');
CREATE TYPE pair AS (x int, y int);
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE DOMAIN plain AS int;
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE FUNCTION my_code() RETURNS text STABLE LANGUAGE sql AS 'SELECT ''x''::text';
CREATE TABLE parent (id int PRIMARY KEY, v text);
CREATE TABLE t (id int PRIMARY KEY, i int, vc varchar(20), tx text, vi varchar(20), n numeric(10, 2), ip cidr,
  iv interval(2), ti time(3), ch char(5), ts timestamp, tz timestamptz, j json, jb jsonb, f real, d date, m mood,
  nn int NOT NULL, ck varchar(20) CONSTRAINT ck_check CHECK (ck <> ''), ci text, po posint,
  checked int CONSTRAINT checked_set CHECK (checked IS NOT NULL), CONSTRAINT nn_key UNIQUE (nn));
ALTER TABLE t ADD CONSTRAINT not_validated CHECK (i > 0) NOT VALID;
CREATE INDEX t_vi ON t (vi);
CREATE INDEX t_ci ON t (ci);
CREATE UNIQUE INDEX t_unique ON t (i);
CREATE VIEW shown AS SELECT tx FROM t;
CREATE TRIGGER t_trigger BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION trg();
CREATE POLICY t_policy ON t;
CREATE MATERIALIZED VIEW mv AS SELECT generate_series(1, 500) AS x;
CREATE UNIQUE INDEX ON mv (x);
CREATE TABLE child (id int PRIMARY KEY, p int REFERENCES parent CONSTRAINT child_key REFERENCES parent);
CREATE TABLE cand (id int NOT NULL, v text);
CREATE UNIQUE INDEX cand_unique ON cand (id);
CREATE TABLE logged_not (id int);
CREATE TABLE other (id int, i int);
CREATE TABLE part (id int NOT NULL, v text) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM (0) TO (1000);
CREATE TABLE part_default PARTITION OF part DEFAULT;
CREATE TABLE halves (id int NOT NULL, v text) PARTITION BY RANGE (id);
CREATE TABLE half PARTITION OF halves FOR VALUES FROM (0) TO (1000);
CREATE TABLE ready (id int NOT NULL CHECK (id >= 4000 AND id < 5000), v text);
CREATE TABLE heir (id int, v text);
CREATE TABLE base (id int, v text);
INSERT INTO parent SELECT k, 'p' FROM generate_series(1, 50) AS k;
INSERT INTO t SELECT k, k, 'v', 'x', 'i' || k, 1.5, '10.0.0.0/8', '1 day', '12:00', 'c', now(), now(), '{}', '{}', 1.5,
  '2024-01-01', 'a', k, 'c', 'c' || k, 1, 1 FROM generate_series(1, 500) AS k;
INSERT INTO child SELECT k, 1 + k % 50 FROM generate_series(1, 100) AS k;
INSERT INTO heir SELECT k, 'v' FROM generate_series(1, 500) AS k;
INSERT INTO cand SELECT k, 'v' FROM generate_series(1000, 1500) AS k;
INSERT INTO ready SELECT k, 'v' FROM generate_series(4000, 4500) AS k;
INSERT INTO part SELECT k, 'v' FROM generate_series(0, 900) AS k;
INSERT INTO part SELECT k, 'v' FROM generate_series(100000, 100100) AS k;
ANALYZE;
)sql";

constexpr const char* kElsewhere = "SET LOCAL TimeZone = 'Europe/Berlin'";

struct Case {
  std::string_view row;  ///< empty: harmless
  std::string_view sql;
  std::string_view locked = "t";   ///< whose lock is compared
  std::string_view touched = "t";  ///< whose files and scans are compared
  int since = 14;                  ///< the first version that knows the statement
  std::string_view before = "";    ///< in the same transaction
  bool partitioned = false;        ///< what the planner knows of the table
};

constexpr std::array kCases = {
    Case{"1", "ALTER TABLE t ADD c int"},
    Case{"1", "ALTER TABLE t ADD c plain"},
    Case{"1", "ALTER TABLE t ADD c mood"},
    Case{"1", "ALTER TABLE t ADD c posint[]"},
    Case{"2", "ALTER TABLE t ADD c int DEFAULT 7"},
    Case{"2", "ALTER TABLE t ADD c timestamptz DEFAULT now()"},
    Case{"2", "ALTER TABLE t ADD c timestamptz DEFAULT now() + interval '1 day'"},
    Case{"2", "ALTER TABLE t ADD c timestamptz DEFAULT CURRENT_TIMESTAMP"},
    Case{"2", "ALTER TABLE t ADD c int NOT NULL DEFAULT 1"},
    Case{"2", "ALTER TABLE t ADD c jsonb NOT NULL DEFAULT '{}'::jsonb"},
    Case{"2", "ALTER TABLE t ADD c plain DEFAULT 3"},
    Case{"2", "ALTER TABLE t ADD c text DEFAULT my_code()"},
    Case{"3", "ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()"},
    Case{"3", "ALTER TABLE t ADD c timestamptz DEFAULT clock_timestamp()"},
    Case{"3", "ALTER TABLE t ADD c float8 NOT NULL DEFAULT random() * 2"},
    Case{"5", "ALTER TABLE t ADD c serial"},
    Case{"5", "ALTER TABLE t ADD c int GENERATED ALWAYS AS IDENTITY"},
    Case{"6", "ALTER TABLE t ADD c int GENERATED ALWAYS AS (i * 2) STORED"},
    Case{"7", "ALTER TABLE t ADD c posint"},
    Case{"7", "ALTER TABLE t ADD c posint DEFAULT 3"},
    Case{"8", "ALTER TABLE t ADD c int UNIQUE"},
    Case{"8", "ALTER TABLE heir ADD c bigserial PRIMARY KEY", "heir", "heir"},
    Case{"8b", "ALTER TABLE t ADD c int CHECK (c > 0)"},
    Case{"8b", "ALTER TABLE t ADD c int DEFAULT 1 CHECK (c > 0)"},
    Case{"9", "ALTER TABLE t ADD c int REFERENCES parent"},
    Case{"9", "ALTER TABLE t ADD c int DEFAULT 1 REFERENCES parent"},
    Case{"9", "CREATE TABLE fresh (id int, p int REFERENCES parent)", "parent", "parent"},
    Case{"10", "ALTER TABLE t ADD c json"},
    Case{"11", "ALTER TABLE t DROP COLUMN i"},
    Case{"12", "ALTER TABLE t RENAME COLUMN i TO i2"},
    Case{"13", "ALTER TABLE t RENAME TO t2"},
    Case{"13", "ALTER TABLE t SET SCHEMA elsewhere", "t", "t", 14, "CREATE SCHEMA elsewhere"},
    Case{"14", "ALTER INDEX t_vi RENAME TO t_vi2", "t_vi"},
    Case{"15", "ALTER TABLE t RENAME CONSTRAINT t_pkey TO pk2"},
    Case{"16", "ALTER TABLE t ALTER vc TYPE varchar(40)"},
    Case{"16", "ALTER TABLE t ALTER vc TYPE text"},
    Case{"16", "ALTER TABLE t ALTER vi TYPE varchar(40)"},
    Case{"16", "ALTER TABLE t ALTER vi TYPE text"},
    Case{"16", "ALTER TABLE t ALTER n TYPE numeric(12, 2)"},
    Case{"16", "ALTER TABLE t ALTER n TYPE numeric"},
    Case{"16", "ALTER TABLE t ALTER ip TYPE inet"},
    Case{"16", "ALTER TABLE t ALTER iv TYPE interval(4)"},
    Case{"16", "ALTER TABLE t ALTER ti TYPE time(6)"},
    Case{"16", "ALTER TABLE t ALTER i TYPE int USING i"},
    Case{"16", "ALTER TABLE t ALTER ck TYPE varchar(40)"},
    Case{"16b", "ALTER TABLE t ALTER n TYPE numeric(14, 4)"},
    Case{"16b", "ALTER TABLE t ALTER ch TYPE char(9)"},
    Case{"16b", "ALTER TABLE t ALTER f TYPE double precision"},
    Case{"16b", "ALTER TABLE t ALTER m TYPE text"},
    Case{"17", "ALTER TABLE t ALTER vc TYPE varchar(10)"},
    Case{"17", "ALTER TABLE t ALTER ci TYPE varchar(50)"},
    Case{"18", "ALTER TABLE t ALTER i TYPE bigint"},
    Case{"19", "ALTER TABLE t ALTER d TYPE timestamp"},
    Case{"19", "ALTER TABLE t ALTER ts TYPE timestamptz", "t", "t", 14, "SET LOCAL TimeZone = 'UTC'"},
    Case{"19", "ALTER TABLE t ALTER ts TYPE timestamptz", "t", "t", 14, kElsewhere},
    Case{"19", "ALTER TABLE t ALTER tz TYPE timestamp", "t", "t", 14, kElsewhere},
    Case{"20", "ALTER TABLE t ALTER j TYPE jsonb"},
    Case{"20", "ALTER TABLE t ALTER jb TYPE json"},
    Case{"20", "ALTER TABLE t ALTER i TYPE int USING i + 1"},
    Case{"21", "ALTER TABLE t ALTER vi TYPE varchar(20) COLLATE \"C\""},
    Case{"21", "ALTER TABLE t ALTER vc TYPE varchar(20) COLLATE \"C\""},
    Case{"22", "ALTER TABLE t ALTER ci TYPE citext"},
    Case{"24", "ALTER TABLE t ALTER i SET NOT NULL"},
    Case{"24", "ALTER TABLE t ALTER checked SET NOT NULL"},
    Case{"24", "ALTER TABLE t ALTER nn SET NOT NULL"},
    Case{"25", "ALTER TABLE t ALTER nn DROP NOT NULL"},
    Case{"26", "ALTER TABLE t ALTER i SET DEFAULT 4"},
    Case{"26", "ALTER TABLE t ALTER i SET DEFAULT nextval('s')", "t", "t", 14, "CREATE SEQUENCE s"},
    Case{"26", "ALTER TABLE t ALTER i DROP DEFAULT"},
    Case{"27", "ALTER TABLE t ADD CHECK (i > 0)"},
    Case{"27b", "ALTER TABLE t ADD CONSTRAINT cc CHECK (i > 0) NOT VALID"},
    Case{"27c", "ALTER TABLE t VALIDATE CONSTRAINT not_validated"},
    Case{"29", "ALTER TABLE other ADD FOREIGN KEY (i) REFERENCES parent", "other", "other"},
    Case{"29", "ALTER TABLE other ADD FOREIGN KEY (i) REFERENCES parent", "parent", "other"},
    Case{"29b", "ALTER TABLE t ADD FOREIGN KEY (i) REFERENCES parent NOT VALID"},
    Case{"32", "ALTER TABLE t ADD UNIQUE (id, i)"},
    Case{"32b", "ALTER TABLE t ADD CONSTRAINT u UNIQUE USING INDEX t_unique"},
    Case{"32b", "ALTER TABLE cand ADD CONSTRAINT u PRIMARY KEY USING INDEX cand_unique", "cand", "cand"},
    Case{"33", "ALTER TABLE cand ADD PRIMARY KEY (id)", "cand", "cand"},
    Case{"34", "ALTER TABLE t ADD EXCLUDE USING btree (id WITH =)"},
    Case{"35", "ALTER TABLE t DROP CONSTRAINT t_pkey"},
    Case{"35", "ALTER TABLE child DROP CONSTRAINT child_p_fkey", "parent", "parent"},
    Case{"35b", "ALTER TABLE child ALTER CONSTRAINT child_p_fkey DEFERRABLE", "child", "child"},
    Case{"36", "CREATE INDEX ON t (n)"},
    Case{"36", "CREATE UNIQUE INDEX ON t (id, n)"},
    Case{"31", "ALTER TABLE halves ADD FOREIGN KEY (id) REFERENCES parent", "halves", "half", 14, "", true},
    Case{"40", "CREATE INDEX ON part (v)", "part", "part1", 14, "", true},
    Case{"41", "DROP INDEX t_vi"},
    Case{"43", "REINDEX INDEX t_vi"},
    Case{"43", "REINDEX TABLE t"},
    Case{"45", "ALTER TYPE mood ADD VALUE 'c'"},
    Case{"46", "ALTER TYPE mood RENAME VALUE 'a' TO 'z'"},
    Case{"46b", "ALTER TYPE pair ADD ATTRIBUTE z int"},
    Case{"48", "ALTER DOMAIN posint ADD CHECK (value < 1000000)"},
    Case{"49", "ALTER TABLE t SET TABLESPACE space"},
    Case{"49", "ALTER TABLE t SET TABLESPACE pg_default"},
    Case{"50", "ALTER TABLE t SET UNLOGGED"},
    Case{"50", "ALTER TABLE t SET LOGGED"},
    Case{"51", "ALTER TABLE t SET ACCESS METHOD heap2", "t", "t", 15},
    Case{"53", "ALTER TABLE t ALTER tx SET STORAGE external"},
    Case{"53", "ALTER TABLE t ALTER tx SET COMPRESSION pglz"},
    Case{"54", "ALTER TABLE t SET (fillfactor = 70)"},
    Case{"54", "ALTER TABLE t SET (toast.autovacuum_enabled = false)"},
    Case{"54", "ALTER TABLE t SET (user_catalog_table = true)"},
    Case{"54", "ALTER TABLE t RESET (fillfactor)"},
    Case{"54", "ALTER INDEX t_vi SET (fillfactor = 70)", "t_vi"},
    Case{"55", "ALTER TABLE t ALTER i SET STATISTICS 200"},
    Case{"55", "ALTER TABLE t ALTER i SET (n_distinct = 5)"},
    Case{"55", "ALTER TABLE t CLUSTER ON t_pkey"},
    Case{"55", "COMMENT ON TABLE t IS 'x'"},
    Case{"55", "COMMENT ON COLUMN t.i IS 'x'"},
    Case{"55", "CREATE STATISTICS st ON id, i FROM t"},
    Case{"55", "ANALYZE t"},
    Case{"56", "ALTER TABLE t ALTER nn ADD GENERATED BY DEFAULT AS IDENTITY"},
    Case{"56", "ALTER TABLE t REPLICA IDENTITY FULL"},
    Case{"57", "ALTER TABLE part ATTACH PARTITION cand FOR VALUES FROM (1000) TO (2000)", "part", "cand"},
    Case{"57", "ALTER TABLE part ATTACH PARTITION cand FOR VALUES FROM (1000) TO (2000)", "cand",
         "part_default"},
    Case{"57", "ALTER TABLE part ATTACH PARTITION ready FOR VALUES FROM (4000) TO (5000)", "part", "ready"},
    Case{"58", "ALTER TABLE part DETACH PARTITION part1", "part", "part1"},
    Case{"59", "CREATE TABLE part2 PARTITION OF part FOR VALUES FROM (3000) TO (4000)", "part",
         "part_default"},
    Case{"59b", "ALTER TABLE heir INHERIT base", "heir", "heir"},
    Case{"59b", "CREATE TABLE fresh (x int) INHERITS (base)", "base", "base"},
    Case{"61", "CREATE TRIGGER z AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION trg()"},
    Case{"61", "ALTER TABLE t DISABLE TRIGGER t_trigger"},
    Case{"61", "ALTER TABLE t ENABLE ALWAYS TRIGGER t_trigger"},
    Case{"61", "DROP TRIGGER t_trigger ON t"},
    Case{"62", "ALTER TABLE t ENABLE ROW LEVEL SECURITY"},
    Case{"62", "CREATE POLICY p ON t"},
    Case{"62", "DROP POLICY t_policy ON t"},
    Case{"62", "ALTER TABLE t OWNER TO pg_monitor"},
    Case{"62", "CREATE RULE r AS ON DELETE TO t DO ALSO NOTHING"},
    Case{"63", "CLUSTER t USING t_pkey"},
    Case{"63b", "LOCK TABLE t IN SHARE MODE"},
    Case{"63b", "LOCK TABLE t"},
    Case{"64", "TRUNCATE t"},
    Case{"65", "DROP TABLE child", "child", "parent"},
    Case{"65", "DROP TABLE child", "parent", "parent"},
    Case{"65b", "DROP VIEW shown", "shown"},
    Case{"67", "UPDATE t SET n = n + 1"},
    Case{"67", "DELETE FROM t WHERE id > 10"},
    Case{"67b", "INSERT INTO other SELECT id, i FROM t", "other", "other"},
    Case{"71", "REFRESH MATERIALIZED VIEW mv", "mv", "mv"},
    Case{"71", "REFRESH MATERIALIZED VIEW CONCURRENTLY mv", "mv", "mv"},
    Case{"", "INSERT INTO other VALUES (1, 2)", "other", "other"},
    Case{"", "GRANT SELECT ON t TO PUBLIC"},
    Case{"", "CREATE TABLE fresh (id int)"},
    Case{"", "CREATE VIEW fresh AS SELECT i FROM t"},
    Case{"", "COMMENT ON FUNCTION trg() IS 'x'"},
};

/// What cannot run in a transaction is watched from another session while a third one keeps it waiting.
struct WatchedCase {
  std::string_view row;
  std::string_view sql;
  std::string_view relation;
  std::string_view in_the_way;  ///< of the third session, in a transaction
};

constexpr const char* kWriter = "UPDATE t SET i = i WHERE id = 1";
constexpr const char* kReader = "SELECT count(*) FROM t";

constexpr std::array kWatchedCases = {
    WatchedCase{"37", "CREATE INDEX CONCURRENTLY fresh ON t (n)", "t", kWriter},
    WatchedCase{"41", "DROP INDEX CONCURRENTLY fresh", "t", kWriter},
    WatchedCase{"43", "REINDEX INDEX CONCURRENTLY t_vi", "t", kWriter},
    WatchedCase{"55", "VACUUM t", "t", "LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE"},
    WatchedCase{"58", "ALTER TABLE halves DETACH PARTITION half CONCURRENTLY", "halves",
                "LOCK TABLE ONLY halves IN SHARE UPDATE EXCLUSIVE MODE"},
    WatchedCase{"63", "VACUUM FULL t", "t", kReader},
};

/// "AccessExclusiveLock" as "ACCESS EXCLUSIVE".
std::string mode_of(const std::string& lock) {
  std::string out;
  for (const char c : lock.substr(0, lock.size() - std::string_view("Lock").size())) {
    if (c >= 'A' && c <= 'Z' && !out.empty()) out += ' ';
    out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string stronger(std::string left, std::string right) {
  return migrations::lock_strength(left) < migrations::lock_strength(right) ? right : left;
}

Statement parsed(std::string_view sql) {
  return migrations::parse_statements(sql, "case", 1).at(0);
}

std::string_view word(HazardCost cost) {
  static constexpr std::array<std::string_view, 5> kWords = {"", "reads", "builds", "rewrites", "rows"};
  return kWords.at(static_cast<std::size_t>(cost));
}

struct Measured {
  std::string lock;
  HazardCost cost = HazardCost::catalog;
};

struct State {
  std::string filenode;
  std::set<std::string> index_filenodes;
  std::int64_t scans = 0;
  std::int64_t rows = 0;
};

/// One server of a version with the tables of this test.
class Server {
 public:
  explicit Server(const ServerVersion& version)
      : server_(
            {.binaries = version.binaries, .settings = {{"max_connections", "20"}, {"autovacuum", "off"}}}),
        database_(server_) {
    database_.execute("COPY (SELECT 1) TO PROGRAM 'mkdir space'");
    database_.execute("CREATE TABLESPACE space LOCATION '" +
                      database_.scalar("SELECT current_setting('data_directory')") + "/space'");
    database_.execute("CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler");
    database_.execute(kTables);
    session_ = database_.application_session();
  }

  ScratchDatabase& database() { return database_; }

  Measured measure(const Case& each) {
    session_->run({"test.begin", "BEGIN"});
    const std::string locked = oid(each.locked);
    const std::string touched = oid(each.touched);
    if (!each.before.empty()) session_->run({"test.before", std::string(each.before)});
    const State before = state(touched);
    session_->run({"test.statement", std::string(each.sql)});
    const Measured out{.lock = lock_on(locked), .cost = cost(before, state(touched), touched)};
    session_->run({"test.rollback", "ROLLBACK"});
    return out;
  }

  /// The strongest lock that the statement holds or waits for, while something is in its way.
  std::string watch(const WatchedCase& each) {
    const auto blocker = database_.application_session();
    blocker->run({"test.begin", "BEGIN"});
    blocker->run({"test.in_the_way", std::string(each.in_the_way)});
    const auto waiting = database_.application_session();
    const int pid = waiting->backend_pid();
    std::string failure;
    std::thread thread([&] {
      try {
        waiting->run({"test.statement", std::string(each.sql)});
      } catch (const postgres::DatabaseError& error) {
        failure = error.what();
      }
    });
    std::string lock;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool waits = false;
    while (!waits && std::chrono::steady_clock::now() < end) {
      for (const postgres::Row row : database_.execute(
               "SELECT mode, relation = $1::regclass AS own, granted FROM pg_locks WHERE pid = $2",
               {std::string(each.relation), std::to_string(pid)})) {
        if (!row.is_null("own") && row.boolean("own")) lock = stronger(lock, mode_of(row.text("mode")));
        waits = waits || !row.boolean("granted");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    blocker->run({"test.rollback", "ROLLBACK"});
    thread.join();
    EXPECT_TRUE(waits) << "nothing was in the way";
    EXPECT_EQ(failure, "");
    return lock;
  }

 private:
  std::string oid(std::string_view relation) {
    return session_->run({"test.oid", "SELECT $1::regclass::oid::text AS oid"}, {std::string(relation)})
        .only()
        .text("oid");
  }

  std::string lock_on(const std::string& relation) {
    std::string out;
    for (const postgres::Row row :
         session_->run({"test.locks",
                        "SELECT mode FROM pg_locks WHERE pid = pg_backend_pid() AND granted AND locktype = "
                        "'relation' AND relation = $1::oid AND mode <> 'AccessShareLock'"},
                       {relation}))
      out = stronger(out, mode_of(row.text("mode")));
    return out;
  }

  State state(const std::string& relation) {
    const postgres::Rows rows =
        session_->run({"test.state",
                       "SELECT coalesce(pg_relation_filenode($1::oid), 0)::text AS filenode,"
                       "       coalesce(pg_stat_get_xact_numscans($1::oid), 0) AS scans,"
                       "       coalesce(pg_stat_get_xact_tuples_inserted($1::oid) + "
                       "pg_stat_get_xact_tuples_updated($1::oid)"
                       "                + pg_stat_get_xact_tuples_deleted($1::oid), 0) AS rows"},
                      {relation});
    State out{.filenode = rows.only().text("filenode"),
              .index_filenodes = {},
              .scans = rows.only().integer("scans"),
              .rows = rows.only().integer("rows")};
    for (const postgres::Row row :
         session_->run({"test.indexes",
                        "SELECT pg_relation_filenode(indexrelid)::text AS filenode FROM pg_index"
                        " WHERE indrelid = $1::oid"},
                       {relation}))
      out.index_filenodes.insert(row.text("filenode"));
    return out;
  }

  HazardCost cost(const State& before, const State& after, const std::string& relation) {
    if (after.filenode != before.filenode && after.filenode != "0") {
      // TRUNCATE gives the table a new file as well, an empty one.
      const bool empty = session_->run({"test.size", "SELECT pg_relation_size($1::oid) AS size"}, {relation})
                             .only()
                             .integer("size") == 0;
      return empty ? HazardCost::catalog : HazardCost::rewrite;
    }
    if (after.rows > before.rows) return HazardCost::rows;
    if (!std::includes(before.index_filenodes.begin(), before.index_filenodes.end(),
                       after.index_filenodes.begin(), after.index_filenodes.end()))
      return HazardCost::build;
    return after.scans > before.scans ? HazardCost::scan : HazardCost::catalog;
  }

  postgres::ThrowawayServer server_;
  ScratchDatabase database_;
  std::unique_ptr<postgres::Session> session_;
};

/// Tries statements on empty copies, as the planner and lint do. Its transaction stands in the way of others.
class Trials {
 public:
  explicit Trials(ScratchDatabase& database)
      : session_(orchestrator::open_as_role(database.factory(), "crossfade/test")),
        transaction_(*session_, "test") {}

  HazardFacts run(const Case& each, const Statement& statement) {
    const std::string& name = statement.table->name;
    std::unique_ptr<orchestrator::EmptyCopy>& copy = copies_[name];
    if (!copy) {
      const auto table =
          postgres::load_table(*session_, postgres::find_relation(*session_, "", name).value());
      copy = std::make_unique<orchestrator::EmptyCopy>(*session_, *table, "crossfade_test_" + name);
    }
    session_->run({"test.savepoint", "SAVEPOINT trial"});
    if (!each.before.empty()) session_->run({"test.before", std::string(each.before)});
    const orchestrator::Trial trial = copy->run(statement);
    EXPECT_FALSE(trial.error) << (trial.error ? trial.error->message : "");
    session_->run({"test.rollback", "ROLLBACK TO SAVEPOINT trial"});
    return trial.facts;
  }

 private:
  std::unique_ptr<postgres::Session> session_;
  postgres::Transaction transaction_;
  std::map<std::string, std::unique_ptr<orchestrator::EmptyCopy>> copies_;
};

struct Said {
  std::string rows;
  std::string lock;  ///< on the relation that is asked about
  HazardCost cost = HazardCost::catalog;
  bool certain = true;
};

/// What the planner says of the relation: the target's lock, or that of another which it names.
Said said(const Statement& statement, std::string_view relation, const HazardFacts& facts) {
  Said out;
  for (const Hazard& hazard : migrations::hazards_of(statement, facts)) {
    out.rows += std::string(hazard.row->number) + " ";
    const auto named =
        std::find_if(hazard.others.begin(), hazard.others.end(),
                     [&](const migrations::OtherLock& other) { return other.relation.name == relation; });
    out.lock = stronger(out.lock, named == hazard.others.end() ? hazard.lock : named->lock);
    if (static_cast<int>(hazard.cost) > static_cast<int>(out.cost)) out.cost = hazard.cost;
    out.certain = out.certain && hazard.certain;
  }
  return out;
}

/// Copies have no triggers and no foreign keys; what certainly costs nothing needs no trial.
bool is_tried(const Statement& statement, const Said& by_text) {
  return statement.kind == migrations::StatementKind::alter_table &&
         !migrations::names_other_relations(statement) && statement.table->name != "part" &&
         (!by_text.certain || by_text.cost != HazardCost::catalog);
}

class HazardTable : public ::testing::TestWithParam<int> {};

void compare_in_transactions(Server& server, int major) {
  std::map<const Case*, HazardFacts> facts;
  {
    Trials trials(server.database());
    for (const Case& each : kCases) {
      const Statement statement = parsed(each.sql);
      SCOPED_TRACE(each.sql);
      if (each.since <= major && is_tried(statement, said(statement, each.locked, {})))
        facts[&each] = trials.run(each, statement);
    }
  }
  for (const Case& each : kCases) {
    if (each.since > major) continue;
    SCOPED_TRACE(each.sql);
    const Statement statement = parsed(each.sql);
    const Measured measured = server.measure(each);
    HazardFacts known;
    known.target_partitioned = each.partitioned;
    const Said by_text = said(statement, each.locked, known);
    if (each.row.empty()) {
      EXPECT_EQ(by_text.rows, "");
      EXPECT_LE(migrations::lock_strength(measured.lock), migrations::lock_strength("ROW EXCLUSIVE"));
      continue;
    }
    EXPECT_EQ(by_text.lock, measured.lock) << "the lock, by the text";
    if (by_text.certain) {
      EXPECT_EQ(word(by_text.cost), word(measured.cost)) << "the cost, by the text";
    } else {
      EXPECT_GE(static_cast<int>(by_text.cost), static_cast<int>(measured.cost)) << "an upper bound";
    }
    Said exact = by_text;
    if (const auto tried = facts.find(&each); tried != facts.end()) {
      exact = said(statement, each.locked, tried->second);
      EXPECT_TRUE(exact.certain);
      EXPECT_EQ(word(exact.cost), word(measured.cost)) << "the cost, with a trial";
      EXPECT_EQ(exact.lock, measured.lock) << "the lock, with a trial";
    }
    EXPECT_NE((" " + exact.rows).find(fmt::format(" {} ", each.row)), std::string::npos)
        << "rows " << exact.rows;
  }
}

void compare_outside_of_transactions(Server& server) {
  for (const WatchedCase& each : kWatchedCases) {
    SCOPED_TRACE(each.sql);
    const Said by_text = said(parsed(each.sql), each.relation, {});
    EXPECT_EQ(by_text.rows, std::string(each.row) + " ");
    EXPECT_EQ(server.watch(each), by_text.lock);
  }
}

/// Row 4 cannot be measured on a table with rows.
void expect_failure_without_value(Server& server) {
  constexpr std::string_view kSql = "ALTER TABLE t ADD c int NOT NULL";
  EXPECT_EQ(said(parsed(kSql), "t", {}).rows, "4 ");
  try {
    server.database().execute(std::string(kSql));
    ADD_FAILURE() << "it does not fail";
  } catch (const postgres::DatabaseError& error) {
    EXPECT_EQ(error.sqlstate(), "23502");
  }
}

TEST_P(HazardTable, IsWhatTheServerDoes) {
  Server server(server_versions().at(static_cast<std::size_t>(GetParam() - 14)));
  ASSERT_EQ(server.database().scalar("SELECT current_setting('server_version_num')::int / 10000"),
            std::to_string(GetParam()));
  compare_in_transactions(server, GetParam());
  expect_failure_without_value(server);
  compare_outside_of_transactions(server);
}

INSTANTIATE_TEST_SUITE_P(Versions, HazardTable, ::testing::Range(14, 19),
                         [](const auto& each) { return "PostgreSQL" + std::to_string(each.param); });

std::string hazard_page() {
  std::set<std::string_view> seen = {"4"};
  for (const Case& each : kCases) seen.insert(each.row);
  for (const WatchedCase& each : kWatchedCases) seen.insert(each.row);
  std::string out =
      "| row | statement | lock | cost | what crossfade does | tested |\n|---|---|---|---|---|---|\n";
  for (const HazardRow& row : migrations::hazard_table()) {
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", row.number, row.statement, row.lock,
                       word(row.cost), row.safe_way, seen.contains(row.number) ? "yes" : "");
  }
  return out;
}

TEST(HazardTablePage, IsMadeFromTheTable) {
  expect_generated("planner.md", "hazards", hazard_page());
}

TEST(HazardTablePage, SaysOfEachStatementsRowThatItIsTested) {
  // These belong to statements that change no table, or need what a test server does not have.
  const std::set<std::string_view> untested = {"70b", "74", "74b"};
  const std::string page = hazard_page();
  for (const HazardRow& row : migrations::hazard_table()) {
    if (row.origin != migrations::HazardOrigin::statement || untested.contains(row.number)) continue;
    const std::size_t line = page.find(fmt::format("\n| {} | ", row.number));
    EXPECT_NE(page.substr(line + 1, page.find('\n', line + 1) - line - 1).find("| yes |"), std::string::npos)
        << row.number << " " << row.code;
  }
}

}  // namespace
}  // namespace crossfade::tests
