// The commands, one function each, in a file of the same name (`merge` beside `new`). Each throws Failure or
// DatabaseError, or returns what there is to show. See docs/commands.md for what they promise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/commands/command.h"

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

struct PlanOptions {
  bool sql = false;
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
CommandResult run_plan(const CommandEnvironment& environment, const PlanOptions& options);
CommandResult run_up(const CommandEnvironment& environment, const RunOptions& options);
CommandResult run_up(const CommandEnvironment& environment, const RunOptions& options, Reporter& reporter);
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
CommandResult run_verify(const CommandEnvironment& environment, const VerifyOptions& options,
                         const RunOptions& run_options);
CommandResult run_doctor(const CommandEnvironment& environment);

}  // namespace crossfade::orchestrator
