#include "orchestrator/owned_run_execution.h"

#include "postgres/problem.h"

namespace crossfade::orchestrator {

OwnedRunExecution::OwnedRunExecution(const ExecutionRequest& request,
                                     std::unique_ptr<postgres::Session> control, Run run)
    : reporter_(request.reporter),
      request_(request.request),
      control_(std::move(control)),
      run_(std::move(run)),
      forward_(request.stop, [this] { stop_.request_stop(); }) {}

void OwnedRunExecution::take_over_run(const ExecutionRequest& request) {
  sessions_.emplace(request.factory, run_, take_over(*control_, run_.run));
  owner_ = std::move(control_);
  control_ = sessions_->open("control");
  journal_.emplace(*control_);
  run_ = journal_->load(run_.run).value();
}

void OwnedRunExecution::record_stop(State state, const std::string& reason) noexcept {
  try {
    if (run_.phase != Phase::soaking && !finished(run_.phase)) journal_->set_state(run_.run, state, reason);
  } catch (...) {
  }
}

void OwnedRunExecution::require_owner() {
  owner_->run({"owner.alive", "SELECT 1 AS one"});
}

void OwnedRunExecution::refuse_while_paused() {
  run_ = journal_->load(run_.run).value();
  if (run_.paused_by.empty() || !heeds_pause() || run_.phase == Phase::soaking) return;
  throw paused_by_operator(run_);
}

void OwnedRunExecution::advance(Phase from, Phase to) {
  WorkerTransaction transaction(*control_, *sessions_, "advance");
  journal_->advance(run_.run, from, to);
  transaction.commit();
  run_.phase = to;
}

}  // namespace crossfade::orchestrator
