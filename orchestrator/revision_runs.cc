#include "orchestrator/revision_runs.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/statement.h"
#include "orchestrator/applied_files.h"
#include "orchestrator/carried_objects.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/planning.h"
#include "orchestrator/policy.h"
#include "orchestrator/role_settings.h"
#include "orchestrator/run_tables.h"
#include "orchestrator/start_run.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

/// So that a mistake in a later file does not show only when the first ones have been carried out.
void require_parsable(const std::vector<migrations::MigrationFile>& files) {
  for (const migrations::MigrationFile& file : files)
    migrations::parse_statements(file.up_sql, file.path, file.up_first_line);
}

void refuse_postponed(const Run& run) {
  if (!run.postponed || run.phase != Phase::ready) return;
  const std::string pause =
      run.paused_by.empty() ? "" : fmt::format(", paused by {} at {}", run.paused_by, run.paused_at);
  throw Failure(
      ExitCode::resumable,
      {.code = "postponed",
       .object = run.display(),
       .message = "the cutover is postponed; `up` never cuts over a postponed run",
       .expected = "",
       .found = "phase " + to_string(run.phase) + pause,
       .next = fmt::format("`crossfade cutover {}` replays, verifies again and cuts over.", run.run)});
}

Failure still_soaking(const Run& run) {
  return Failure(
      ExitCode::resumable,
      {.code = "still-soaking",
       .object = run.table().empty() ? run.display() : run.table(),
       .message = fmt::format("run {} of revision {} is still soaking", run.run, run.revision),
       .expected = "a table without a kept old version",
       .found = "phase soaking",
       .next = fmt::format("`crossfade contract {}` first, or the same command with --contract.", run.run)});
}

Failure another_run(const Run& run) {
  return Failure(
      ExitCode::refused,
      {.code = "table-held",
       .object = run.table().empty() ? run.display() : run.table(),
       .message = fmt::format("run {} of revision {} on this table is unfinished", run.run, run.revision),
       .expected = "one run a table",
       .found = "phase " + to_string(run.phase),
       .next =
           fmt::format("Finish it with its own file in the directory, or `crossfade abort {}`.", run.run)});
}

}  // namespace

RevisionRuns::RevisionRuns(const CommandEnvironment& environment, const ApplyOptions& options,
                           Reporter& reporter)
    : options_(options),
      reporter_(reporter),
      factory_(environment.connect()),
      runner_(factory_, reporter, environment.stop) {}

CommandResult RevisionRuns::apply(const std::vector<migrations::MigrationFile>& files) {
  require_parsable(files);
  reopen();
  prepare(files);
  try {
    finish_cutovers();
    for (const migrations::MigrationFile& file : files) apply_one(file);
    if (options_.run.contract) contract_soaking(std::nullopt);
  } catch (const Failure& failure) {
    result_.exit_code = failure.exit_code();
    result_.problem = failure.problem();
    show_unfinished();
  } catch (...) {
    show_unfinished();
    throw;
  }
  result_.document["runs"] = std::move(documents_);
  if (result_.text.empty() && !result_.problem) result_.text = "nothing is pending\n";
  return std::move(result_);
}

/// Bad input changes nothing: what cannot be planned is refused before even the journal is created.
void RevisionRuns::prepare(const std::vector<migrations::MigrationFile>& files) {
  if (journal_exists(*session_)) {
    initialise_journal(*session_);
    return;
  }
  result_.document["runs"] = boost::json::array();
  if (files.empty()) return;
  try {
    require_plannable(files.front());
  } catch (const std::exception&) {
    // Where another process has made the journal meanwhile, the file may be refused for what that one has
    // done.
    if (!journal_exists(*session_)) throw;
  }
  initialise_journal(*session_);
}

void RevisionRuns::require_plannable(const migrations::MigrationFile& file) {
  const auto planner = open_as_role(factory_, "crossfade/plan");
  EarlierChanges none(default_schema(*planner));
  const strategies::RevisionPlan plan = plan_revision(*planner, {&file, 1, {}}, none);
  if (!plan.refusals.empty()) throw refusal_of(plan);
  require_policy(nullptr, file, plan, {options_.approved, options_.additive_only});
}

void RevisionRuns::apply_one(const migrations::MigrationFile& file) {
  // Each round carries out one part; the last one finishes the revision.
  for (;;) {
    RunOptions options = options_.run;
    if (auto unfinished = unfinished_run(file)) {
      require_unedited(file, unfinished->file_fingerprint, false);
      require_part_of_plan(*unfinished);
      refuse_postponed(*unfinished);
      options.postpone_cutover = options.postpone_cutover || unfinished->postponed;
      if (execute(*unfinished, true, options) && unfinished->end.completes) return;
      continue;
    }
    const auto run = start_run(factory_, reporter_, file,
                               {.postpone_cutover = options.postpone_cutover,
                                .approved = options_.approved,
                                .additive_only = options_.additive_only,
                                .plan = options_.plan ? &*options_.plan : nullptr,
                                .on_tables = [&](const std::vector<strategies::ChangedTable>& tables) {
                                  free_of_soaking(file, tables);
                                }});
    if (!run) {
      result_.text += fmt::format("{}: {}; nothing of it was left to run\n", file.revision,
                                  file.direction == migrations::Direction::up ? "applied" : "taken back");
      return;
    }
    const Run started = Journal(*session_).load(*run).value();
    if (execute(started, false, options) && started.end.completes) return;
  }
}

