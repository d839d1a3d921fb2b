// A step that was planned for certain partitions holds for no others: an index on a partitioned table would
// stay invalid without a word. To be called in the open transaction of the step, under a lock that lets
// nobody attach or detach one, so that it stays true until the commit. One thread.
#pragma once

#include "orchestrator/journal.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// Throws Failure (exit 5, "table-changed") where the step's relation has other partitions than
/// `step.partitions`.
void require_planned_partitions(postgres::Session& session, const Run& run,
                                const strategies::InPlaceStep& step);

}  // namespace crossfade::orchestrator
