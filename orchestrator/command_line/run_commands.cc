// The commands on runs that are under way or over, and the demo.
#include "orchestrator/command_line/arguments.h"

namespace crossfade::orchestrator {

void add_run_commands(CLI::App& application, Arguments& arguments, CommandTable& table) {
  const auto add = [&](const std::string& name, const std::string& help, Action action) {
    return table.add(application, name, help, std::move(action));
  };
  add("status", "what is applied and what every run is doing",
      [](const CommandEnvironment& e) { return run_status(e); });
  const auto add_run = [&](const std::string& name, const std::string& help, Action action, bool options) {
    CLI::App* command = add(name, help, std::move(action));
    command->add_option("run", arguments.run_number, "the run; may be left out where only one is eligible");
    if (options) add_run_options(*command, arguments.run);
    return command;
  };
  add_run(
      "pause", "stop a run until it is resumed",
      [&arguments](const CommandEnvironment& e) { return run_pause(e, arguments.run_number); }, false);
  CLI::App* resume = add_run(
      "resume", "lift the pause and go on",
      [&arguments](const CommandEnvironment& e) {
        return run_resume(e, arguments.run_number, arguments.run);
      },
      true);
  resume->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  resume->add_flag("--skip-verification", arguments.run.skip_verification, "cut over without comparing");
  CLI::App* cutover = add_run(
      "cutover", "cut a postponed run over, after replay and a new full verification",
      [&arguments](const CommandEnvironment& e) {
        return run_cutover(e, arguments.run_number, arguments.run);
      },
      true);
  cutover->add_flag("--contract", arguments.run.contract, "drop the old table right after the cutover");
  add_run(
      "contract", "drop the old table of a soaking run",
      [&arguments](const CommandEnvironment& e) {
        return run_contract(e, arguments.run_number, arguments.run);
      },
      true);
  add_run(
      "revert", "bring back what a run has set aside",
      [&arguments](const CommandEnvironment& e) {
        return run_revert(e, arguments.run_number, arguments.run);
      },
      true);
  add_run(
      "abort", "undo a run before its cutover",
      [&arguments](const CommandEnvironment& e) { return run_abort(e, arguments.run_number, arguments.run); },
      true);
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
