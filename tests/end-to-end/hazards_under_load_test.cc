// A directory with more than forty hazards goes up on a filled database while an application writes, and down
// again. A watcher looks at the locks every ten milliseconds: none that stops writers may be held or waited
// for beyond the budgets. What comes out equals what psql makes of the same files.
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <thread>

#include "migrations/hazards.h"
#include "migrations/migration_file.h"
#include "migrations/split_commands.h"
#include "postgres/error.h"
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kBudget = 200ms + 500ms;
/// Between two looks, and for a machine that is busy with the tests themselves.
constexpr auto kSlack = 200ms;

constexpr const char* kShop = R"sql(
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN cents AS integer;
CREATE TABLE customers (id integer PRIMARY KEY, name varchar(40) NOT NULL, region text, old_note text, legacy integer DEFAULT 1);
CREATE TABLE orders (id integer PRIMARY KEY, customer integer, amount integer NOT NULL DEFAULT 0, code varchar(20), note text,
  made timestamp DEFAULT '2026-01-01', price cents, state text DEFAULT 'new');
CREATE INDEX orders_customer ON orders (customer);
CREATE INDEX orders_code ON orders (code);
CREATE TABLE events (at date NOT NULL, what text) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE events_2 (at date NOT NULL, what text);
CREATE TABLE plain (id integer, v text);
INSERT INTO customers SELECT i, 'customer ' || i, 'r' || i % 7, 'x' FROM generate_series(1, 3000) i;
INSERT INTO orders SELECT i, 1 + i % 3000, i, 'c' || i, 'n' || i FROM generate_series(1, 20000) i;
INSERT INTO events SELECT date '2026-01-01' + i % 31, 'e' FROM generate_series(1, 1000) i;
INSERT INTO events_2 SELECT date '2026-02-01' + i % 28, 'e' FROM generate_series(1, 1000) i;
INSERT INTO plain SELECT i, i FROM generate_series(1, 500) i;
GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders, events, events_1, events_2, plain TO shop;
ANALYZE;
)sql";

struct File {
  const char* name;
  const char* up;
  const char* down;
};

