#include <fmt/format.h>

#include "migrations/revision_directory.h"
#include "orchestrator/applied_files.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/planning.h"
#include "orchestrator/role_settings.h"
#include "orchestrator/runner.h"
#include "orchestrator/start_run.h"

namespace crossfade::orchestrator {

namespace {

class Up {
 public:
  Up(const CommandEnvironment& environment, const RunOptions& options, Reporter& reporter)
      : options_(options),
        reporter_(reporter),
        directory_(migrations::load_directory(environment.options.directory)),
        factory_(environment.connect()),
        runner_(factory_, reporter, environment.stop) {}

  CommandResult run() {
    directory_.only_head();
    reopen();
    const auto pending = pending_files(*session_, directory_);
    prepare(pending);
    try {
      for (const migrations::MigrationFile* file : pending) apply(*file);
      if (options_.contract) contract_soaking("");
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

 private:
  /// Bad input changes nothing: what cannot be planned is refused before even the journal is created.
  void prepare(const std::vector<const migrations::MigrationFile*>& pending) {
    if (journal_exists(*session_)) {
      initialise_journal(*session_);
      return;
    }
    result_.document["runs"] = boost::json::array();
    if (pending.empty()) return;
    const auto planner = open_as_role(factory_, "crossfade/plan");
    const strategies::RevisionPlan plan = plan_revision(*planner, *pending.front(), 1);
    if (!plan.refusals.empty()) throw refusal_of(plan);
    initialise_journal(*session_);
  }

  void apply(const migrations::MigrationFile& file) {
    current_ = unfinished_run(file.revision);
    const bool resumed = current_.has_value();
    RunOptions options = options_;
    if (resumed) {
      require_unedited(file, current_->file_fingerprint, false);
      refuse_postponed(*current_);
      options.postpone_cutover = options.postpone_cutover || current_->postponed;
    } else {
      const FileTarget target = resolve_in_own_session(file);
      free_of_soaking(target);
      const auto run = start_run(factory_, reporter_, file, options.postpone_cutover);
      if (!run) return;
      current_ = Journal(*session_).load(*run);
    }
    resumed_ = resumed;
    const RunResult done =
        runner_.execute({current_->run, options.contract ? Goal::contract : Goal::cutover, options});
    documents_.push_back(run_document(done.run, resumed, done.total_ms));
    result_.text += run_text(done.run, done.total_ms);
    current_.reset();
    reopen();
  }

  FileTarget resolve_in_own_session(const migrations::MigrationFile& file) {
    const auto planner = open_as_role(factory_, "crossfade/plan");
    return resolve_target(*planner, file);
  }

  std::optional<Run> unfinished_run(const std::string& revision) {
    for (Run& run : Journal(*session_).open_runs()) {
      if (run.revision == revision && run.phase != Phase::soaking) return std::move(run);
    }
    return std::nullopt;
  }

  static void refuse_postponed(const Run& run) {
    if (!run.postponed || run.phase != Phase::ready) return;
    const std::string pause =
        run.paused_by.empty() ? "" : fmt::format(", paused by {} at {}", run.paused_by, run.paused_at);
    throw Failure(
        ExitCode::resumable,
        {.code = "postponed",
         .object = fmt::format("run {} of {}", run.run, run.table()),
         .message = "the cutover is postponed; `up` never cuts over a postponed run",
         .expected = "",
         .found = "phase " + to_string(run.phase) + pause,
         .next = fmt::format("`crossfade cutover {}` replays, verifies again and cuts over.", run.run)});
  }

  /// A table that is still soaking has its old self in reserve; a second rewrite would take that away.
  void free_of_soaking(const FileTarget& target) {
    for (const Run& run : Journal(*session_).open_runs()) {
      if (run.table_schema != target.name.schema || run.table_name != target.name.name) continue;
      if (run.phase == Phase::soaking) {
        if (options_.contract) {
          contract_soaking(run.table());
          continue;
        }
        throw Failure(
            ExitCode::resumable,
            {.code = "still-soaking",
             .object = run.table(),
             .message = fmt::format("run {} of revision {} is still soaking", run.run, run.revision),
             .expected = "a table without a kept old version",
             .found = "phase soaking",
             .next = fmt::format("`crossfade contract {}`, or `crossfade up --contract`.", run.run)});
      }
      throw Failure(
          ExitCode::refused,
          {.code = "table-held",
           .object = run.table(),
           .message = fmt::format("run {} of revision {} on this table is unfinished", run.run, run.revision),
           .expected = "one run a table",
           .found = "phase " + to_string(run.phase),
           .next = fmt::format("Finish it with its own file in the directory, or `crossfade abort {}`.",
                               run.run)});
    }
  }

  void contract_soaking(const std::string& table) {
    if (!journal_exists(*session_)) return;
    for (const Run& run : Journal(*session_).open_runs()) {
      if (run.phase != Phase::soaking || (!table.empty() && run.table() != table)) continue;
      const RunResult done = runner_.execute({run.run, Goal::contract, options_});
      documents_.push_back(run_document(done.run, true, done.total_ms));
      result_.text += run_text(done.run, done.total_ms);
      reopen();
    }
  }

  /// A run may take days and outlive a restart of the server; what was opened before it may be dead.
  void reopen() { session_ = factory_.open({.application_name = "crossfade/up"}); }

  /// A failed run still shows how far it came.
  void show_unfinished() {
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

  const RunOptions& options_;
  Reporter& reporter_;
  migrations::RevisionDirectory directory_;
  postgres::SessionFactory factory_;
  Runner runner_;
  std::unique_ptr<postgres::Session> session_;
  CommandResult result_;
  boost::json::array documents_;
  std::optional<Run> current_;
  bool resumed_ = false;
};

}  // namespace

CommandResult run_up(const CommandEnvironment& environment, const RunOptions& options) {
  const auto reporter = make_reporter(environment.options.progress);
  return run_up(environment, options, *reporter);
}

CommandResult run_up(const CommandEnvironment& environment, const RunOptions& options, Reporter& reporter) {
  return Up(environment, options, reporter).run();
}

}  // namespace crossfade::orchestrator
