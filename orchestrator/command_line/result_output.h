// The one result of a command, as text or as one JSON document, and every exception as a problem with its
// exit code. Main thread.
#pragma once

#include <functional>
#include <string>

#include "orchestrator/commands/command.h"

namespace crossfade::orchestrator {

struct OutputStyle {
  bool json = false;
  bool json_lines = false;  ///< standard error holds JSON lines and nothing else
};

/// Writes to standard output, a problem to standard error; returns the exit code.
int print(const std::string& command, OutputStyle style, const CommandResult& result);

/// Never throws: what the command throws becomes its result.
CommandResult guarded(const std::function<CommandResult()>& command);

}  // namespace crossfade::orchestrator
