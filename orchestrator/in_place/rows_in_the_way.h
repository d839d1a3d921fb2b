// Names the rows that a constraint or a unique index will not have, so that an operator need not search for
// them. Reads only; one thread.
#pragma once

#include "orchestrator/in_place/step_execution.h"
#include "postgres/error.h"

namespace crossfade::orchestrator {

/// Throws Failure (exit 5, "data-rejected") where the step's probe finds rows.
void look_for_rows_in_the_way(const StepContext& context, const strategies::InPlaceStep& step);

/// The same after the server has refused the step; names what the server named where the probe finds nothing
/// any more.
[[noreturn]] void throw_rows_in_the_way(const StepContext& context, const strategies::InPlaceStep& step,
                                        const postgres::DatabaseError& error);

}  // namespace crossfade::orchestrator
