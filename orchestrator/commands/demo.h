// `crossfade demo`: connects the demo's server, table and traffic with the engine that runs any migration.
#pragma once

#include <cstdint>

#include "orchestrator/commands/command.h"

namespace crossfade::orchestrator {

struct DemoCommandOptions {
  std::int64_t rows = 1'000'000;
  double rate = 800;
  int connections = 8;
  double seconds_before = 4;
  bool keep = false;
};

/// The document and text are the demo's own summary.
CommandResult run_demo_command(const CommandEnvironment& environment, const DemoCommandOptions& options);

}  // namespace crossfade::orchestrator
