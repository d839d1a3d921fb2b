// Indexes, and the constraints that indexes back, without a lock that stops writers: CREATE, DROP and REINDEX
// … CONCURRENTLY; UNIQUE and PRIMARY KEY over an index that is there already. Pure functions, thread-safe.
#pragma once

#include "strategies/in_place.h"

namespace crossfade::strategies {

InPlaceSteps plan_create_index(const StatementContext& context);
InPlaceSteps plan_drop_index(const StatementContext& context);
InPlaceSteps plan_reindex(const StatementContext& context);

/// ADD UNIQUE or PRIMARY KEY; `constraint` is what the trial made of it, with its index in `context.after`.
InPlaceSteps plan_unique(const StatementContext& context, const postgres::Constraint& constraint);

}  // namespace crossfade::strategies
