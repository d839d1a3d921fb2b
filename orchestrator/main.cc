// The command line: options, signals, one result as text or as one JSON document, the exit code.
#include <CLI/CLI.hpp>
#include <memory>

#include "orchestrator/command_line/arguments.h"
#include "orchestrator/command_line/hidden_passwords.h"
#include "orchestrator/command_line/result_output.h"
#include "orchestrator/command_line/signal_thread.h"
#include "orchestrator/command_line/usage.h"

using namespace crossfade;                // NOLINT: main is the one place that names everything
using namespace crossfade::orchestrator;  // NOLINT

int main(int argc, char** argv) {
  const std::vector<std::string> given(argv + 1, argv + argc);
  hide_passwords(argc, argv);
  const std::vector<std::string> masked(argv + 1, argv + argc);
  const auto signals = std::make_unique<SignalThread>();
  Arguments arguments;
  CLI::App application{
      "crossfade changes the schema of large, busy PostgreSQL tables without stopping the application."};
  application.name("crossfade");
  application.set_version_flag("--version", CROSSFADE_VERSION);
  application.require_subcommand(1);
  application.set_config("--config", "crossfade.toml", "settings, as the long options' names");
  application.allow_config_extras(CLI::config_extras_mode::error);
  add_global_options(application, arguments.global);
  CommandTable commands;
  add_migration_commands(application, arguments, commands);
  add_revision_commands(application, arguments, commands);
  add_run_commands(application, arguments, commands);
  add_alembic_commands(application, arguments, commands);
  try {
    application.parse(std::vector<std::string>(given.rbegin(), given.rend()));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return application.exit(error);
    const RawArguments raw = look_over(application, masked);
    const Problem problem{
        .code = "usage",
        .object = "crossfade",
        .message = usage_message(application, raw, error, given, masked),
        .expected = "",
        .found = "",
        .next = "`crossfade --help` and `crossfade COMMAND --help` list commands and options."};
    return print(raw.command, raw.style, {.exit_code = ExitCode::usage, .problem = problem});
  }
  const OutputFormat format = arguments.global.format;
  const std::string& chosen = commands.chosen();
  if (chosen != "lint" && (format == OutputFormat::sarif || format == OutputFormat::github)) {
    return print(chosen, {},
                 {.exit_code = ExitCode::usage,
                  .problem = Problem{.code = "usage",
                                     .object = "--format",
                                     .message = "only `lint` writes sarif and github",
                                     .expected = "text or json",
                                     .found = format == OutputFormat::sarif ? "sarif" : "github",
                                     .next = "Leave --format out, or use --format json."}});
  }
  arguments.global.json = format == OutputFormat::json;
  const OutputStyle style{arguments.global.json, arguments.global.progress == ProgressStyle::json};
  return print(chosen, style, guarded([&] {
                 return commands.action()(
                     {arguments.global, signals->token(), postgres::FaultPlan::from_environment()});
               }));
}
