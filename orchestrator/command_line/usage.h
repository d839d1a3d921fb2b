// A command line that cannot be parsed must still be answered in the wanted form, with the name of its
// command. Main thread.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "orchestrator/command_line/result_output.h"

namespace crossfade::orchestrator {

struct RawArguments {
  OutputStyle style;
  std::string command;         ///< the first word that is neither an option nor an option's value
  std::string unknown_option;  ///< in front of the command, without its value
};

RawArguments look_over(const CLI::App& application, const std::vector<std::string>& arguments);

/// `masked` are the arguments without their passwords.
std::string usage_message(const CLI::App& application, const RawArguments& raw, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments, const std::vector<std::string>& masked);

}  // namespace crossfade::orchestrator
