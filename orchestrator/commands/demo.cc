#include "orchestrator/commands/demo.h"

#include <unistd.h>

#include <iostream>
#include <sstream>

#include "orchestrator/commands/commands.h"
#include "orchestrator/demo/demo.h"

namespace crossfade::orchestrator {

namespace {

class ListeningReporter final : public Reporter {
 public:
  explicit ListeningReporter(const demo::ProgressListener& listener) : listener_(listener) {}

  void progress(const ProgressSnapshot& now) override {
    demo::MigrationProgress out{.phase = now.phase};
    if (now.rows_total > 0) {
      out.rows_done = static_cast<std::uint64_t>(now.rows_done);
      out.rows_total = static_cast<std::uint64_t>(now.rows_total);
      out.rows_per_s = now.rows_per_s;
      out.eta_s = now.eta_s;
    }
    out.backlog_keys = static_cast<std::uint64_t>(now.backlog_keys);
    out.waiting_reason = now.waiting_for;
    listener_(out);
  }
  void note(const std::string&) override {}

 private:
  const demo::ProgressListener& listener_;
};

std::optional<double> milliseconds(const boost::json::object& run, const char* name) {
  return run.at("ms").at(name).to_number<double>();
}

demo::MigrationResult result_of(const CommandResult& up) {
  demo::MigrationResult out{.exit_code = up.exit_code, .error = up.problem};
  const auto* runs = up.document.if_contains("runs");
  if (runs == nullptr || runs->as_array().empty()) return out;
  const boost::json::object& run = runs->as_array().back().as_object();
  out.rows_copied = run.at("rows_copied").to_number<std::uint64_t>();
  out.keys_replayed = run.at("keys_replayed").to_number<std::uint64_t>();
  out.rows_verified = run.at("verify").at("rows").to_number<std::uint64_t>();
  out.differences = run.at("verify").at("differences").to_number<std::uint64_t>();
  if (run.at("cutover").is_object()) {
    out.cutover = {.attempts = run.at("cutover").at("attempts").to_number<int>(),
                   .wait_ms = run.at("cutover").at("wait_ms").to_number<double>(),
                   .hold_ms = run.at("cutover").at("hold_ms").to_number<double>()};
  }
  out.ms = {.copy = milliseconds(run, "copy"),
            .build = milliseconds(run, "build"),
            .replay = milliseconds(run, "replay"),
            .verify = milliseconds(run, "verify"),
            .total = milliseconds(run, "total")};
  return out;
}

}  // namespace

CommandResult run_demo_command(const CommandEnvironment& environment, const DemoCommandOptions& options) {
  const demo::RunMigration migrate =
      [&](const std::string& connection_string, const std::filesystem::path& directory,
          const demo::ProgressListener& listener, const std::stop_token& stop) {
        GlobalOptions global = environment.options;
        global.database = connection_string;
        global.directory = directory;
        ListeningReporter reporter(listener);
        return result_of(run_up({global, stop}, UpOptions{}, reporter));
      };
  demo::ScreenStyle screen =
      ::isatty(STDERR_FILENO) != 0 ? demo::ScreenStyle::block : demo::ScreenStyle::lines;
  if (environment.options.progress == ProgressStyle::plain) screen = demo::ScreenStyle::lines;
  if (environment.options.progress == ProgressStyle::json) screen = demo::ScreenStyle::json_lines;
  if (environment.options.progress == ProgressStyle::none) screen = demo::ScreenStyle::none;

  std::ostringstream output;
  const int exit_code = demo::run_demo({.rows = options.rows,
                                        .rate = options.rate,
                                        .connections = options.connections,
                                        .seconds_before = options.seconds_before,
                                        .keep = options.keep,
                                        .json = environment.options.json,
                                        .screen = screen},
                                       migrate, environment.stop, output, std::cerr);
  CommandResult result{.exit_code = static_cast<ExitCode>(exit_code), .text = output.str()};
  if (environment.options.json) {
    result.document = boost::json::parse(output.str()).as_object();
    for (const char* member : {"schema", "command", "exit_code"}) result.document.erase(member);
  }
  return result;
}

}  // namespace crossfade::orchestrator
