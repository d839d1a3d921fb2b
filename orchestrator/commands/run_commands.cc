// pause, resume, cutover, contract and abort: each chooses a run and pursues one goal with it.
#include <fmt/format.h>

#include <algorithm>

#include "migrations/inverse.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/runner.h"

namespace crossfade::orchestrator {

namespace {

bool before_cutover(const Run& run) {
  return run.phase != Phase::soaking && run.phase != Phase::reverted && !finished(run.phase);
}

/// Statements of the revision that are carried out, each with what would take it back.
std::string what_stays(const postgres::SessionFactory& factory, const Run& run) {
  const auto session = factory.open({.application_name = "crossfade/show"});
  std::string out;
  for (const strategies::NumberedStatement& statement :
       Journal(*session).finished_statements(run.revision, run.end.direction)) {
    const auto parsed = migrations::parse_statements(statement.sql, "", 1);
    const auto inverse = parsed.size() == 1 ? migrations::inverse_of(parsed.front()) : std::nullopt;
    out += fmt::format("  stays: {}. {}\n    taken back by: {}\n", statement.number, statement.sql,
                       inverse ? inverse->sql : "a statement of your own");
  }
  return out;
}

CommandResult pursue(const CommandEnvironment& environment, const Run& run, Goal goal,
                     const RunOptions& options) {
  const auto factory = environment.connect();
  const auto reporter = make_reporter(environment.options.progress);
  Runner runner(factory, *reporter, environment.stop);
  CommandResult result;
  try {
    RunResult done = runner.execute({run.run, goal, options});
    // A table of its group has to be copied anew first.
    while (goal != Goal::abort && done.run.phase == Phase::ready && !done.run.waits) {
      const auto session = factory.open({.application_name = "crossfade/show"});
      for (const Run& other : Journal(*session).open_runs()) {
        if (other.revision == run.revision && other.waits && before_cutover(other) &&
            !other.waits_for_others())
          runner.execute({other.run, Goal::cutover, options});
      }
      done = runner.execute({run.run, goal, options});
    }
    result.document["runs"] = boost::json::array{run_document(done.run, true, done.total_ms)};
    result.text = run_text(done.run, done.total_ms);
    if (goal == Goal::abort) result.text += what_stays(factory, done.run);
    if (goal == Goal::abort && done.run.phase == Phase::soaking) {
      result.text += fmt::format(
          "  what was dropped is kept aside: `crossfade revert {0}` brings it back, `crossfade contract {0}` "
          "ends it\n",
          done.run.run);
    }
  } catch (const Failure& failure) {
    result.exit_code = failure.exit_code();
    result.problem = failure.problem();
    const auto session = factory.open({.application_name = "crossfade/show"});
    result.document["runs"] =
        boost::json::array{run_document(Journal(*session).load(run.run).value(), true, 0)};
  }
  return result;
}

Run choose(const CommandEnvironment& environment, std::optional<std::int64_t> given,
           const std::string& command, const std::function<bool(const Run&)>& eligible) {
  const auto session = environment.connect().open({.application_name = "crossfade/" + command});
  return choose_run(*session, given, command, eligible);
}

}  // namespace

CommandResult run_pause(const CommandEnvironment& environment, std::optional<std::int64_t> given) {
  const auto session = environment.connect().open({.application_name = "crossfade/pause"});
  const Run run = choose_run(*session, given, "pause", [](const Run& candidate) {
    return before_cutover(candidate) && candidate.paused_by.empty();
  });
  Journal journal(*session);
  if (!journal.pause(run.run, operator_name())) {
    throw Failure(ExitCode::refused,
                  {.code = "no-eligible-run",
                   .object = run.display(),
                   .message = "the run was cut over in this very moment; there is nothing left to pause",
                   .expected = "a run before its cutover",
                   .found = "phase " + to_string(journal.load(run.run).value().phase),
                   .next = "`crossfade status` shows it."});
  }
  const Run paused = journal.load(run.run).value();
  return {.document = {{"runs", boost::json::array{run_document(paused, true, 0)}}},
          .text = fmt::format("{} is paused{}; `crossfade resume {}` goes on\n", run.display(),
                              run.owner ? ", its process stops within a second" : "", run.run)};
}

CommandResult run_resume(const CommandEnvironment& environment, std::optional<std::int64_t> given,
                         const RunOptions& options) {
  const Run run = choose(environment, given, "resume", [&](const Run& candidate) {
    return before_cutover(candidate) && (given || !candidate.waits_for_others());
  });
  if (!run.paused_by.empty()) {
    const auto session = environment.connect().open({.application_name = "crossfade/resume"});
    Journal(*session).lift_pause(run.run);
  }
  RunOptions wanted = options;
  // A pause changes nothing about a postponement.
  wanted.postpone_cutover = wanted.postpone_cutover || run.postponed;
  return pursue(environment, run, wanted.contract ? Goal::contract : Goal::cutover, wanted);
}

CommandResult run_cutover(const CommandEnvironment& environment, std::optional<std::int64_t> given,
                          const RunOptions& options) {
  const Run run = choose(environment, given, "cutover", [&](const Run& candidate) {
    return before_cutover(candidate) && (given || !candidate.waits_for_others());
  });
  RunOptions wanted = options;
  wanted.postpone_cutover = false;
  return pursue(environment, run, wanted.contract ? Goal::contract : Goal::cutover, wanted);
}

CommandResult run_contract(const CommandEnvironment& environment, std::optional<std::int64_t> given,
                           const RunOptions& options) {
  const Run run = choose(environment, given, "contract",
                         [](const Run& candidate) { return candidate.phase == Phase::soaking; });
  return pursue(environment, run, Goal::contract, options);
}

CommandResult run_revert(const CommandEnvironment& environment, std::optional<std::int64_t> given,
                         const RunOptions& options) {
  const Run run = choose(environment, given, "revert",
                         [](const Run& candidate) { return candidate.phase == Phase::soaking; });
  return pursue(environment, run, Goal::revert, options);
}

CommandResult run_abort(const CommandEnvironment& environment, std::optional<std::int64_t> given,
                        const RunOptions& options) {
  const Run run = choose(environment, given, "abort", [&](const Run& candidate) {
    return !finished(candidate.phase) && (given || before_cutover(candidate));
  });
  if (run.phase == Phase::soaking) {
    throw Failure(
        ExitCode::refused,
        {.code = "already-cut-over",
         .object = run.display(),
         .message = "the run is soaking: the application has written to the new table since the cutover",
         .expected = "a run before its cutover",
         .found = "phase soaking",
         .next = fmt::format("`crossfade contract {}` ends the run and keeps the new table.", run.run)});
  }
  CommandResult result = pursue(environment, run, Goal::abort, options);
  // The tables of a group are cut over together or not at all.
  while (result.exit_code == ExitCode::done) {
    const auto session = environment.connect().open({.application_name = "crossfade/abort"});
    const std::vector<Run> open = Journal(*session).open_runs();
    const auto mate = std::find_if(open.begin(), open.end(), [&](const Run& other) {
      return other.revision == run.revision && other.end.direction == run.end.direction &&
             before_cutover(other) && (other.waits || run.waits);
    });
    if (mate == open.end()) break;
    CommandResult more = pursue(environment, *mate, Goal::abort, options);
    for (auto& document : more.document["runs"].as_array())
      result.document["runs"].as_array().push_back(document);
    result.text += more.text;
    result.exit_code = more.exit_code;
    result.problem = more.problem;
  }
  return result;
}

}  // namespace crossfade::orchestrator
