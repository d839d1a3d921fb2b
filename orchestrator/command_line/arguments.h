// Every option of every command, where the parser puts it, and the commands in the order of `--help`. The
// parser and the chosen action refer to the arguments, which must outlive both. Main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

#include "orchestrator/commands/alembic.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/demo.h"

namespace crossfade::orchestrator {

struct Arguments {
  GlobalOptions global;
  RunOptions run;
  NewOptions create;
  MergeOptions merge;
  CurrentOptions current;
  HistoryOptions history;
  std::string shown_revision;
  StampOptions stamp;
  RepairOptions repair;
  LintOptions lint;
  CheckOptions check;
  PlanOptions plan;
  UpOptions up;
  DownOptions down;
  std::string approve;
  VerifyOptions verify;
  DemoCommandOptions demo;
  AlembicOptions alembic;
  std::optional<std::int64_t> run_number;
};

using Action = std::function<CommandResult(const CommandEnvironment&)>;

/// Adds subcommands to a parser, and knows afterwards which of them was chosen.
class CommandTable {
 public:
  CLI::App* add(CLI::App& parent, const std::string& name, const std::string& help, Action action);
  /// Of the chosen command: its words, and what it does. After parsing.
  const std::string& chosen() const { return chosen_; }
  const Action& action() const { return actions_.at(chosen_); }

 private:
  std::map<std::string, Action> actions_;
  std::string chosen_;
};

void add_global_options(CLI::App& application, GlobalOptions& options);
/// The knobs of a run.
void add_run_options(CLI::App& command, RunOptions& run);

// One file each, the commands of one kind.
void add_migration_commands(CLI::App& application, Arguments& arguments, CommandTable& table);
void add_revision_commands(CLI::App& application, Arguments& arguments, CommandTable& table);
void add_run_commands(CLI::App& application, Arguments& arguments, CommandTable& table);
void add_alembic_commands(CLI::App& application, Arguments& arguments, CommandTable& table);

}  // namespace crossfade::orchestrator