constexpr File kFiles[] = {
    {"0001_columns.sql",
     "ALTER TABLE orders ADD COLUMN weight integer, ADD COLUMN seen boolean DEFAULT false, ADD COLUMN at "
     "timestamptz DEFAULT now();\n"
     "ALTER TABLE orders ADD COLUMN rank integer UNIQUE;\n"
     "ALTER TABLE orders ADD COLUMN stars integer CHECK (stars < 6);\n"
     "ALTER TABLE orders ADD COLUMN agent integer REFERENCES customers;\n"
     "ALTER TABLE customers ADD COLUMN tags jsonb NOT NULL DEFAULT '{}';\n"
     "ALTER TABLE customers ALTER COLUMN region SET DEFAULT 'r0';\n"
     "ALTER TABLE customers ALTER COLUMN name TYPE varchar(80);\n"
     "ALTER TABLE customers ALTER COLUMN old_note SET STORAGE EXTERNAL;\n"
     "ALTER TABLE customers ALTER COLUMN region SET STATISTICS 200;\n"
     "ALTER TABLE customers SET (fillfactor = 80);\n",
     "ALTER TABLE orders DROP CONSTRAINT orders_agent_fkey;\n"
     "ALTER TABLE customers RESET (fillfactor);\n"
     "ALTER TABLE customers ALTER COLUMN region SET STATISTICS -1;\n"
     "ALTER TABLE customers ALTER COLUMN old_note SET STORAGE EXTENDED;\n"
     "ALTER TABLE customers ALTER COLUMN name TYPE varchar(40);\n"
     "ALTER TABLE customers ALTER COLUMN region DROP DEFAULT;\n"
     "ALTER TABLE customers DROP COLUMN tags;\n"
     "ALTER TABLE orders DROP COLUMN agent;\n"
     "ALTER TABLE orders DROP COLUMN stars;\n"
     "ALTER TABLE orders DROP COLUMN rank;\n"
     "ALTER TABLE orders DROP COLUMN at, DROP COLUMN seen, DROP COLUMN weight;\n"},
    {"0002_constraints.sql",
     "ALTER TABLE customers ALTER COLUMN region SET NOT NULL;\n"
     "ALTER TABLE orders ADD CONSTRAINT positive CHECK (amount >= 0);\n"
     "ALTER TABLE orders ADD CONSTRAINT soon CHECK (id > 0) NOT VALID;\n"
     "ALTER TABLE orders VALIDATE CONSTRAINT soon;\n"
     "ALTER TABLE orders ADD CONSTRAINT bought FOREIGN KEY (customer) REFERENCES customers;\n"
     "ALTER TABLE customers ADD CONSTRAINT one_name UNIQUE (name);\n"
     "ALTER TABLE plain ADD PRIMARY KEY (id);\n"
     "ALTER TABLE orders RENAME CONSTRAINT positive TO not_negative;\n",
     "ALTER TABLE orders RENAME CONSTRAINT not_negative TO positive;\n"
     "ALTER TABLE plain DROP CONSTRAINT plain_pkey;\nALTER TABLE plain ALTER COLUMN id DROP NOT NULL;\n"
     "ALTER TABLE customers DROP CONSTRAINT one_name;\n"
     "ALTER TABLE orders DROP CONSTRAINT bought;\n"
     "ALTER TABLE orders DROP CONSTRAINT soon;\n"
     "ALTER TABLE orders DROP CONSTRAINT positive;\n"
     "ALTER TABLE customers ALTER COLUMN region DROP NOT NULL;\n"},
    {"0003_indexes.sql",
     "CREATE INDEX orders_amount ON orders (amount);\n"
     "CREATE UNIQUE INDEX orders_pair ON orders (customer, id);\n"
     "CREATE INDEX CONCURRENTLY orders_note ON orders (note);\n"
     "CREATE INDEX events_at ON events (at);\n"
     "DROP INDEX orders_code;\n"
     "ALTER INDEX orders_amount RENAME TO orders_by_amount;\n"
     "REINDEX INDEX orders_customer;\n",
     "ALTER INDEX orders_by_amount RENAME TO orders_amount;\n"
     "CREATE INDEX orders_code ON orders (code);\n"
     "DROP INDEX events_at;\n"
     "DROP INDEX orders_note;\n"
     "DROP INDEX orders_pair;\n"
     "DROP INDEX orders_amount;\n"},
    {"0004_rows.sql",
     "UPDATE orders SET state = 'old' WHERE state = 'new' AND id <= 20000;\n"
     "DELETE FROM orders WHERE id BETWEEN 100 AND 200;\n"
     "INSERT INTO customers (id, name, region) VALUES (900001, 'late', 'r1');\n",
     "DELETE FROM customers WHERE id = 900001;\n"},
    {"0005_new_objects.sql",
     "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer integer REFERENCES "
     "customers, mood mood);\n"
     "CREATE INDEX notes_customer ON notes (customer);\n"
     "CREATE SEQUENCE numbers;\n"
     "CREATE VIEW moods AS SELECT id, mood FROM notes;\n"
     "CREATE FUNCTION stamped() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
     "CREATE TRIGGER stamp BEFORE UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION stamped();\n"
     "ALTER TABLE customers DISABLE TRIGGER stamp;\n"
     "ALTER TYPE mood ADD VALUE 'happy';\n"
     "GRANT SELECT ON notes TO reader;\n"
     "COMMENT ON TABLE customers IS 'who buys';\n"
     "CREATE STATISTICS customers_spread ON id, region FROM customers;\n"
     "ALTER TABLE plain REPLICA IDENTITY FULL;\n",
     "ALTER TABLE plain REPLICA IDENTITY DEFAULT;\n"
     "DROP STATISTICS customers_spread;\n"
     "COMMENT ON TABLE customers IS NULL;\n"
     "DROP TRIGGER stamp ON customers;\n"
     "DROP FUNCTION stamped();\n"
     "DROP VIEW moods;\n"
     "DROP SEQUENCE numbers;\n"
     "DROP TABLE notes;\n"},
    {"0006_partitions.sql",
     "ALTER TABLE events ATTACH PARTITION events_2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');\n"
     "CREATE TABLE events_3 PARTITION OF events FOR VALUES FROM ('2026-03-01') TO ('2026-04-01');\n",
     "DROP TABLE events_3;\n"
     "ALTER TABLE events DETACH PARTITION events_2;\n"},
    {"0007_drops.sql",
     "ALTER TABLE customers DROP COLUMN legacy;\nALTER TABLE customers RENAME COLUMN old_note TO remark;\n",
     "ALTER TABLE customers RENAME COLUMN remark TO old_note;\nALTER TABLE customers ADD COLUMN legacy "
     "integer DEFAULT 1;\n"},
};

int hazards_in(const std::string& sql) {
  int count = 0;
  for (const auto& statement : migrations::split_commands(migrations::parse_statements(sql, "", 1)))
    count += migrations::hazards_of(statement, {}).empty() ? 0 : 1;
  return count;
}

/// Four connections that read and write as an application does; what fails is kept.
class Application {
 public:
  explicit Application(ScratchDatabase& database) {
    for (int number = 0; number < 4; ++number) {
      threads_.emplace_back(
          [this, &database, number](const std::stop_token& stop) { work(database, number, stop); });
    }
  }
  std::vector<std::string> stop() {
    for (std::jthread& thread : threads_) thread.request_stop();
    threads_.clear();
    return failures_;
  }
  long done() const { return done_; }

