// What the pieces of one run share while a process works on it: the plan, how to open sessions, the control
// session with its journal, options, progress and the wish to stop. Owned by the runner; outlives every
// worker. Members are immutable after construction but for `progress`, which is thread-safe, and the control
// session and journal, which belong to the main thread.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <stop_token>
#include <string>

#include "checkers/table_fingerprint.h"
#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/reporter.h"
#include "postgres/error.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

enum class OldSnapshots { wait, ignore };

struct RunOptions {
  int copy_workers = 2;
  std::int64_t pages_per_chunk = 2048;
  int build_workers = 2;
  int replay_workers = 1;
  int replay_batch = 5000;  ///< log rows a transaction
  int verify_workers = 2;
  std::int64_t verify_rows = 100000;  ///< rows a key range, where the key follows the physical order
  int batch_ms = 200;                 ///< how long a batch of an UPDATE or DELETE should take
  std::int64_t batch_rows = 50000;    ///< the most of a batch
  int batch_pause_percent = 25;       ///< the pause behind a batch, as a share of its duration
  int lock_budget_ms = 200;
  int hold_budget_ms = 500;
  int cutover_attempts = 60;
  OldSnapshots old_snapshots = OldSnapshots::wait;
  bool skip_verification = false;
  bool postpone_cutover = false;
  bool contract = false;
};

/// The numbers that the monitor shows; written by workers, read by the monitor. Thread-safe.
class RunProgress {
 public:
  void start(Phase phase, std::int64_t rows_done, std::int64_t rows_total);
  void add_rows(std::int64_t rows);
  void set_total(std::int64_t rows);
  void set_backlog(std::int64_t keys);
  /// Empty: not waiting any more.
  void set_waiting(std::string reason);
  ProgressSnapshot snapshot() const;

 private:
  mutable std::mutex mutex_;
  ProgressSnapshot numbers_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::int64_t rows_at_start_ = 0;
};

/// The table changed under the run; what follows is in `change` (docs/protocol.md, rule 5).
struct SourceChanged {
  checkers::FingerprintChange change;
};

struct RunContext {
  const strategies::ShadowTablePlan& plan;
  const RunSessions& sessions;
  const RunOptions& options;
  postgres::Session& control;
  Journal& journal;
  RunProgress& progress;
  Reporter& reporter;
  std::stop_token stop;
  std::string server_encoding;             ///< as client_encoding takes it: UTF8, SQL_ASCII, LATIN1
  checkers::TableFingerprint fingerprint;  ///< empty until capture is on

  std::int64_t run() const { return plan.run; }
  /// Throws Failure (exit 4) where the operator asked to stop or pause.
  void check_stop() const;
};

/// Throws SourceChanged where the table is not what the run expects, a new name or no table at all included.
void throw_if_source_changed(const RunContext& context, postgres::Session& session);

/// A statement named a table or schema that does not exist: the source may have another name now.
bool names_nothing(const postgres::DatabaseError& error);

/// In an open transaction: takes the lock on the source, then compares its fingerprint. Throws SourceChanged.
void lock_and_check_source(const RunContext& context, postgres::Session& session,
                           const std::string& query_prefix);

/// Sleeps, but wakes when the run is to stop.
void sleep_unless_stopped(std::chrono::milliseconds duration, const std::stop_token& stop);

}  // namespace crossfade::orchestrator
