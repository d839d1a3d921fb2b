#include "orchestrator/alembic/child_process.h"

// Without it Boost.Process wants Boost.Filesystem, which is a library to link.
#define BOOST_PROCESS_USE_STD_FS
#include <fmt/format.h>
#include <signal.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/process/args.hpp>
#include <boost/process/async.hpp>
#include <boost/process/child.hpp>
#include <boost/process/env.hpp>
#include <boost/process/exe.hpp>
#include <boost/process/extend.hpp>
#include <boost/process/group.hpp>
#include <boost/process/io.hpp>
#include <boost/process/search_path.hpp>
#include <chrono>
#include <future>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

namespace process = boost::process;

constexpr auto kPoll = std::chrono::milliseconds(100);

/// This process blocks the signals that end it and ignores SIGPIPE; a program that inherited that could not
/// be stopped.
struct DefaultSignals : process::extend::handler {
  template <class Executor>
  void on_exec_setup(Executor& /*executor*/) const {
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
  }
};

process::environment changed_environment(const std::map<std::string, std::optional<std::string>>& changes) {
  process::environment variables = boost::this_process::environment();
  for (const auto& [name, value] : changes) {
    variables.erase(name);
    if (value) variables[name] = *value;
  }
  return variables;
}

std::filesystem::path program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const std::filesystem::path found = process::search_path(name);
  if (!found.empty()) return found;
  throw Failure(ExitCode::usage, {.code = "no-such-program",
                                  .object = name,
                                  .message = "there is no such program in PATH",
                                  .expected = "the program that runs this project's Alembic",
                                  .next = "Activate the project's environment, or name the program with "
                                          "--command, for example --command \"poetry run alembic\"."});
}

}  // namespace

ChildResult run_child(const ChildCommand& command, const std::stop_token& stop) {
  boost::asio::io_context context;
  std::future<std::string> output;
  std::future<std::string> errors;
  const std::vector<std::string> arguments(command.words.begin() + 1, command.words.end());
  const std::filesystem::path path = program(command.words.front());
  std::error_code error;
  process::group group;
  process::child child(process::exe = path.string(), process::args = arguments,
                       changed_environment(command.environment), group, DefaultSignals(),
                       (process::std_in < boost::asio::buffer(command.input)), process::std_out > output,
                       process::std_err > errors, context, error);
  if (error) {
    throw Failure(ExitCode::usage, {.code = "no-such-program",
                                    .object = command.words.front(),
                                    .message = "the program cannot be started: " + error.message(),
                                    .expected = "the program that runs this project's Alembic",
                                    .next = "Check the path and its permissions."});
  }
  while (!context.stopped()) {
    context.run_for(kPoll);
    if (!stop.stop_requested()) continue;
    std::error_code ignored;
    group.terminate(ignored);
    child.wait(ignored);
    throw Failure(ExitCode::resumable, {.code = "stopped",
                                        .object = display(command.words),
                                        .message = "the program was ended because a stop was requested",
                                        .next = "Run the command again."});
  }
  child.wait();
  return {.exit_code = child.exit_code(), .output = output.get(), .errors = errors.get()};
}

std::vector<std::string> split_words(std::string_view command_line) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = 0;
  for (std::size_t at = 0; at < command_line.size(); ++at) {
    const char c = command_line[at];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && at + 1 < command_line.size()) {
      words.back().push_back(command_line[++at]);
    } else {
      words.back().push_back(c);
    }
  }
  if (quote == 0 && !words.empty() && !words.front().empty()) return words;
  throw Failure(ExitCode::usage, {.code = "usage",
                                  .object = "--command",
                                  .message = quote == 0 ? "the command is empty" : "a quote is not closed",
                                  .expected = "a command line, for example \"flask db\"",
                                  .found = without_passwords(command_line),
                                  .next = "Correct --command."});
}

std::string without_passwords(std::string_view text) {
  std::string out(text);
  for (std::size_t at = out.find("://"); at != std::string::npos; at = out.find("://", at + 3)) {
    const std::size_t end = std::min(out.find_first_of(" \t\n\"'`<>", at + 3), out.size());
    const std::size_t host = out.rfind('@', end);
    const std::size_t colon = out.find(':', at + 3);
    if (host == std::string::npos || host <= at || colon == std::string::npos || colon > host) continue;
    out.replace(colon + 1, host - colon - 1, "***");
  }
  for (std::size_t at = out.find("password="); at != std::string::npos; at = out.find("password=", at + 9)) {
    const std::size_t begin = at + 9;
    const bool quoted = begin < out.size() && (out[begin] == '\'' || out[begin] == '"');
    const std::size_t end =
        quoted ? out.find(out[begin], begin + 1) + 1 : out.find_first_of(" \t\n&,;\"'", begin);
    out.replace(begin, std::min(end == 0 ? out.size() : end, out.size()) - begin, "***");
  }
  return out;
}

std::string display(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"\\") == std::string::npos;
    out += (out.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return without_passwords(out);
}

}  // namespace crossfade::orchestrator
