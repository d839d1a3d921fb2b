#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stop_token>
#include <thread>

#include "postgres/error.h"
#include "tests/integration/batched_run.h"

namespace crossfade::tests {
namespace {

using std::chrono::milliseconds;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class BatchedUpdate : public BatchedRun {
 protected:
  void create_counters(int rows) {
    database_.execute(
        fmt::format("CREATE TABLE t (id bigint PRIMARY KEY, c integer NOT NULL DEFAULT 0, w integer NOT NULL "
                    "DEFAULT 0); INSERT INTO t SELECT n * 10 FROM generate_series(1, {}) n",
                    rows));
  }

  /// How often each row got its increment, as "value: rows".
  std::string counters() {
    return database_.scalar(
        "SELECT COALESCE(string_agg(c || ': ' || n, ', ' ORDER BY c), 'none') FROM (SELECT c, count(*) AS n "
        "FROM t "
        "GROUP BY c) s");
  }
};

TEST_F(BatchedUpdate, DoesNothingToAnEmptyTableAndFinishes) {
  create_counters(0);
  EXPECT_EQ(execute("UPDATE t SET c = c + 1"), 0);
  EXPECT_TRUE(step_finished());
  EXPECT_EQ(database_.scalar("SELECT finished::text || end_key::text FROM crossfade.batches"), "NULL");
  EXPECT_EQ(database_.scalar("SELECT finished FROM crossfade.batches"), "t");
}

TEST_F(BatchedUpdate, ReportsRowsAndIsDoneOnlyOnce) {
  create_counters(1000);
  database_.execute("ANALYZE t");
  std::vector<std::int64_t> done;
  on_progress_ = [&](std::int64_t rows, std::int64_t total) {
    done.push_back(rows);
    EXPECT_EQ(total, 1000);
  };
  const auto change = plan("UPDATE t SET c = c + 1 WHERE id > 5000");
  EXPECT_EQ(execute(change), 500);
  EXPECT_EQ(done.back(), 1000);
  EXPECT_GT(done.size(), 8U);
  EXPECT_TRUE(std::is_sorted(done.begin(), done.end()));
  EXPECT_EQ(execute(change), 500) << "a finished step";
  EXPECT_EQ(counters(), "0: 500, 1: 500");
  EXPECT_EQ(database_.scalar("SELECT rows || ' ' || rows_passed FROM crossfade.batches"), "500 1000");
}

TEST_F(BatchedUpdate, VisitsRowsAddedBeforeTheCursorAndNoneBehindItOrAfterTheEnd) {
  create_counters(1000);
  bool added = false;
  on_progress_ = [&](std::int64_t rows, std::int64_t) {
    if (added || rows < 300) return;
    added = true;
    database_.execute("INSERT INTO t VALUES (1), (9991), (10001)");
  };
  EXPECT_EQ(execute("UPDATE t SET c = c + 1"), 1001);
  EXPECT_EQ(database_.scalar(
                "SELECT string_agg(id || ':' || c, ' ' ORDER BY id) FROM t WHERE id IN (1, 9991, 10001)"),
            "1:0 9991:1 10001:0");
}

TEST_F(BatchedUpdate, RestrictsTheChangeByTheKeysIndex) {
  database_.execute(
      "CREATE TABLE t (tenant integer, id bigint, c integer DEFAULT 0, PRIMARY KEY (tenant, id)) WITH "
      "(autovacuum_enabled = off); INSERT INTO t SELECT n % 3, n FROM generate_series(1, 3000) n");
  const auto change = plan("UPDATE t SET c = 1");
  const std::string scans = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 't'";
  database_.execute("SELECT pg_stat_reset()");
  EXPECT_EQ(execute(change), 3000);
  // The statistics of an ended session come a moment later.
  std::this_thread::sleep_for(milliseconds(200));
  database_.execute("SELECT pg_stat_clear_snapshot()");
  EXPECT_EQ(database_.scalar(scans), "0");
}

TEST_F(BatchedUpdate, SteersTheBatchSizeToTheTarget) {
  create_counters(4000);
  options_ = {
      .target = milliseconds(1), .first_rows = 1000, .fewest_rows = 30, .most_rows = 1000, .pause_share = 0};
  execute("UPDATE t SET c = c + 1");
  EXPECT_LT(database_.scalar("SELECT rows_per_batch FROM crossfade.batches").size(), 4U);
  step_ = "slow target";
  options_.target = milliseconds(60000);
  options_.first_rows = 50;
  execute("UPDATE t SET c = c + 1");
  EXPECT_EQ(database_.scalar("SELECT rows_per_batch FROM crossfade.batches WHERE step = 'slow target'"),
            "1000");
  EXPECT_EQ(counters(), "2: 4000");
}

TEST_F(BatchedUpdate, RestsBetweenBatchesAndSaysSo) {
  create_counters(300);
  options_.pause_share = 20;
  execute("UPDATE t SET c = c + 1");
  EXPECT_THAT(reasons_, Contains(HasSubstr("between batches")));
}

TEST_F(BatchedUpdate, WaitsForRowLocksInShortAttemptsAndNamesTheHolder) {
  create_counters(500);
  const auto holder = database_.application_session();
  holder->run({"lock", "BEGIN; UPDATE t SET w = w + 1 WHERE id = 2000"});
  bool held = true;
  on_waiting_ = [&](const std::string& reason) {
    if (!held || reason.find("locks on public.t") == std::string::npos) return;
    EXPECT_THAT(reason, HasSubstr(fmt::format("pid {}", holder->backend_pid())));
    holder->run({"unlock", "COMMIT"});
    held = false;
  };
  EXPECT_EQ(execute("UPDATE t SET c = c + 1"), 500);
  EXPECT_FALSE(held);
  EXPECT_EQ(counters(), "1: 500");
  EXPECT_EQ(database_.scalar("SELECT sum(w) FROM t"), "1");
}

TEST_F(BatchedUpdate, GivesUpWhereALockStaysAndGoesOnLater) {
  create_counters(500);
  const auto holder = database_.application_session();
  holder->run({"lock", "BEGIN; UPDATE t SET w = w + 1 WHERE id = 2000"});
  options_.lock_budget_ms = 20;
  options_.patience = milliseconds(300);
  const auto change = plan("UPDATE t SET c = c + 1");
  const Failure failure = failure_of(change);
  EXPECT_EQ(failure.exit_code(), ExitCode::resumable);
  EXPECT_EQ(failure.problem().code, "lock-not-available");
  EXPECT_THAT(failure.problem().found, HasSubstr(fmt::format("pid {}", holder->backend_pid())));
  EXPECT_FALSE(step_finished());
  holder->run({"unlock", "ROLLBACK"});
  EXPECT_EQ(execute(change), 500);
  EXPECT_EQ(counters(), "1: 500");
}

TEST_F(BatchedUpdate, IsAppliedOnceToEachRowUnderConcurrentWriters) {
  create_counters(2000);
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::vector<std::thread> writers;
  for (int number = 0; number < 2; ++number) {
    writers.emplace_back([&, number] {
      const auto session = database_.application_session();
      for (int turn = 0; !stop; ++turn) {
        const int first = (turn * 7919 + number * 101) % 1990;
        try {
          session->run(
              {"write", fmt::format("BEGIN; UPDATE t SET w = w + 1 WHERE id = {}; SELECT pg_sleep(0.01); "
                                    "UPDATE t SET w = w + 1 WHERE id = {}; COMMIT",
                                    first * 10 + 10, first * 10 + 60)});
          written += 2;
        } catch (const postgres::DatabaseError& error) {
          // Two writers may meet; the batches must not be what ends one.
          session->run({"rollback", "ROLLBACK"});
        }
      }
    });
  }
  EXPECT_EQ(execute("UPDATE t SET c = c + 1"), 2000);
  stop = true;
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(counters(), "1: 2000");
  EXPECT_EQ(database_.scalar("SELECT sum(w) FROM t"), std::to_string(written));
}

TEST_F(BatchedUpdate, DeletesEverythingAndEndsWhileRowsKeepComing) {
  create_counters(3000);
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    const auto session = database_.application_session();
    for (int id = 1000000; !stop; ++id)
      session->run({"insert", fmt::format("INSERT INTO t VALUES ({})", id)});
  });
  EXPECT_GE(execute("DELETE FROM t"), 3000);
  stop = true;
  writer.join();
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM t, crossfade.batches WHERE id <= end_key[1]::bigint"),
            "0");
  EXPECT_GT(std::stoi(database_.scalar("SELECT count(*) FROM t")), 0);
}

