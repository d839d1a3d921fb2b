// UPDATE and DELETE of a partitioned table: one partition after the other, each in batches of its own key.
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "strategies/batched_update.h"

namespace crossfade::strategies {

/// A leaf partition, with what BatchFacts says about the statement on it.
struct BatchedPartition {
  postgres::Table table;
  BatchFacts facts;
};

/// What a batched statement becomes: one plan for each table that holds rows.
struct BatchedUpdates {
  std::vector<BatchedUpdatePlan> plans;  ///< none: there is no partition, or it is refused
  std::vector<Problem> refusals;
  std::vector<Problem> announcements;
};

/// The partitioned table itself, with what BatchFacts says about the statement on it.
struct PartitionedTable {
  const postgres::Table& table;
  BatchFacts facts;
  std::vector<std::string> partition_key;  ///< columns that any level is partitioned by
  bool fills_column = false;               ///< the statement gives old rows of a new column their value
};

/// What stands in the way whatever the partitions are; to be asked first: it is all that there is of a
/// statement which on_partition() cannot re-point.
std::vector<Problem> partitioned_refusals(const migrations::Statement& statement,
                                          const PartitionedTable& whole);

/// `statement` is an UpdateStmt or DeleteStmt about `whole`; partitioned_refusals() has none for it.
BatchedUpdates plan_partitioned_update(const migrations::Statement& statement, const PartitionedTable& whole,
                                       const std::vector<BatchedPartition>& partitions);

/// The statement about one partition; its expressions know the table by the name that they use already.
migrations::Statement on_partition(const migrations::Statement& statement, const postgres::Table& table,
                                   const postgres::QualifiedName& partition);

}  // namespace crossfade::strategies
