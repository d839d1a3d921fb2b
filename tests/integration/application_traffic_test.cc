#include "orchestrator/demo/application_traffic.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "orchestrator/demo/orders_table.h"
#include "postgres/connection.h"
#include "postgres/session.h"
#include "postgres/throwaway_server.h"

namespace crossfade::orchestrator::demo {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kRows = 5000;

class ApplicationTrafficTest : public testing::Test {
 protected:
  void SetUp() override {
    create_shop_database(server_.connection_string());
    create_orders_table(owner(), kRows, {}, {});
  }

  std::string owner() const { return server_.connection_string(kShopDatabase, kOwnerRole); }

  TrafficOptions options() const {
    return {.connection_string = server_.connection_string(kShopDatabase, kApplicationRole),
            .highest_id = kRows};
  }

  void run_as_owner(const std::string& statement) const {
    const postgres::SessionFactory factory{postgres::ConnectionTarget(owner())};
    factory.open({})->run({"test.statement", statement});
  }

  /// True once `reached` holds; waits for up to 20 seconds.
  static bool eventually(const std::function<bool()>& reached) {
    for (int attempt = 0; attempt < 400; ++attempt) {
      if (reached()) return true;
      std::this_thread::sleep_for(50ms);
    }
    return reached();
  }

  /// What the table must hold after the traffic's own changes.
  void expect_own_changes_in_table(const ApplicationTraffic& traffic) const {
    const OwnChanges own = traffic.own_changes();
    const OrdersTotals totals = read_orders_totals(owner());
    EXPECT_EQ(totals.rows, kRows + own.rows_inserted - own.rows_deleted);
    EXPECT_EQ(totals.changes, own.changes_added - own.changes_removed);
  }

  postgres::ThrowawayServer server_;
};

TEST_F(ApplicationTrafficTest, RunsFiveHundredTransactionsASecondWithoutAFailure) {
  ApplicationTraffic traffic(options());
  const auto started = TrafficClock::now();
  traffic.start();
  std::this_thread::sleep_for(3s);
  const auto ended = TrafficClock::now();
  traffic.stop();

  const LatencySummary latency = traffic.latency({{started, ended}});
  EXPECT_GE(latency.transactions_per_s.value(), 500);
  EXPECT_LE(latency.transactions_per_s.value(), 850);
  const TrafficCounts counts = traffic.snapshot().counts;
  EXPECT_EQ(counts.failed, 0U);
  EXPECT_EQ(counts.skipped, 0U);
  EXPECT_TRUE(traffic.failures().empty());
}

TEST_F(ApplicationTrafficTest, AccountsForEveryRowThatItChanged) {
  ApplicationTraffic traffic(options());
  traffic.start();
  EXPECT_TRUE(eventually([&] {
    const OwnChanges own = traffic.own_changes();
    return own.rows_inserted > 50 && own.rows_deleted > 10 && own.keys_changed > 5 && own.changes_added > 100;
  }));
  traffic.stop();
  expect_own_changes_in_table(traffic);
}

TEST_F(ApplicationTrafficTest, RecordsTheLatencyOfEveryQuery) {
  ApplicationTraffic traffic(options());
  const auto started = TrafficClock::now();
  traffic.start();
  std::this_thread::sleep_for(1s);
  traffic.stop();

  const LatencySummary latency = traffic.latency({{started, TrafficClock::now()}});
  EXPECT_EQ(latency.queries, traffic.snapshot().counts.queries);
  EXPECT_GT(latency.queries, latency.transactions);
  EXPECT_GT(latency.p50_ms.value(), 0);
  EXPECT_LE(latency.p50_ms.value(), latency.p99_ms.value());
  EXPECT_LE(latency.p99_ms.value(), latency.max_ms.value());
  EXPECT_EQ(traffic.latency({{started - 2s, started}}).queries, 0U);
}

TEST_F(ApplicationTrafficTest, ShowsALockThatStopsItInTheLongestLatency) {
  ApplicationTraffic traffic(options());
  const auto started = TrafficClock::now();
  traffic.start();
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.transactions > 100; }));
  run_as_owner("BEGIN; LOCK TABLE public.orders; SELECT pg_catalog.pg_sleep(0.4); COMMIT");
  traffic.stop();
  EXPECT_GE(traffic.latency({{started, TrafficClock::now()}}).max_ms.value(), 390);
  EXPECT_EQ(traffic.snapshot().counts.failed, 0U);
}

TEST_F(ApplicationTrafficTest, CountsQueriesThatFailAndKeepsTheFirst) {
  ApplicationTraffic traffic(options());
  traffic.start();
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.transactions > 100; }));
  EXPECT_EQ(traffic.snapshot().counts.failed, 0U);
  run_as_owner("REVOKE DELETE ON public.orders FROM demo_application");
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.failed >= 3; }));
  traffic.stop();

  const auto failures = traffic.failures();
  ASSERT_FALSE(failures.empty());
  EXPECT_EQ(failures.front().query, "delete");
  EXPECT_EQ(failures.front().sqlstate, "42501");
  EXPECT_NE(failures.front().message.find("permission denied"), std::string::npos);
  expect_own_changes_in_table(traffic);
}

TEST_F(ApplicationTrafficTest, CountsLostConnectionsAndGoesOnWithNewOnes) {
  ApplicationTraffic traffic(options());
  traffic.start();
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.transactions > 100; }));
  server_.crash_and_restart();
  const auto at_restart = traffic.snapshot().counts;
  EXPECT_GE(at_restart.failed, static_cast<std::uint64_t>(options().connections));
  EXPECT_TRUE(
      eventually([&] { return traffic.snapshot().counts.transactions > at_restart.transactions + 100; }));
  traffic.stop();
}

TEST_F(ApplicationTrafficTest, SurvivesAPlainChangeOfItsColumnTypes) {
  ApplicationTraffic traffic(options());
  traffic.start();
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.transactions > 100; }));
  run_as_owner(
      "ALTER TABLE public.orders ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE numeric(14,4), "
      "ADD COLUMN total_cents bigint, ADD CHECK (amount >= 0)");
  const auto at_change = traffic.snapshot().counts.transactions;
  EXPECT_TRUE(eventually([&] { return traffic.snapshot().counts.transactions > at_change + 500; }));
  traffic.stop();
  EXPECT_EQ(traffic.snapshot().counts.failed, 0U);
  expect_own_changes_in_table(traffic);
}

}  // namespace
}  // namespace crossfade::orchestrator::demo