TEST_F(BatchedUpdate, StopsBetweenBatchesAndGoesOn) {
  create_counters(1000);
  std::stop_source source;
  stop_ = source.get_token();
  on_progress_ = [&](std::int64_t rows, std::int64_t) {
    if (rows > 300) source.request_stop();
  };
  const auto change = plan("UPDATE t SET c = c + 1");
  EXPECT_EQ(failure_of(change).problem().code, "stopped");
  EXPECT_THAT(counters(), HasSubstr("0: "));
  stop_ = {};
  on_progress_ = nullptr;
  EXPECT_EQ(execute(change), 1000);
  EXPECT_EQ(counters(), "1: 1000");
}

TEST_F(BatchedUpdate, StopsInTheMiddleOfABatch) {
  database_.execute(
      "CREATE TABLE t (id integer PRIMARY KEY, c integer DEFAULT 0); INSERT INTO t VALUES (1);"
      "CREATE FUNCTION slow() RETURNS integer LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN 1; "
      "END'");
  std::stop_source source;
  stop_ = source.get_token();
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(500));
    source.request_stop();
  });
  const auto begun = std::chrono::steady_clock::now();
  const Failure failure = failure_of(plan("UPDATE t SET c = slow()"));
  stopper.join();
  EXPECT_EQ(failure.exit_code(), ExitCode::resumable);
  EXPECT_EQ(failure.problem().code, "stopped");
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
}

