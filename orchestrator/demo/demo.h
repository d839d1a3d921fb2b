// The demo: a PostgreSQL server of its own, a large table, an application at work on it, and a migration in
// the midst of that. `run_demo` is the whole of it; it blocks, and leaves nothing behind on any way out of
// it.
#pragma once

#include <cstdint>
#include <ostream>
#include <stop_token>

#include "orchestrator/demo/demo_screen.h"
#include "orchestrator/demo/migration_run.h"

namespace crossfade::orchestrator::demo {

struct DemoOptions {
  std::int64_t rows = 1'000'000;  ///< at least 1,000
  double rate = 800;              ///< transactions a second, above 0
  int connections = 8;            ///< 1 to 50
  double seconds_before = 4;      ///< of traffic alone; as long again after the migration
  bool keep = false;              ///< leave the server running until the stop request
  bool json = false;              ///< the summary as one document
  ScreenStyle screen = ScreenStyle::lines;
};

/// Returns the exit code: 0; 1 where an application query failed or was skipped, or the final check differs;
/// otherwise the migration's. The summary goes to `output`, the progress to `progress`. A stop request ends
/// it with exit code 4.
int run_demo(const DemoOptions& options, const RunMigration& run_migration, std::stop_token stop,
             std::ostream& output, std::ostream& progress);

}  // namespace crossfade::orchestrator::demo
