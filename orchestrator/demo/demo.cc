#include "orchestrator/demo/demo.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "orchestrator/demo/application_traffic.h"
#include "orchestrator/demo/demo_summary.h"
#include "orchestrator/demo/orders_table.h"
#include "postgres/connection.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "postgres/throwaway_server.h"

namespace crossfade::orchestrator::demo {

namespace {

using namespace std::chrono_literals;
using TimePoint = TrafficClock::time_point;

TrafficClock::duration to_duration(double seconds) {
  return std::chrono::duration_cast<TrafficClock::duration>(std::chrono::duration<double>(seconds));
}

void check_options(const DemoOptions& options) {
  const auto require = [](bool good, const char* option, const char* expected, const std::string& found) {
    if (good) return;
    throw Failure(ExitCode::usage, {.code = "bad-option",
                                    .object = option,
                                    .message = "the value is out of range",
                                    .expected = expected,
                                    .found = found,
                                    .next = "Give another value, or leave the option out."});
  };
  require(options.rows >= 1000 && options.rows <= 1'000'000'000, "--rows", "1000 to 1000000000",
          std::to_string(options.rows));
  require(options.rate > 0 && options.rate <= 100'000, "--rate", "above 0, at most 100000",
          fmt::format("{}", options.rate));
  require(options.connections >= 1 && options.connections <= 50, "--connections", "1 to 50",
          std::to_string(options.connections));
  require(options.seconds_before >= 0, "--seconds-before", "0 or more",
          fmt::format("{}", options.seconds_before));
}

void stop_if_asked(const std::stop_token& stop) {
  if (!stop.stop_requested()) return;
  throw Failure(ExitCode::resumable, {.code = "interrupted",
                                      .object = "demo",
                                      .message = "stopped on request; its server has been removed",
                                      .next = "Run the demo again; it starts from the beginning."});
}

Problem to_problem(const postgres::DatabaseError& error) {
  return {.code = "database-error",
          .object = error.query_name(),
          .message = error.report().message,
          .found = "SQLSTATE " + error.sqlstate(),
          .next = "Read the message; --keep leaves the demo's server running for a closer look."};
}

postgres::ThrowawayServerOptions server_options() {
  // Large enough that the demo measures schema changes and not checkpoints.
  return {.settings = {{"shared_buffers", "256MB"},
                       {"max_wal_size", "4GB"},
                       {"checkpoint_timeout", "30min"},
                       {"maintenance_work_mem", "128MB"}}};
}

/// The moment at which the migration said that the application sees the new table.
class CutoverMoment {
 public:
  void hear(const MigrationProgress& progress) {
    if (progress.phase != "soaking") return;
    const std::scoped_lock lock(mutex_);
    if (!seen_) seen_ = TrafficClock::now();
  }
  std::optional<TimePoint> seen() const {
    const std::scoped_lock lock(mutex_);
    return seen_;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<TimePoint> seen_;
};

/// What happened when; the periods of the summary are cut along these.
struct Timeline {
  TimePoint traffic_started, migration_started, migration_ended, traffic_ended;
  std::optional<TimePoint> cutover;
};

class Demo {
 public:
  Demo(const DemoOptions& options, const RunMigration& run_migration, std::stop_token stop,
       DemoScreen& screen, DemoOutcome& outcome)
      : options_(options),
        run_migration_(run_migration),
        stop_(std::move(stop)),
        screen_(screen),
        outcome_(outcome) {}

  ~Demo() { screen_.watch({}); }
  Demo(const Demo&) = delete;
  Demo& operator=(const Demo&) = delete;

  void run() {
    start_server();
    load_table();
    start_traffic();
    run_traffic_alone("traffic alone");
    timeline_.migration_started = TrafficClock::now();
    const MigrationResult result = migrate();
    timeline_.migration_ended = TrafficClock::now();
    take_over(result);
    if (result.exit_code == ExitCode::done) run_traffic_alone("traffic after");
    stop_traffic();
    check_table();
    judge();
  }

  /// Ends the traffic and leaves the server running until the stop request.
  void keep_server(std::ostream& progress) {
    if (!server_) return;
    if (traffic_) traffic_->stop();
    progress << fmt::format("The server keeps running until Ctrl-C:\n  psql \"{}\"\n", owner_connection())
             << std::flush;
    while (!stop_.stop_requested()) wait_until(TrafficClock::now() + 1h, stop_);
  }

 private:
  std::string owner_connection() const { return server_->connection_string(kShopDatabase, kOwnerRole); }

