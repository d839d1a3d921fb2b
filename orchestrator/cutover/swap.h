// The statements that run under the cutover's lock, as one message: what hangs on the tables leaves them, the
// tables change their schemas, and it is put on again. Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct SwapRequest {
  std::vector<const strategies::ShadowTablePlan*> plans;  ///< of all tables that are cut over together
  std::vector<strategies::CarriedObjects> carried;        ///< in the same order
  std::string search_path;                                ///< of the run's sessions, as SET takes it
};

std::string swap_statements(const SwapRequest& request);

/// Each with its semicolon and a line of its own.
std::string joined(const std::vector<std::string>& statements);

}  // namespace crossfade::orchestrator
