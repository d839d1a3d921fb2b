// The beginning of a run: plans a migration file against the live catalog and journals the plan, all in one
// transaction, under the table's lock. From then on the run belongs to the journal, and a Runner executes it.
// One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "migrations/migration_file.h"
#include "orchestrator/reporter.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

/// The number of the new run; or of the one that another process has just started for the file; or null where
/// the revision has been applied meanwhile. A postponed run waits for `crossfade cutover`. Throws Failure
/// (exit 5) with every refusal, or where another process holds the table; DatabaseError.
std::optional<std::int64_t> start_run(const postgres::SessionFactory& factory, Reporter& reporter,
                                      const migrations::MigrationFile& file, bool postpone_cutover);

}  // namespace crossfade::orchestrator