  void start_server() {
    screen_.update({.phase = "server"});
    server_ = std::make_unique<postgres::ThrowawayServer>(server_options());
    create_shop_database(server_->connection_string());
    const postgres::SessionFactory factory{postgres::ConnectionTarget(owner_connection())};
    const int version = postgres::read_server_facts(*factory.open({})).version;
    outcome_.summary.server = fmt::format("PostgreSQL {}.{}", version / 10000, version % 10000);
    stop_if_asked(stop_);
  }

  void load_table() {
    const auto started = TrafficClock::now();
    const auto total = static_cast<std::uint64_t>(options_.rows);
    const auto show = [&](std::int64_t loaded) {
      const double seconds = std::chrono::duration<double>(TrafficClock::now() - started).count();
      const double rate = static_cast<double>(loaded) / seconds;
      MigrationProgress progress{
          .phase = "loading", .rows_done = static_cast<std::uint64_t>(loaded), .rows_total = total};
      if (loaded > 0) {
        progress.rows_per_s = rate;
        progress.eta_s = static_cast<double>(options_.rows - loaded) / rate;
      }
      screen_.update(progress);
      if (loaded == options_.rows) screen_.update({.phase = "indexing"});
    };
    show(0);
    create_orders_table(owner_connection(), options_.rows, show, stop_);
    stop_if_asked(stop_);
    outcome_.summary.table = "public.orders";
    outcome_.summary.rows = total;
    outcome_.summary.load_s = std::chrono::duration<double>(TrafficClock::now() - started).count();
    totals_at_start_ = read_orders_totals(owner_connection());
  }

  void start_traffic() {
    traffic_ = std::make_unique<ApplicationTraffic>(
        TrafficOptions{.connection_string = server_->connection_string(kShopDatabase, kApplicationRole),
                       .connections = options_.connections,
                       .transactions_per_second = options_.rate,
                       .highest_id = options_.rows});
    timeline_.traffic_started = TrafficClock::now();
    traffic_->start();
    screen_.watch([this] { return traffic_->snapshot(); });
  }

  void run_traffic_alone(const char* phase) {
    screen_.update({.phase = phase});
    wait_until(TrafficClock::now() + to_duration(options_.seconds_before), stop_);
    stop_if_asked(stop_);
  }

  MigrationResult migrate() {
    const auto directory = server_->folder() / "migrations";
    write_orders_migration(directory);
    CutoverMoment cutover;
    const auto listener = [&](const MigrationProgress& progress) {
      cutover.hear(progress);
      screen_.update(progress);
    };
    MigrationResult result;
    try {
      result = run_migration_(owner_connection(), directory, listener, stop_);
    } catch (const Failure& failure) {
      result.exit_code = failure.exit_code();
      result.error = failure.problem();
    } catch (const postgres::DatabaseError& error) {
      result.exit_code = ExitCode::failed;
      result.error = to_problem(error);
    }
    timeline_.cutover = result.cutover_at ? result.cutover_at : cutover.seen();
    return result;
  }

  void take_over(const MigrationResult& result) {
    const OrdersMigration migration = orders_migration();
    MigrationFigures figures{.revision = migration.file_name.substr(0, migration.file_name.rfind('.')),
                             .change = migration.headline,
                             .rows_copied = result.rows_copied,
                             .keys_replayed = result.keys_replayed,
                             .rows_verified = result.rows_verified,
                             .differences = result.differences,
                             .cutover = result.cutover,
                             .ms = result.ms};
    if (result.ms.copy.value_or(0) > 0)
      figures.rows_per_s = static_cast<double>(result.rows_copied) / *result.ms.copy * 1000;
    if (!figures.ms.total) {
      figures.ms.total =
          std::chrono::duration<double, std::milli>(timeline_.migration_ended - timeline_.migration_started)
              .count();
    }
    outcome_.summary.migration = std::move(figures);
    outcome_.exit_code = result.exit_code;
    outcome_.error = result.error;
    if (result.exit_code != ExitCode::done && !outcome_.error) {
      outcome_.error = Problem{.code = "migration-failed",
                               .object = migration.file_name,
                               .message = "the migration did not succeed",
                               .found = fmt::format("exit code {}", static_cast<int>(result.exit_code)),
                               .next = "Read the progress above for the phase that it reached."};
    }
    stop_if_asked(stop_);
  }

