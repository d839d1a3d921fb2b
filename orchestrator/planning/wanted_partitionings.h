// The file's crossfade:partition directives, each with the table that it is about.
#pragma once

#include <cstdint>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/partitioning.h"
#include "orchestrator/planning/existing_objects.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/problem.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct WantedPartitioning {
  std::uint32_t table = 0;
  migrations::Partitioning partitioning;
};

/// Adds to `refusals` what names no table, or one that is divided already. Without a table's name a directive
/// is about the only one that the revision changes. `under_way`: some of the revision has been carried
/// out, so that a table which is divided already has been by it.
std::vector<WantedPartitioning> wanted_partitionings(postgres::Session& session,
                                                     const migrations::MigrationFile& file,
                                                     const EarlierChanges& earlier,
                                                     const std::vector<RevisionStatement>& statements,
                                                     bool under_way, std::vector<Problem>& refusals);

}  // namespace crossfade::orchestrator
