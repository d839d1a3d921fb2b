// Batches of an UPDATE or DELETE against the live catalog: of an ordinary table, or of each partition of a
// partitioned one. Reads only; one thread.
#pragma once

#include <string>
#include <vector>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/in_place.h"

namespace crossfade::orchestrator {

struct BatchedChange {
  const migrations::Statement& statement;
  const postgres::Table& table;                          ///< as it will be when the statement runs
  const std::vector<strategies::Partition>& partitions;  ///< all below the table
  const std::vector<std::string>& partition_key;         ///< columns of every level
  bool fills_column = false;  ///< of a column that is being added: its old rows' value
};

strategies::BatchedUpdates planned_batches(postgres::Session& session, const BatchedChange& change);

}  // namespace crossfade::orchestrator