TEST_F(BatchedUpdate, FinishesInTheLastBatchsTransaction) {
  create_counters(120);
  const auto change = plan("UPDATE t SET c = c + 1");
  on_finish_ = [] { throw std::runtime_error("the step's own row"); };
  EXPECT_THROW(execute(change), std::runtime_error);
  EXPECT_THAT(counters(), HasSubstr("0: "));
  EXPECT_FALSE(step_finished());
  on_finish_ = nullptr;
  EXPECT_EQ(execute(change), 120);
  EXPECT_TRUE(step_finished());
  EXPECT_EQ(counters(), "1: 120");
}

TEST_F(BatchedUpdate, IsOutOfItsOwnersHandsAfterATakeOver) {
  create_counters(1000);
  on_progress_ = [&](std::int64_t rows, std::int64_t) {
    if (rows > 300) orchestrator::take_over(*database_.session(), run());
  };
  try {
    execute("UPDATE t SET c = c + 1");
    FAIL() << "went on";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.problem().code, "taken-over");
  } catch (const postgres::DatabaseError& error) {
    EXPECT_TRUE(error.connection_dead());  // the take-over ends sessions of earlier epochs
  }
  on_progress_ = nullptr;
  EXPECT_EQ(execute("UPDATE t SET c = c + 1"), 1000);
  EXPECT_EQ(counters(), "1: 1000");
}

TEST_F(BatchedUpdate, LosesAtMostABatchAndRepeatsNoneWhereverTheSessionDies) {
  using Point = postgres::FaultPlan::Point;
  using Moment = postgres::FaultPlan::Moment;
  create_counters(200);
  const auto change = plan("UPDATE t SET c = c + 1");
  int times = 0;
  for (const char* query : {"batch.open.commit", "batch.begin", "batch.fence", "batch.enter", "batch.bound",
                            "batch.change", "batch.advance", "batch.durable", "batch.commit"}) {
    for (const Moment moment : {Moment::before, Moment::after}) {
      for (const int occurrence : {1, 2}) {
        step_ = fmt::format("step {}", ++times);
        const auto faults = std::make_shared<postgres::FaultPlan>(
            std::vector<Point>{{query, occurrence, moment, postgres::FaultPlan::Action::terminate}}, "");
        try {
          execute(change, faults);
        } catch (const postgres::DatabaseError& error) {
          EXPECT_TRUE(error.connection_dead()) << error.what();
        }
        EXPECT_EQ(execute(change), 200);
        EXPECT_TRUE(step_finished());
        ASSERT_EQ(counters(), fmt::format("{}: 200", times)) << query << " occurrence " << occurrence;
      }
    }
  }
}

TEST_F(BatchedUpdate, GoesOnWhereAKilledProcessWas) {
  create_counters(500);
  const auto change = plan("UPDATE t SET c = c + 1");
  run();
  for (const char* query : {"batch.change", "batch.advance", "batch.commit"}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto faults = std::make_shared<postgres::FaultPlan>(
          std::vector<postgres::FaultPlan::Point>{{query, 2, postgres::FaultPlan::Moment::after}}, "");
      try {
        execute(change, faults);
      } catch (...) {
      }
      ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status)) << query;
    EXPECT_FALSE(step_finished());
  }
  EXPECT_EQ(execute(change), 500);
  EXPECT_EQ(counters(), "1: 500");
}

TEST_F(BatchedUpdate, RefusesATableThatHasTakenThePlace) {
  create_counters(100);
  const auto change = plan("UPDATE t SET c = c + 1");
  database_.execute("ALTER TABLE t RENAME TO t_old");
  EXPECT_EQ(failure_of(change).problem().code, "table-changed");
  database_.execute("CREATE TABLE t (LIKE t_old INCLUDING ALL)");
  const Failure failure = failure_of(change);
  EXPECT_EQ(failure.exit_code(), ExitCode::refused);
  EXPECT_EQ(failure.problem().code, "table-changed");
}

