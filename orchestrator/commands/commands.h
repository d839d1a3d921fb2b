// The commands, one function each, in a file of the same name (`merge` beside `new`). Each throws Failure or
// DatabaseError, or returns what there is to show. See docs/commands.md for what they promise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/commands/command.h"
#include "orchestrator/revision_runs.h"

namespace crossfade::orchestrator {

struct NewOptions {
  std::string message;
  std::string file_template;
  std::vector<std::string> revises;  ///< empty: the only head
  std::vector<std::string> labels;
  std::vector<std::string> depends_on;
};

struct MergeOptions {
  std::vector<std::string> revisions;
  std::string message;  ///< empty: made of the revisions' names
  std::string file_template;
};

struct CurrentOptions {
  bool verbose = false;
};

struct HistoryOptions {
  bool verbose = false;
  std::string range;  ///< FROM:TO; empty: everything
};

struct StampOptions {
  std::vector<std::string> targets;
  bool purge = false;  ///< forget what is not part of the new state, revisions without a file too
  std::string from;    ///< dbmate, goose or alembic; empty: the targets
  std::string table;   ///< of `from`; empty: the tool's default
};

struct RepairOptions {
  std::vector<std::string> accept;
  bool all = false;
};

struct LintOptions {
  std::vector<std::filesystem::path> files;  ///< empty: the whole directory
  bool text_only = false;
};

struct PlanOptions {
  bool sql = false;
  std::string target;          ///< as of `up`
  std::string out;             ///< a file that gets the plan
  bool additive_only = false;  ///< what drops or narrows is a refusal
};

struct UpOptions {
  ApplyOptions apply;
  std::string target;     ///< empty: the only head
  std::string plan_file;  ///< of `plan --out`; what it holds is what runs
  bool wait = false;      ///< for another process that is at work, and for a server that is not there yet
  int timeout_s = 600;
  bool dry_run = false;
};

struct DownOptions {
  ApplyOptions apply;
  std::string target;
  bool allow_data_loss = false;
  bool generated = false;  ///< take the inverse that crossfade knows where a file has no down section
  bool dry_run = false;
};

struct CheckOptions {
  bool up_only = false;  ///< a directory without down sections
};

struct VerifyOptions {
  std::string subject;  ///< a run's number or a table's name; empty: the only eligible run
  std::string against;  ///< a second table; empty: the table's live run
};

CommandResult run_init(const CommandEnvironment& environment);
CommandResult run_new(const CommandEnvironment& environment, const NewOptions& options);
CommandResult run_merge(const CommandEnvironment& environment, const MergeOptions& options);
CommandResult run_current(const CommandEnvironment& environment, const CurrentOptions& options);
CommandResult run_heads(const CommandEnvironment& environment);
CommandResult run_history(const CommandEnvironment& environment, const HistoryOptions& options);
CommandResult run_show(const CommandEnvironment& environment, const std::string& revision);
CommandResult run_stamp(const CommandEnvironment& environment, const StampOptions& options);
CommandResult run_repair(const CommandEnvironment& environment, const RepairOptions& options);
CommandResult run_lint(const CommandEnvironment& environment, const LintOptions& options);
CommandResult run_check(const CommandEnvironment& environment, const CheckOptions& options);
CommandResult run_plan(const CommandEnvironment& environment, const PlanOptions& options);
/// What `plan` shows of these files.
CommandResult show_plans(const CommandEnvironment& environment,
                         const std::vector<migrations::MigrationFile>& files, const PlanOptions& options);
CommandResult run_up(const CommandEnvironment& environment, const UpOptions& options);
CommandResult run_up(const CommandEnvironment& environment, const UpOptions& options, Reporter& reporter);
CommandResult run_down(const CommandEnvironment& environment, const DownOptions& options);
CommandResult run_approve(const CommandEnvironment& environment, const std::string& revision);
CommandResult run_status(const CommandEnvironment& environment);
CommandResult run_pause(const CommandEnvironment& environment, std::optional<std::int64_t> run);
CommandResult run_resume(const CommandEnvironment& environment, std::optional<std::int64_t> run,
                         const RunOptions& options);
CommandResult run_cutover(const CommandEnvironment& environment, std::optional<std::int64_t> run,
                          const RunOptions& options);
CommandResult run_contract(const CommandEnvironment& environment, std::optional<std::int64_t> run,
                           const RunOptions& options);
CommandResult run_abort(const CommandEnvironment& environment, std::optional<std::int64_t> run,
                        const RunOptions& options);
CommandResult run_revert(const CommandEnvironment& environment, std::optional<std::int64_t> run,
                         const RunOptions& options);
CommandResult run_verify(const CommandEnvironment& environment, const VerifyOptions& options,
                         const RunOptions& run_options);
CommandResult run_doctor(const CommandEnvironment& environment);

}  // namespace crossfade::orchestrator
