// The sequences that a swap moves, locked before the table. Pure functions, thread-safe.
#pragma once

#include <string>

#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// Statements that take the lock of every sequence that a serial column takes along; empty where there is
/// none. An identity column gets another sequence: whoever waits for the old one would still take its number
/// from that, so nobody must be made to wait longer than the swap.
std::string sequence_locks(const strategies::ShadowTablePlan& plan);

}  // namespace crossfade::orchestrator