 private:
  void work(ScratchDatabase& database, int number, const std::stop_token& stop) {
    const auto session = database.application_session("shop");
    for (int round = 0; !stop.stop_requested(); ++round) {
      const std::string id = std::to_string(1000 + (round * 4 + number) % 15000);
      const std::string fresh = std::to_string(100000 + round * 4 + number);
      for (const std::string& sql : {"UPDATE orders SET amount = amount + 1 WHERE id = " + id,
                                     "SELECT id, amount FROM orders WHERE id = " + id,
                                     "INSERT INTO orders (id, customer, amount) VALUES (" + fresh + ", 5, 1)",
                                     "DELETE FROM orders WHERE id = " + fresh,
                                     "UPDATE customers SET region = 'r' || " + id +
                                         " WHERE id = " + std::to_string(1 + round % 3000)}) {
        try {
          session->run({"application", sql});
          ++done_;
        } catch (const postgres::DatabaseError& error) {
          const std::lock_guard lock(mutex_);
          failures_.push_back(error.sqlstate() + " " + error.report().message + ": " + sql);
        }
      }
      std::this_thread::sleep_for(2ms);
    }
  }

  std::atomic<long> done_ = 0;
  std::mutex mutex_;
  std::vector<std::string> failures_;
  std::vector<std::jthread> threads_;
};

/// The longest time that a lock of SHARE or stronger on a table of the application's was held or waited for.
class LockWatcher {
 public:
  explicit LockWatcher(ScratchDatabase& database)
      : thread_([this, &database](const std::stop_token& stop) { watch(database, stop); }) {}
  void stop() {
    thread_.request_stop();
    thread_.join();
  }
  std::chrono::milliseconds longest() const { return longest_; }
  const std::string& worst() const { return worst_; }
  long looks() const { return looks_; }

 private:
  void watch(ScratchDatabase& database, const std::stop_token& stop) {
    const auto session = database.session();
    std::map<std::string, Clock::time_point> since;
    while (!stop.stop_requested()) {
      const postgres::Rows rows =
          session->run({"watch",
                        "SELECT l.pid || ' ' || c.relname || ' ' || l.mode || ' ' || l.granted || ' ' || "
                        "l.virtualtransaction AS lock"
                        "  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation JOIN "
                        "pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
                        " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND l.mode IN ('ShareLock', "
                        "'ShareRowExclusiveLock',"
                        " 'ExclusiveLock', 'AccessExclusiveLock')"});
      ++looks_;
      const auto now = Clock::now();
      std::map<std::string, Clock::time_point> held;
      for (const postgres::Row row : rows) {
        const std::string lock = row.text("lock");
        const auto before = since.find(lock);
        held[lock] = before == since.end() ? now : before->second;
        const auto length = std::chrono::duration_cast<std::chrono::milliseconds>(now - held[lock]);
        if (length > longest_) {
          longest_ = length;
          worst_ = lock;
        }
      }
      since = std::move(held);
      std::this_thread::sleep_for(10ms);
    }
  }

  std::atomic<long> looks_ = 0;
  std::chrono::milliseconds longest_{0};
  std::string worst_;
  std::jthread thread_;
};

class HazardsUnderLoad : public ::testing::Test {
 protected:
  HazardsUnderLoad() {
    product_.as("keeper", kShop);
    for (const File& file : kFiles)
      product_.write(file.name, std::string("-- migrate:up\n") + file.up + "-- migrate:down\n" + file.down);
  }

  void run_under_load(std::vector<std::string> command) {
    Application application(product_.database());
    LockWatcher watcher(product_.database());
    const Answer answer = product_.ask(std::move(command));
    watcher.stop();
    const std::vector<std::string> failures = application.stop();
    ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    EXPECT_TRUE(failures.empty()) << failures.size() << " failed, the first: " << failures.front();
    EXPECT_GT(application.done(), 100);
    EXPECT_GT(watcher.looks(), 50);
    EXPECT_LT(watcher.longest(), kBudget + kSlack) << watcher.worst();
  }

  Product product_;
};

TEST_F(HazardsUnderLoad, GoUpAndDownWithoutAFailedQueryOrALongLock) {
  std::string all;
  for (const File& file : kFiles) all += file.up;
  ASSERT_GE(hazards_in(all), 40);

  run_under_load({"up", "--approve", "--contract"});
  Product plain;
  plain.as("keeper", kShop);
  for (const File& file : kFiles) {
    // One by one, as psql does: CONCURRENTLY allows no transaction around it.
    for (const auto& statement : migrations::parse_statements(file.up, file.name, 1))
      plain.as("keeper", statement.text);
  }
  EXPECT_EQ(product_.schema(), plain.schema());

  run_under_load({"down", "base", "--allow-data-loss", "--contract"});
  for (auto file = std::rbegin(kFiles); file != std::rend(kFiles); ++file) {
    for (const auto& statement : migrations::parse_statements(file->down, file->name, 1))
      plain.as("keeper", statement.text);
  }
  EXPECT_EQ(product_.schema(), plain.schema());
  EXPECT_THAT(product_.traces(), ::testing::IsEmpty());
}

TEST_F(HazardsUnderLoad, GoUpAsTheyWereApproved) {
  const std::string saved = (product_.folder().path() / "plan.json").string();
  ASSERT_EQ(product_.ask({"plan", "--out", saved}).exit_code(), 0);
  const Answer answer = product_.ask({"up", "--approve", "--contract", "--plan", saved});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

}  // namespace
}  // namespace crossfade::tests
