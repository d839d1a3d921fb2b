// A program of the operator's, run to its end with what it prints kept. No shell is in between. The child
// gets this process's environment with changes, is told when a stop is requested, and never outlives the
// call. One thread; blocking.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::orchestrator {

struct ChildCommand {
  std::vector<std::string> words;                                 ///< the first is looked up in PATH
  std::map<std::string, std::optional<std::string>> environment;  ///< changes; nullopt takes one out
  std::string input;                                              ///< its standard input
};

struct ChildResult {
  int exit_code = 0;
  std::string output;
  std::string errors;
};

/// Throws Failure: exit 2 "no-such-program", exit 4 "stopped" after the child was ended because of `stop`.
ChildResult run_child(const ChildCommand& command, const std::stop_token& stop);

/// The words of a command line as a shell would split it: blanks separate, quotes and backslashes join.
/// Nothing is expanded. Throws Failure (exit 2) where a quote is not closed or nothing is left.
std::vector<std::string> split_words(std::string_view command_line);

/// For messages: the text with every password of a URL, and of password=…, as ***.
std::string without_passwords(std::string_view text);

/// The words as one line for messages, without passwords.
std::string display(const std::vector<std::string>& words);

}  // namespace crossfade::orchestrator
