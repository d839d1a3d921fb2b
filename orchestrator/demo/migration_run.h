// What the demo asks of a migration and what it hears back. The demo does not know how a migration is run: it
// is handed a function, so that anything that changes a schema can be shown under the same traffic. Plain
// values.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "postgres/problem.h"

namespace crossfade::orchestrator::demo {

/// The state of the migration at one moment. A value that is not known, or not meant in this phase, is null.
struct MigrationProgress {
  std::string phase;  ///< as in `status`: "copying", "verifying", "soaking" …
  std::optional<std::uint64_t> rows_done;
  std::optional<std::uint64_t> rows_total;
  std::optional<double> rows_per_s;
  std::optional<double> eta_s;
  std::optional<std::uint64_t> backlog_keys;
  std::string waiting_reason;  ///< empty unless the migration waits for something
};

/// May be called from any thread, as often as there is news. It returns at once and never throws.
using ProgressListener = std::function<void(const MigrationProgress&)>;

struct CutoverFigures {
  int attempts = 0;
  std::optional<double> wait_ms;  ///< from the request of the exclusive lock until it was held
  std::optional<double> hold_ms;  ///< from then until the commit
};
BOOST_DESCRIBE_STRUCT(CutoverFigures, (), (attempts, wait_ms, hold_ms))

/// The length of each part in milliseconds; null where the migration had no such part.
struct PhaseTimes {
  std::optional<double> copy;
  std::optional<double> build;
  std::optional<double> replay;
  std::optional<double> verify;
  std::optional<double> total;
};
BOOST_DESCRIBE_STRUCT(PhaseTimes, (), (copy, build, replay, verify, total))

struct MigrationResult {
  ExitCode exit_code = ExitCode::done;
  std::optional<Problem> error;
  std::uint64_t rows_copied = 0;
  std::uint64_t keys_replayed = 0;
  std::uint64_t rows_verified = 0;
  std::uint64_t differences = 0;
  CutoverFigures cutover;
  PhaseTimes ms;
  /// When the application began to see the new table. Null: the demo takes the moment at which the phase
  /// "soaking" was first reported.
  std::optional<std::chrono::steady_clock::time_point> cutover_at;
};

/// Runs all migrations of `directory` in the database and returns when they are done, have failed or, after a
/// stop request, have come to a safe end. A Failure or DatabaseError may be thrown instead of being returned.
using RunMigration = std::function<MigrationResult(const std::string& connection_string,
                                                   const std::filesystem::path& directory,
                                                   const ProgressListener& listener, std::stop_token stop)>;

}  // namespace crossfade::orchestrator::demo
