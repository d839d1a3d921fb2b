// `alembic …`: the commands for an Alembic or Flask-Migrate project.
#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

namespace {

void add_alembic_options(CLI::App& command, AlembicOptions& options) {
  command.add_option("target", options.target, "head (default), heads, a revision, +N, branch@head");
  command.add_option("--config", options.config, "the project's settings file, default alembic.ini");
  command.add_option("--command", options.command, "the project's command line, for example \"flask db\"");
  command.add_option("--sql-file", options.sql_file,
                     "SQL printed by `alembic upgrade A:B --sql`; - is stdin");
  command.add_option("--version-table", options.version_table, "Alembic's table, perhaps with its schema")
      ->capture_default_str();
  command.add_option("--percent-signs", options.percent_signs, "how the printed SQL has them")
      ->check(CLI::IsMember({"plain", "doubled"}));
  command.add_option("--sources", options.sources, "the folder of the revisions' Python files");
  command.add_flag("--unchecked-sources", options.unchecked_sources,
                   "go on where a revision's Python cannot be read");
  command.add_flag("--record", options.record,
                   "run the revisions against a copy of the schema, and take the SQL from its log");
  command.add_option("--record-url-variable", options.record_url_variable,
                     "an environment variable in which the project takes its database's URL");
  command.add_option("--record-argument", options.record_argument,
                     "the name in -x NAME=URL by which the project takes it");
}

}  // namespace

void add_alembic_commands(CLI::App& application, Arguments& arguments, CommandTable& table) {
  CLI::App* alembic =
      application.add_subcommand("alembic", "run an Alembic or Flask-Migrate project's revisions");
  alembic->fallthrough();
  alembic->require_subcommand(1);
  const auto add = [&](const std::string& name, const std::string& help, Action action) {
    return table.add(*alembic, name, help, std::move(action));
  };
  CLI::App* current = add("current", "show where the database is", [&arguments](const CommandEnvironment& e) {
    return run_alembic_current(e, arguments.alembic);
  });
  current->add_option("--version-table", arguments.alembic.version_table,
                      "Alembic's table, perhaps with its schema");
  add_alembic_options(
      *add("pending", "show the pending revisions and their SQL as crossfade reads it",
           [&arguments](const CommandEnvironment& e) { return run_alembic_pending(e, arguments.alembic); }),
      arguments.alembic);
  CLI::App* alembic_plan =
      add("plan", "show what upgrade would do", [&arguments](const CommandEnvironment& e) {
        return run_alembic_plan(e, arguments.alembic, arguments.plan);
      });
  add_alembic_options(*alembic_plan, arguments.alembic);
  alembic_plan->add_flag("--sql", arguments.plan.sql, "as a script to review");
  CLI::App* upgrade = add("upgrade", "run the pending revisions and move Alembic's version with them",
                          [&arguments](const CommandEnvironment& e) {
                            return run_alembic_upgrade(e, arguments.alembic,
                                                       {arguments.run, arguments.up.apply.approved,
                                                        arguments.up.apply.additive_only});
                          });
  add_alembic_options(*upgrade, arguments.alembic);
  add_run_options(*upgrade, arguments.run);
  upgrade->add_flag("--contract", arguments.run.contract, "drop what is kept aside right away");
  upgrade->add_flag("--skip-verification", arguments.run.skip_verification,
                    "cut over without comparing; kept in the audit trail");
  upgrade->add_flag("--approve", arguments.up.apply.approved, "agree to what drops data");
  upgrade->add_flag("--additive-only", arguments.up.apply.additive_only, "refuse whatever drops or narrows");
}

}  // namespace crossfade::orchestrator
