// The commands on runs that are under way or over, and the demo.
#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

void add_run_commands(CLI::App& application, Arguments& arguments, CommandTable& table) {
  const auto add = [&](const std::string& name, const std::string& help, Action action) {
    return table.add(application, name, help, std::move(action));
  };
  add("status", "what is applied and what every run is doing",
      [](const CommandEnvironment& e) { return run_status(e); });
  const auto about_a_run = [&](CLI::App* command) {
    command->add_option("run", arguments.run_number, "the run; may be left out where only one is eligible");
    return command;
  };
  using RunCommand =
      CommandResult (*)(const CommandEnvironment&, std::optional<std::int64_t>, const RunOptions&);
  const auto add_run = [&](const std::string& name, const std::string& help, RunCommand run) {
    CLI::App* command = about_a_run(add(name, help, [&arguments, run](const CommandEnvironment& e) {
      return run(e, arguments.run_number, arguments.run);
    }));
    add_run_options(*command, arguments.run);
    return command;
  };
  about_a_run(add("pause", "stop a run until it is resumed",
                  [&arguments](const CommandEnvironment& e) { return run_pause(e, arguments.run_number); }));
  CLI::App* resume = add_run("resume", "lift the pause and go on", run_resume);
  resume->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  resume->add_flag("--skip-verification", arguments.run.skip_verification, "cut over without comparing");
  CLI::App* cutover =
      add_run("cutover", "cut a postponed run over, after replay and a new full verification", run_cutover);
  cutover->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  add_run("contract", "drop the old table of a soaking run", run_contract);
  add_run("revert", "bring back what a run has set aside", run_revert);
  add_run("abort", "undo a run before its cutover", run_abort);
  CLI::App* verify = add(
      "verify", "compare every row of a run's two tables, or of any two tables",
      [&arguments](const CommandEnvironment& e) { return run_verify(e, arguments.verify, arguments.run); });
  verify->add_option("subject", arguments.verify.subject, "a run's number or a table's name");
  verify->add_option("--against", arguments.verify.against, "a second table");
  add_run_options(*verify, arguments.run);
  add("doctor", "find what runs have left behind", [](const CommandEnvironment& e) { return run_doctor(e); });
  CLI::App* demo =
      add("demo", "show a migration under load on a server of its own",
          [&arguments](const CommandEnvironment& e) { return run_demo_command(e, arguments.demo); });
  demo->add_option("--rows", arguments.demo.rows, "rows of the orders table")
      ->check(CLI::Range(1000, 1000000000));
  demo->add_option("--rate", arguments.demo.rate, "application transactions a second")
      ->check(CLI::Range(1, 100000));
  demo->add_option("--connections", arguments.demo.connections, "application connections")
      ->check(CLI::Range(1, 50));
  demo->add_option("--seconds-before", arguments.demo.seconds_before,
                   "seconds of traffic alone, before and after");
  demo->add_flag("--keep", arguments.demo.keep, "leave the server running until Ctrl-C");
}

}  // namespace crossfade::orchestrator
