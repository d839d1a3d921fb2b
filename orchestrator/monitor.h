// The monitor of a run: a thread with a session of its own that shows progress to the reporter, keeps the
// journal's progress row and the reason of every wait fresh for `status`, and watches for an operator's
// pause, on which it asks the run to stop. Starts with its construction, ends with its destruction. A lost
// monitor session never stops a run; the monitor opens another.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

class Monitor {
 public:
  /// `plan` is null for a run without a new table: there is no log, and no source to watch. `run_stop` is
  /// asked to stop when the journal says paused; without a state it heeds no pause. Everything referred to
  /// must outlive the monitor.
  Monitor(const RunSessions& sessions, const Run& run, const strategies::ShadowTablePlan* plan,
          RunProgress& progress, Reporter& reporter, std::stop_source run_stop);
  ~Monitor();

  bool paused() const { return paused_; }
  /// Set where the table changed so that the run cannot go on; capture is disarmed already.
  std::optional<checkers::FingerprintChange> source_change() const;

 private:
  void watch(const std::stop_token& stop);
  void exchange(postgres::Session& session);
  void show_backlog(postgres::Session& session);
  void watch_source(postgres::Session& session, const postgres::Row& run);
  void show();

  const RunSessions& sessions_;
  const Run& run_;
  const strategies::ShadowTablePlan* plan_;
  RunProgress& progress_;
  Reporter& reporter_;
  std::stop_source run_stop_;
  std::atomic<bool> paused_{false};
  std::string shown_reason_;
  mutable std::mutex mutex_;
  std::optional<checkers::FingerprintChange> source_change_;
  std::jthread thread_;
};

}  // namespace crossfade::orchestrator
