// A plain table made a partitioned one: the statements that turn the empty shadow, which has its new columns
// by then, into a partitioned table with its partitions. PostgreSQL wants every unique index of one to
// contain the columns that rows are divided by, so that keys are extended by them. Pure functions,
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "migrations/partitioning.h"
#include "postgres/dependents.h"
#include "strategies/plan.h"

namespace crossfade::strategies {

struct NewPartition {
  std::string name;   ///< in the table's schema
  std::string bound;  ///< FOR VALUES …, or DEFAULT
};

struct NewPartitioning {
  migrations::Partitioning wanted;
  std::vector<NewPartition> partitions;
};

/// `plain`: the shadow as it is, with its indexes.
std::vector<std::string> partitioning_statements(const postgres::Table& plain,
                                                 const NewPartitioning& partitioning);

/// What the operator must know: keys that are unique within the new columns only, partitions that end.
std::vector<Problem> partitioning_announcements(const postgres::Table& source,
                                                const NewPartitioning& partitioning);

/// What stands in the way: keys into the table, which no partitioned table has anything for.
std::vector<Problem> partitioning_refusals(const postgres::Table& source,
                                           const postgres::Dependents& dependents,
                                           const NewPartitioning& partitioning);

}  // namespace crossfade::strategies
