// The printable steps of a ShadowTablePlan: the SQL, locks and reason of everything that will run, in order.
#pragma once

#include <vector>

#include "strategies/plan.h"

namespace crossfade::strategies {

std::vector<Step> shadow_steps(const ShadowTablePlan& plan);
Estimate shadow_estimate(const ShadowTablePlan& plan);

}  // namespace crossfade::strategies