TEST_F(BatchedUpdate, FillsAColumnWhereItIsNull) {
  database_.execute(
      "CREATE TABLE t (id integer PRIMARY KEY, c integer); "
      "INSERT INTO t SELECT n, CASE WHEN n % 4 = 0 THEN -1 END FROM generate_series(1, 400) n");
  const auto session = database_.session();
  const auto table =
      postgres::load_table(*session, postgres::find_relation(*session, "public", "t").value()).value();
  const auto fill = strategies::fill_statement(table.name, "c", "id * 2");
  EXPECT_EQ(execute(strategies::plan_batched_update(fill, table, {}).plan.value()), 300);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM t WHERE c = CASE WHEN id % 4 = 0 THEN -1 ELSE id * 2 END"),
            "400");
}

TEST_F(BatchedUpdate, IsRefusedByWhatTheServerKnows) {
  create_counters(10);
  database_.execute(
      "CREATE VIEW seen AS SELECT id FROM t; CREATE VIEW seen_twice AS SELECT id FROM seen;"
      "CREATE MATERIALIZED VIEW kept AS SELECT id FROM t;"
      "CREATE TABLE node (id integer PRIMARY KEY, parent integer REFERENCES node);"
      "CREATE TABLE parent (id integer PRIMARY KEY); CREATE TABLE child () INHERITS (parent);"
      "CREATE TABLE ruled (id integer PRIMARY KEY); CREATE RULE r AS ON DELETE TO ruled DO INSTEAD NOTHING;"
      "CREATE TABLE parts (id integer PRIMARY KEY) PARTITION BY RANGE (id);"
      "CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);"
      "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER each BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION noted();"
      "CREATE TRIGGER once AFTER UPDATE ON t EXECUTE FUNCTION noted();"
      "CREATE FUNCTION reading(bigint) RETURNS integer STABLE LANGUAGE sql AS 'SELECT 1';");
  const auto code = [&](const std::string& sql, const std::string& table) {
    const auto choice = choose(sql, table);
    return choice.refusals.empty() ? std::string("none") : choice.refusals.front().code;
  };
  EXPECT_EQ(code("DELETE FROM t WHERE id IN (SELECT id FROM seen_twice)", "t"), "batch-same-table");
  EXPECT_EQ(code("DELETE FROM t WHERE id IN (SELECT id FROM kept)", "t"), "none");
  EXPECT_EQ(code("UPDATE t SET c = array_agg(id)", "t"), "batch-aggregate");
  EXPECT_EQ(code("DELETE FROM t WHERE id IN (SELECT unnest(ARRAY[1, 2]))", "t"), "batch-set-returning");
  EXPECT_EQ(code("DELETE FROM node", "node"), "batch-self-reference");
  EXPECT_EQ(code("DELETE FROM parent", "parent"), "batch-inheritance");
  EXPECT_EQ(code("DELETE FROM ruled", "ruled"), "batch-rules");
  EXPECT_EQ(code("DELETE FROM parts", "parts"), "batch-relation");
  EXPECT_EQ(code("DELETE FROM part", "part"), "none");
  EXPECT_EQ(code("DELETE FROM part WHERE id IN (SELECT id FROM parts)", "part"), "batch-same-table");
  std::vector<std::string> announced;
  for (const Problem& problem : choose("UPDATE t SET c = reading(id)").announcements)
    announced.push_back(problem.code);
  EXPECT_THAT(announced, ElementsAre("batch-triggers", "batch-statement-triggers", "batch-functions"));
}

TEST_F(BatchedUpdate, IsRefusedToARoleThatDoesNotSeeEveryRow) {
  create_counters(10);
  const std::string role = database_.create_role("app");
  database_.execute("GRANT SELECT, UPDATE ON t TO PUBLIC; ALTER TABLE t ENABLE ROW LEVEL SECURITY");
  const auto statement = migrations::parse_statements("UPDATE t SET c = 1", "a.sql", 1).at(0);
  for (const auto& [name, hides_rows] : {std::pair(role, true), std::pair(std::string("postgres"), false)}) {
    const auto session = orchestrator::open_as_role(database_.factory(name), "crossfade/plan");
    const auto table =
        postgres::load_table(*session, postgres::find_relation(*session, "public", "t").value()).value();
    EXPECT_EQ(orchestrator::read_batch_facts(*session, statement, table).hides_rows, hides_rows) << name;
  }
}

}  // namespace
}  // namespace crossfade::tests
