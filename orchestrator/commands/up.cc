#include <fmt/format.h>

#include <chrono>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/pending.h"
#include "orchestrator/commands/saved_plan.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/run_context.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::chrono::milliseconds kBetweenLooks{500};

/// Another process is at work; it will be finished some time.
bool worth_waiting_for(const CommandResult& result) {
  return result.problem && (result.problem->code == "table-held" || result.problem->code == "run-held" ||
                            result.problem->code == "unreachable");
}

/// A revision that is being taken back counts as applied still, and nothing of it is pending.
void refuse_unfinished_down(postgres::Session& session) {
  if (!journal_exists(session)) return;
  for (const Run& run : Journal(session).open_runs()) {
    if (run.end.direction != migrations::Direction::down || run.phase == Phase::soaking) continue;
    throw Failure(
        ExitCode::resumable,
        {.code = "unfinished-down",
         .object = run.display(),
         .message = fmt::format("run {} takes revision {} back, and is not finished", run.run, run.revision),
         .expected = "revisions that are applied or not",
         .found = "phase " + to_string(run.phase),
         .next = fmt::format("`crossfade down` goes on with it; `crossfade abort {}` undoes its unfinished "
                             "statement.",
                             run.run)});
  }
}

CommandResult apply_pending(const CommandEnvironment& environment, const UpOptions& options,
                            Reporter& reporter) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const auto session = environment.connect().open({.application_name = "crossfade/up"});
  const std::vector<migrations::MigrationFile> pending = pending_up_to(*session, directory, options.target);
  if (pending.empty()) refuse_unfinished_down(*session);
  ApplyOptions apply = options.apply;
  if (!options.plan_file.empty()) apply.plan = saved_plan(environment, pending, options.plan_file);
  return RevisionRuns(environment, apply, reporter).apply(pending);
}

CommandResult guarded(const CommandEnvironment& environment, const UpOptions& options, Reporter& reporter) {
  try {
    return apply_pending(environment, options, reporter);
  } catch (const Failure& failure) {
    CommandResult result{.exit_code = failure.exit_code(), .problem = failure.problem()};
    if (!worth_waiting_for(result)) throw;
    result.document["runs"] = boost::json::array();
    return result;
  }
}

Failure waited_in_vain(const UpOptions& options, const CommandResult& result) {
  Problem problem = *result.problem;
  problem.found += fmt::format("; waited for {} s", options.timeout_s);
  problem.next = "Run `crossfade up --wait` again, with a longer --timeout.";
  return Failure(ExitCode::resumable, std::move(problem));
}

}  // namespace

CommandResult run_up(const CommandEnvironment& environment, const UpOptions& options) {
  if (options.dry_run)
    return run_plan(environment, {.target = options.target, .additive_only = options.apply.additive_only});
  const auto reporter = make_reporter(environment.options.progress);
  return run_up(environment, options, *reporter);
}

CommandResult run_up(const CommandEnvironment& environment, const UpOptions& options, Reporter& reporter) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_s);
  for (bool said = false;; said = true) {
    CommandResult result = guarded(environment, options, reporter);
    if (!options.wait || !worth_waiting_for(result) || environment.stop.stop_requested()) return result;
    if (std::chrono::steady_clock::now() > until) throw waited_in_vain(options, result);
    if (!said) reporter.note("waiting: " + describe(*result.problem));
    sleep_unless_stopped(kBetweenLooks, environment.stop);
  }
}

}  // namespace crossfade::orchestrator
