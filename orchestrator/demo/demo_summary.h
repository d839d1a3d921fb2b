// What the demo has shown, as a value, as text for 80 columns and as the one document of `--format json`.
// Pure functions. A part is null where the demo ended before it.
#pragma once

#include <boost/describe.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/demo/application_traffic.h"
#include "orchestrator/demo/migration_run.h"

namespace crossfade::orchestrator::demo {

struct MigrationFigures {
  std::string revision;
  std::string change;
  std::uint64_t rows_copied = 0;
  std::optional<double> rows_per_s;
  std::uint64_t keys_replayed = 0;
  std::uint64_t rows_verified = 0;
  std::uint64_t differences = 0;
  CutoverFigures cutover;
  PhaseTimes ms;
};
BOOST_DESCRIBE_STRUCT(MigrationFigures, (),
                      (revision, change, rows_copied, rows_per_s, keys_replayed, rows_verified, differences,
                       cutover, ms))

struct LatencyByPeriod {
  LatencySummary before;   ///< traffic alone
  LatencySummary during;   ///< from the migration's start to its end, without the second of the cutover
  LatencySummary cutover;  ///< the second around the cutover
  LatencySummary after;
};
BOOST_DESCRIBE_STRUCT(LatencyByPeriod, (), (before, during, cutover, after))

struct ApplicationFigures {
  int connections = 0;
  std::uint64_t queries = 0;
  std::uint64_t transactions = 0;
  double transactions_per_s = 0;
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;
  LatencyByPeriod latency;
  std::vector<FailedQuery> failures;  ///< the first ones
};
BOOST_DESCRIBE_STRUCT(ApplicationFigures, (),
                      (connections, queries, transactions, transactions_per_s, failed, skipped, latency,
                       failures))

/// The table at the end against what the application's own successful changes must have made of it.
struct FinalCheck {
  std::int64_t rows_expected = 0;
  std::int64_t rows_found = 0;
  std::int64_t changes_expected = 0;  ///< sum of orders.changes
  std::int64_t changes_found = 0;
  std::int64_t in_doubt = 0;  ///< transactions whose outcome the application does not know
  bool equal = false;         ///< never true with transactions in doubt, unless the sums agree anyway
};
BOOST_DESCRIBE_STRUCT(FinalCheck, (),
                      (rows_expected, rows_found, changes_expected, changes_found, in_doubt, equal))

struct DemoSummary {
  std::string server;  ///< "PostgreSQL 15.8"
  std::string table;
  std::uint64_t rows = 0;  ///< at the start
  double load_s = 0;
  std::optional<MigrationFigures> migration;
  std::optional<ApplicationFigures> application;
  std::optional<FinalCheck> final_check;
};
BOOST_DESCRIBE_STRUCT(DemoSummary, (), (server, table, rows, load_s, migration, application, final_check))

struct DemoOutcome {
  ExitCode exit_code = ExitCode::done;
  std::optional<Problem> error;
  DemoSummary summary;
};

/// {"schema": 1, "command": "demo", "exit_code", "error", and the summary's parts}
boost::json::object demo_document(const DemoOutcome& outcome);

/// Several lines, each ended by a line feed. Empty where the demo ended before it had a table.
std::string render_summary(const DemoSummary& summary);

}  // namespace crossfade::orchestrator::demo
