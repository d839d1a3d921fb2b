// How a revision is taken back: its down section, or the inverse that its statements and the kept definitions
// of its tables tell. Pure function, thread-safe.
#pragma once

#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/commands/kept_definitions.h"

namespace crossfade::orchestrator {

struct WayBackOptions {
  bool generated = false;  ///< take the inverse where the file has no down section
  bool allow_data_loss = false;
};

/// The file with what takes it back in the up section's place; `kept` are the definitions from before its
/// `up`. Throws Failure (exit 5, "no-down-section") where there is neither, or where the inverse must be
/// asked for.
migrations::MigrationFile way_back(const migrations::MigrationFile& file,
                                   const std::vector<KeptDefinition>& kept, const WayBackOptions& options);

}  // namespace crossfade::orchestrator