/// What was journalled by another `up` nobody has compared with the plan.
void RevisionRuns::require_part_of_plan(const Run& run) {
  if (!options_.plan || Journal(*session_).is_part_of_saved_plan(run.run, options_.plan->fingerprint)) return;
  throw Failure(
      ExitCode::refused,
      {.code = "plan-changed",
       .object = options_.plan->path,
       .message = fmt::format("run {} of revision {} was not started by this plan", run.run, run.revision),
       .expected = "no unfinished run, or one of this plan",
       .found = "phase " + to_string(run.phase),
       .next =
           fmt::format("Finish it with `crossfade up {}`, or `crossfade abort {}`; then plan what is left.",
                       run.revision, run.run)});
}

/// A process that went away right behind a cutover has left foreign keys that are not validated.
void RevisionRuns::finish_cutovers() {
  if (!journal_exists(*session_)) return;
  for (const Run& run : Journal(*session_).open_runs()) {
    if (run.phase != Phase::soaking || run.carried.is_null() || validated(*session_, run)) continue;
    runner_.execute({run.run, Goal::cutover, options_.run});
    reopen();
  }
}

/// False where something else is to be done first, for another table of its group.
bool RevisionRuns::execute(const Run& run, bool resumed, const RunOptions& options) {
  current_ = run;
  resumed_ = resumed;
  const RunResult done =
      runner_.execute({run.run, options.contract ? Goal::contract : Goal::cutover, options});
  current_.reset();
  reopen();
  if (!done.run.waits_for_others()) {
    for (const Run& other : Journal(*session_).open_runs()) {
      // Cut over with it, and shown with it.
      if (other.revision == run.revision && other.end.direction == run.end.direction && other.waits &&
          other.phase == Phase::soaking && other.run != run.run)
        show(other, 0);
    }
    if (done.run.phase != Phase::ready) show(done.run, done.total_ms);
  }
  return done.run.phase == Phase::soaking || finished(done.run.phase);
}

void RevisionRuns::show(const Run& run, double total_ms) {
  const bool shown =
      std::any_of(documents_.begin(), documents_.end(),
                  [&](const boost::json::value& document) { return document.at("run") == run.run; });
  if (shown) return;
  documents_.push_back(run_document(run, resumed_, total_ms));
  result_.text += run_text(run, total_ms);
}

std::optional<Run> RevisionRuns::unfinished_run(const migrations::MigrationFile& file) {
  for (Run& run : Journal(*session_).open_runs()) {
    if (run.revision == file.revision && run.end.direction == file.direction && run.phase != Phase::soaking &&
        !run.waits_for_others())
      return std::move(run);
  }
  return std::nullopt;
}

/// A table that is still soaking has its old self in reserve; another revision would take that away. The
/// parts of one revision belong together.
void RevisionRuns::free_of_soaking(const migrations::MigrationFile& file,
                                   const std::vector<strategies::ChangedTable>& tables) {
  for (const Run& run : Journal(*session_).open_runs()) {
    const bool concerned =
        std::any_of(tables.begin(), tables.end(),
                    [&](const strategies::ChangedTable& table) { return holds_table(run, table.name); });
    if (!concerned) continue;
    if (run.phase != Phase::soaking) throw another_run(run);
    if (run.revision == file.revision && run.end.direction == file.direction) continue;
    if (!options_.run.contract) throw still_soaking(run);
    contract_soaking(run.run);
  }
}

void RevisionRuns::contract_soaking(std::optional<std::int64_t> only) {
  if (!journal_exists(*session_)) return;
  for (const Run& run : Journal(*session_).open_runs()) {
    if (run.phase != Phase::soaking || (only && run.run != *only)) continue;
    const RunResult done = runner_.execute({run.run, Goal::contract, options_.run});
    documents_.push_back(run_document(done.run, true, done.total_ms));
    result_.text += run_text(done.run, done.total_ms);
    reopen();
  }
}

/// A run may take days and outlive a restart of the server; what was opened before it may be dead.
void RevisionRuns::reopen() {
  session_ = factory_.open({.application_name = "crossfade/up"});
}

/// A failed run still shows how far it came.
void RevisionRuns::show_unfinished() {
  if (current_) {
    try {
      const auto session = factory_.open({.application_name = "crossfade/up"});
      if (const auto run = Journal(*session).load(current_->run))
        documents_.push_back(run_document(*run, resumed_, 0));
    } catch (const std::exception&) {
      documents_.push_back(run_document(*current_, resumed_, 0));
    }
  }
  result_.document["runs"] = documents_;
}

}  // namespace crossfade::orchestrator
