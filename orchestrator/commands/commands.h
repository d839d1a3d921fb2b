// The commands, one function each, in a file of the same name. Each throws Failure or DatabaseError, or
// returns what there is to show. See docs/commands.md for what they promise.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "orchestrator/commands/command.h"

namespace crossfade::orchestrator {

struct NewOptions {
  std::string message;
  std::string file_template;
};

struct LintOptions {
  std::vector<std::filesystem::path> files;  ///< empty: the whole directory
  bool text_only = false;
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
CommandResult run_lint(const CommandEnvironment& environment, const LintOptions& options);
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
