#include "orchestrator/run_execution.h"

#include <fmt/format.h>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

Failure resumable(const Run& run, std::string code, std::string message, std::string found,
                  std::string next) {
  return Failure(ExitCode::resumable, {.code = std::move(code),
                                       .object = run.display(),
                                       .message = std::move(message),
                                       .expected = "",
                                       .found = std::move(found),
                                       .next = std::move(next)});
}

Failure taken_over_meanwhile(const Run& run) {
  return resumable(run, "taken-over", "another process has taken the run over while the connection was lost",
                   "another epoch in the journal",
                   "Let the other process finish; `crossfade status` shows it.");
}

Failure planned_by_another_version(const Run& run) {
  return Failure(
      ExitCode::refused,
      {.code = "another-version",
       .object = run.display(),
       .message = "the run was planned by another version of crossfade",
       .expected = "a plan in this version's form",
       .found = "one that cannot be read",
       .next = "Finish or abort the run with the version that began it; nothing has been changed."});
}

Failure paused_by_operator(const Run& run) {
  return resumable(run, "paused", "the run is paused",
                   fmt::format("paused by {} at {}", run.paused_by, run.paused_at),
                   fmt::format("`crossfade resume {}` lifts the pause and goes on.", run.run));
}

std::unique_ptr<RunExecution> make_execution(const ExecutionRequest& request) {
  auto control =
      request.factory.open({.application_name = fmt::format("crossfade/{}/control", request.request.run)});
  Run run = Journal(*control).load(request.request.run).value();
  if (!request.own_epoch.empty() && run.epoch != request.own_epoch) throw taken_over_meanwhile(run);
  if (run.strategy == "in-place") return make_in_place_execution(request, std::move(control), std::move(run));
  return make_shadow_execution(request, std::move(control), std::move(run));
}

}  // namespace crossfade::orchestrator