  void stop_traffic() {
    screen_.watch({});
    screen_.update({.phase = "checking"});
    traffic_->stop();
    timeline_.traffic_ended = TrafficClock::now();
    const TrafficSnapshot total = traffic_->snapshot();
    const double seconds =
        std::chrono::duration<double>(timeline_.traffic_ended - timeline_.traffic_started).count();
    outcome_.summary.application =
        ApplicationFigures{.connections = options_.connections,
                           .queries = total.counts.queries,
                           .transactions = total.counts.transactions,
                           .transactions_per_s = static_cast<double>(total.counts.transactions) / seconds,
                           .failed = total.counts.failed,
                           .skipped = total.counts.skipped,
                           .latency = latency_by_period(),
                           .failures = traffic_->failures()};
  }

  LatencyByPeriod latency_by_period() const {
    const auto& [traffic_started, migration_started, migration_ended, traffic_ended, cutover] = timeline_;
    // Without a cutover its second is empty and lies at the migration's end.
    const TimePoint from = cutover ? std::max(*cutover - 500ms, migration_started) : migration_ended;
    const TimePoint to = cutover ? std::min(from + 1s, traffic_ended) : migration_ended;
    return {.before = traffic_->latency({{traffic_started, migration_started}}),
            .during = traffic_->latency(
                {{migration_started, std::min(from, migration_ended)}, {to, migration_ended}}),
            .cutover = traffic_->latency({{from, to}}),
            .after = traffic_->latency({{std::max(to, migration_ended), traffic_ended}})};
  }

  void check_table() {
    const OrdersTotals found = read_orders_totals(owner_connection());
    const OwnChanges own = traffic_->own_changes();
    FinalCheck check{.rows_expected = totals_at_start_.rows + own.rows_inserted - own.rows_deleted,
                     .rows_found = found.rows,
                     .changes_expected = totals_at_start_.changes + own.changes_added - own.changes_removed,
                     .changes_found = found.changes,
                     .in_doubt = own.in_doubt};
    check.equal = check.rows_expected == check.rows_found && check.changes_expected == check.changes_found;
    outcome_.summary.final_check = check;
  }

  /// The demo's own verdict; a migration that failed has the last word already.
  void judge() {
    if (outcome_.exit_code != ExitCode::done) return;
    const ApplicationFigures& application = *outcome_.summary.application;
    const FinalCheck& check = *outcome_.summary.final_check;
    Problem problem{.code = {}, .object = "public.orders", .message = {}};
    if (application.failed + application.skipped > 0) {
      problem.code = "application-queries-failed";
      problem.message = "the application did not get an answer to every query";
      problem.expected = "0 failed and 0 skipped";
      problem.found = fmt::format("{} failed and {} skipped", application.failed, application.skipped);
      problem.next = "Read the first failures in the summary.";
    } else if (!check.equal) {
      problem.code = "final-check-differs";
      problem.message = "the table does not hold what the application wrote";
      problem.expected = fmt::format("{} rows, {} changes", check.rows_expected, check.changes_expected);
      problem.found = fmt::format("{} rows, {} changes", check.rows_found, check.changes_found);
      problem.next = "Run with --keep and compare the old table in the run's schema.";
    } else {
      return;
    }
    outcome_.exit_code = ExitCode::failed;
    outcome_.error = std::move(problem);
  }

  const DemoOptions& options_;
  const RunMigration& run_migration_;
  std::stop_token stop_;
  DemoScreen& screen_;
  DemoOutcome& outcome_;
  // The traffic is declared after the server, so that its connections are closed first.
  std::unique_ptr<postgres::ThrowawayServer> server_;
  std::unique_ptr<ApplicationTraffic> traffic_;
  OrdersTotals totals_at_start_;
  Timeline timeline_;
};

}  // namespace

int run_demo(const DemoOptions& options, const RunMigration& run_migration, std::stop_token stop,
             std::ostream& output, std::ostream& progress) {
  DemoOutcome outcome;
  DemoScreen screen(options.screen, progress);
  std::optional<Demo> demo;
  try {
    check_options(options);
    demo.emplace(options, run_migration, stop, screen, outcome);
    demo->run();
  } catch (const Failure& failure) {
    outcome.exit_code = failure.exit_code();
    outcome.error = failure.problem();
  } catch (const postgres::DatabaseError& error) {
    outcome.exit_code = ExitCode::failed;
    outcome.error = to_problem(error);
  }
  screen.finish();
  // What is said about an interrupted demo is said when it is true.
  if (!options.keep || stop.stop_requested()) demo.reset();
  if (options.json) {
    output << boost::json::serialize(demo_document(outcome)) << '\n' << std::flush;
  } else {
    output << render_summary(outcome.summary) << std::flush;
    if (outcome.error) progress << describe(*outcome.error) << std::endl;
  }
  if (demo) demo->keep_server(progress);
  return static_cast<int>(outcome.exit_code);
}

}  // namespace crossfade::orchestrator::demo
