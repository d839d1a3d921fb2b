#include "orchestrator/command_line/usage.h"

#include <fmt/format.h>

namespace crossfade::orchestrator {

RawArguments look_over(const CLI::App& application, const std::vector<std::string>& arguments) {
  RawArguments found;
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    const std::string& text = arguments[index];
    const bool takes_value = text == "--database" || text == "--dir" || text == "--config" ||
                             text == "--format" || text == "--progress";
    const std::string value = takes_value && index + 1 < arguments.size() ? arguments[index + 1] : "";
    if (text == "--format=json" || (text == "--format" && value == "json")) found.style.json = true;
    if (text == "--progress=json" || (text == "--progress" && value == "json")) found.style.json_lines = true;
    if (found.command.empty() && !text.starts_with("-")) found.command = text;
    const std::string option = text.substr(0, text.find('='));
    if (found.command.empty() && application.get_option_no_throw(option) == nullptr)
      found.unknown_option = option;
    if (takes_value) ++index;
  }
  // The word behind an unknown option may be that option's value.
  const auto known = [&](const CLI::App* command) { return command->get_name() == found.command; };
  if (!found.unknown_option.empty() && application.get_subcommands(known).empty()) found.command.clear();
  return found;
}

std::string usage_message(const CLI::App& application, const RawArguments& raw, const CLI::ParseError& error,
                          const std::vector<std::string>& arguments, const std::vector<std::string>& masked) {
  if (!raw.unknown_option.empty()) return fmt::format("there is no option `{}`", raw.unknown_option);
  const auto known = [&](const CLI::App* command) { return command->get_name() == raw.command; };
  if (!raw.command.empty() && application.get_subcommands(known).empty())
    return fmt::format("there is no command `{}`", raw.command);
  std::string message = error.what();
  static constexpr std::string_view kUnknownKey = "INI was not able to parse ";
  if (message.starts_with(kUnknownKey))
    message = "the settings file has a key that is no option: " + message.substr(kUnknownKey.size());
  for (std::size_t index = 0; index < arguments.size(); ++index) {
    if (masked[index] == arguments[index]) continue;
    for (auto at = message.find(arguments[index]); at != std::string::npos;
         at = message.find(arguments[index]))
      message.replace(at, arguments[index].size(), masked[index]);
  }
  return message;
}

}  // namespace crossfade::orchestrator
