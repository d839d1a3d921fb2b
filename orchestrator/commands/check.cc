#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "orchestrator/alembic/child_process.h"
#include "orchestrator/commands/commands.h"
#include "postgres/problem.h"
#include "postgres/throwaway_server.h"

namespace crossfade::orchestrator {

namespace {

/// The schema as blocks of SQL, sorted: objects without an order of their own are dumped in the order of
/// their numbers, which says nothing.
std::vector<std::string> schema_of(const CommandEnvironment& environment,
                                   const postgres::ThrowawayServer& server) {
  ChildCommand command{
      .words = {(server.binaries() / "pg_dump").string(), "--schema-only", "--exclude-schema=crossfade",
                "--exclude-schema=crossfade_*", "--dbname=" + server.connection_string()},
      .environment = {},
      .input = {}};
  const ChildResult dumped = run_child(command, environment.stop);
  if (dumped.exit_code != 0) {
    throw Failure(ExitCode::failed, {.code = "pg-dump-failed",
                                     .object = command.words.front(),
                                     .message = "the schema of the throw-away server cannot be read",
                                     .expected = "exit code 0",
                                     .found = dumped.errors,
                                     .next = "Install the server's own pg_dump beside it."});
  }
  std::vector<std::string> blocks = {""};
  std::istringstream lines(dumped.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("-- Name:")) blocks.emplace_back();
    if (!line.empty() && !line.starts_with("--") && !line.starts_with("\\")) blocks.back() += line + "\n";
  }
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

/// What only one of the two has.
std::string difference(const std::vector<std::string>& wanted, const std::vector<std::string>& found) {
  std::string out;
  const auto add = [&](const char* sign, const std::vector<std::string>& from,
                       const std::vector<std::string>& without) {
    std::vector<std::string> only;
    std::set_difference(from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(only));
    for (const std::string& block : only) out += fmt::format("{} {}", sign, block);
  };
  add("-", wanted, found);
  add("+", found, wanted);
  return out;
}

class Check {
 public:
  Check(const CommandEnvironment& environment, const CheckOptions& options)
      : environment_(environment), options_(options) {
    environment_.options.database = server_.connection_string();
  }

  CommandResult run() {
    try {
      lint();
      const auto empty = schema_of(environment_, server_);
      step("up", run_up(environment_, up_options()));
      const auto after_up = schema_of(environment_, server_);
      if (!options_.up_only) {
        step("down", run_down(environment_, down_options()));
        compare("down", "the schema before `up`", empty);
        step("up again", run_up(environment_, up_options()));
        compare("up again", "the schema after the first `up`", after_up);
      }
    } catch (const Failure& failure) {
      result_.exit_code = failure.exit_code();
      result_.problem = failure.problem();
    }
    result_.document["steps"] = std::move(steps_);
    if (!result_.problem) result_.text += "the directory goes up, down and up again to the same schema\n";
    return std::move(result_);
  }

 private:
  UpOptions up_options() const {
    UpOptions options{.target = "heads"};
    options.apply.approved = true;
    options.apply.run.contract = true;
    return options;
  }

  DownOptions down_options() const {
    DownOptions options{.target = "base", .allow_data_loss = true, .generated = true};
    options.apply.run.contract = true;
    return options;
  }

  void lint() {
    CommandEnvironment text_only = environment_;
    text_only.options.format = OutputFormat::text;
    CommandResult found = run_lint(text_only, {.files = {}, .text_only = true});
    result_.text += found.text;
    step("lint", std::move(found));
  }

  void step(const std::string& name, CommandResult done) {
    steps_.push_back(boost::json::object{{"name", name}, {"exit_code", static_cast<int>(done.exit_code)}});
    if (done.exit_code == ExitCode::done) {
      result_.text += name + ": done\n";
      return;
    }
    throw Failure(ExitCode::failed, done.problem.value_or(Problem{
                                        .code = "check-failed",
                                        .object = name,
                                        .message = name + " has errors",
                                        .expected = "none",
                                        .found = done.text,
                                        .next = "Correct the files; `crossfade lint` shows the same."}));
  }

  void compare(const std::string& name, const std::string& with, const std::vector<std::string>& wanted) {
    const std::string found = difference(wanted, schema_of(environment_, server_));
    if (found.empty()) return;
    throw Failure(ExitCode::failed,
                  {.code = "schema-differs",
                   .object = environment_.options.directory.string(),
                   .message = fmt::format("after `{}` the schema is another one", name),
                   .expected = with,
                   .found = found,
                   .next = "Correct the down section that leaves something behind or takes too much away."});
  }

  CommandEnvironment environment_;
  const CheckOptions& options_;
  postgres::ThrowawayServer server_;
  CommandResult result_;
  boost::json::array steps_;
};

}  // namespace

CommandResult run_check(const CommandEnvironment& environment, const CheckOptions& options) {
  return Check(environment, options).run();
}

}  // namespace crossfade::orchestrator
