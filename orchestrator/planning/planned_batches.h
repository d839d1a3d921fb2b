// Batches of an UPDATE or DELETE against the live catalog: of an ordinary table, or of each partition of a
// partitioned one. Reads only; one thread.
#pragma once

#include <vector>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/in_place.h"

namespace crossfade::orchestrator {

/// `table` as it will be when the statement runs; `partitions` are all below it.
strategies::BatchedUpdates planned_batches(postgres::Session& session, const migrations::Statement& statement,
                                           const postgres::Table& table,
                                           const std::vector<strategies::Partition>& partitions);

}  // namespace crossfade::orchestrator
