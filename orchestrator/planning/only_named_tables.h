// Tables that a file names in a directive alone. Reads only; one thread.
#pragma once

#include <cstdint>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/planning/earlier_changes.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/problem.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// The tables that crossfade:rewrite or a backfill names and no statement is about. What names nothing is
/// added to `refusals`.
std::vector<std::uint32_t> tables_only_named(postgres::Session& session,
                                             const migrations::MigrationFile& file,
                                             const EarlierChanges& earlier,
                                             const std::vector<RevisionStatement>& statements,
                                             std::vector<Problem>& refusals);

}  // namespace crossfade::orchestrator
