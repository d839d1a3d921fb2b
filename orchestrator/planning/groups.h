// Which rewrites of a revision are cut over together: neighbouring ones of tables that a foreign key ties
// together. In between two cutovers one side could hold values that the other cannot. Pure functions,
// thread-safe.
#pragma once

#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// Marks every part but the last of each group as waiting for the next, and announces it.
void group_tables(strategies::RevisionPlan& plan);

}  // namespace crossfade::orchestrator
