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

/// `facts` are those of the partitioned table itself; `partition_key` are the columns that any level is
/// partitioned by.
BatchedUpdates plan_partitioned_update(const migrations::Statement& statement, const postgres::Table& table,
                                       const BatchFacts& facts,
                                       const std::vector<BatchedPartition>& partitions,
                                       const std::vector<std::string>& partition_key);

/// The statement about one partition; its expressions know the table by the name that they use already.
migrations::Statement on_partition(const migrations::Statement& statement, const postgres::Table& table,
                                   const postgres::QualifiedName& partition);

}  // namespace crossfade::strategies
