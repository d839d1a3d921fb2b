// DETACH PARTITION … CONCURRENTLY and what an interrupted one leaves. It has two halves with a commit between
// them; the second wants ACCESS EXCLUSIVE on the partition, and whoever reads the partition by its own name
// would queue behind that wish. So every wait for a lock is bounded by the lock budget, and a second half
// that ran out of it is made up for by FINALIZE, as often as it takes. One thread.
#pragma once

#include "orchestrator/in_place/step_execution.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// step.relation is the partition, step.sql the statement. Does nothing where it is detached already. Throws
/// DatabaseError, and Failure (exit 4) where the run is stopped; the same step may then be run again.
void detach_partition(const StepContext& context, const strategies::InPlaceStep& step);

}  // namespace crossfade::orchestrator
