// How the shadow of a plan becomes whole: what is set aside before the copy, the indexes that are built
// behind it, what finishes each table, and what must wait for the lock. Of a partitioned table each partition
// gets its own indexes, as any table does, and the indexes above them hold no rows: they are made last and
// take the others in. Pure functions, thread-safe.
#pragma once

#include <set>
#include <string>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// Fills set_aside, indexes, finish and the beginning of at_swap. `staying`: names that are taken in the
/// source's schema. The plan has its tables and its key.
void plan_build(ShadowTablePlan& plan, const std::set<std::string>& staying);

}  // namespace crossfade::strategies
