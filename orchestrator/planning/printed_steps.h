// The steps of a change in place as `plan` shows them. Pure function, thread-safe.
#pragma once

#include <vector>

#include "strategies/plan.h"

namespace crossfade::orchestrator {

std::vector<strategies::Step> printed_steps(const strategies::InPlacePlan& plan);

}  // namespace crossfade::orchestrator
