// What both kinds of execution share: the locks of the run's tables in one session, everything else in
// another with the run's own settings; the pause of an operator; the phase in the journal. The derived class
// takes its locks on the first session, then calls take_over_run. One thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "orchestrator/run_execution.h"

namespace crossfade::orchestrator {

class OwnedRunExecution : public RunExecution {
 public:
  const Run& journalled() const override { return run_; }
  const std::string& epoch() const override { return sessions_->epoch(); }
  void record_stop(State state, const std::string& reason) noexcept override;

 protected:
  OwnedRunExecution(const ExecutionRequest& request, std::unique_ptr<postgres::Session> control, Run run);

  /// Opens the control session anew with the run's settings, in which its own statements and expressions mean
  /// what they meant when it was planned; the first one goes on holding the locks.
  void take_over_run(const ExecutionRequest& request);

  /// The locks on the tables are one session's; without it another process may already be at work. Throws
  /// DatabaseError.
  void require_owner();

  /// A pause must not stop what removes or looks at a paused run.
  bool heeds_pause() const { return request_.goal == Goal::cutover || request_.goal == Goal::contract; }
  /// Throws Failure (exit 4).
  void refuse_while_paused();
  void advance(Phase from, Phase to);

  Reporter& reporter_;
  RunRequest request_;
  std::stop_source stop_;
  std::unique_ptr<postgres::Session> owner_;
  std::unique_ptr<postgres::Session> control_;
  Run run_;
  std::optional<RunSessions> sessions_;
  std::optional<Journal> journal_;
  RunProgress progress_;

 private:
  std::stop_callback<std::function<void()>> forward_;
};

}  // namespace crossfade::orchestrator
