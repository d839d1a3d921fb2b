// A partition that is written anew alone. The shadow stands beside the partitioned table as a table of its
// own, with a validated check that says what the partition's bounds say, so that ATTACH reads no row of it;
// in the cutover the old one is detached and the new one attached in its place. Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// What the server says of a partition, as far as its place is concerned.
struct PartitionPlace {
  std::string check;                      ///< what the bounds demand of every row; empty: nothing
  std::vector<std::string> foreign_keys;  ///< that it has from above, out of it and into it
  std::string default_partition;          ///< another one beside it, which ATTACH reads; empty: none
  std::int64_t default_partition_pages = 0;
};

std::vector<Problem> one_partition_refusals(const postgres::Table& partition, const PartitionPlace& place);

/// Adds the check to plan.create, and DETACH and ATTACH around the change of schemas in plan.swap.
void plan_one_partition(ShadowTablePlan& plan, const PartitionPlace& place);

/// Queries lock the partitioned table before its partitions; so does the cutover.
std::string lock_of_partitioned_table(const ShadowTablePlan& plan);

}  // namespace crossfade::strategies
