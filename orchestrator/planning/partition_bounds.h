// Into which partitions a plain table is divided: the operator says how long one is, and the rows say where
// the first begins and the last ends. Reads the table by an index where it has one, or its statistics where
// it is large; takes no lock beyond a reader's. One thread.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "migrations/partitioning.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/new_partitioning.h"

namespace crossfade::orchestrator {

struct PartitionBoundsRequest {
  const migrations::Partitioning* wanted = nullptr;
  const postgres::Table* source = nullptr;  ///< the live table
  const postgres::Table* target = nullptr;  ///< its new shape
  std::string source_column;                ///< that the column to divide by has its values from; empty: none
  std::set<std::string> taken;              ///< names in its schema that are not free
};

/// Throws Failure (exit 5) where the column cannot be divided so, or into more than 1000 partitions.
strategies::NewPartitioning plan_partitions(postgres::Session& session,
                                            const PartitionBoundsRequest& request);

}  // namespace crossfade::orchestrator
