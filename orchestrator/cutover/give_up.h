// Why one attempt at the cutover was given up: thrown inside the attempt, caught by the loop around it, which
// releases the lock, shows the reason and tries again. A value.
#pragma once

#include <string>

namespace crossfade::orchestrator {

struct GiveUp {
  std::string reason;
};

}  // namespace crossfade::orchestrator
