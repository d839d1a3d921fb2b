// What steps in place will cost, roughly: for `plan`, and for the room that must be there. Pure functions,
// thread-safe.
#pragma once

#include <vector>

#include "postgres/catalog.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// Adds rows, bytes and seconds of the steps on `table`.
void add_estimate(strategies::Estimate& estimate, const postgres::Table& table,
                  const std::vector<strategies::InPlaceStep>& steps);

}  // namespace crossfade::orchestrator
