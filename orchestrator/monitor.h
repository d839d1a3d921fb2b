// The monitor of a run: a thread with a session of its own that shows progress to the reporter, keeps the
// journal's progress row and the reason of every wait fresh for `status`, and watches for an operator's
// pause, on which it asks the run to stop. Starts with its construction, ends with its destruction. A lost
// monitor session never stops a run; the monitor opens another.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

class Monitor {
 public:
  /// `run_stop` is asked to stop when the journal says paused. Everything referred to must outlive the
  /// monitor.
  Monitor(const RunSessions& sessions, const Run& run, const strategies::ShadowTablePlan& plan,
          RunProgress& progress, Reporter& reporter, std::stop_source run_stop);
  ~Monitor();

  bool paused() const { return paused_; }

 private:
  void watch(const std::stop_token& stop);
  void exchange(postgres::Session& session);
  void show();

  const RunSessions& sessions_;
  const Run& run_;
  const strategies::ShadowTablePlan& plan_;
  RunProgress& progress_;
  Reporter& reporter_;
  std::stop_source run_stop_;
  std::atomic<bool> paused_{false};
  std::string shown_reason_;
  std::jthread thread_;
};

}  // namespace crossfade::orchestrator
