// What a refusal says to be missing. A trial on an empty copy does not know what statements before it will
// have made; by the name it can be told whether they do. Pure functions, thread-safe.
#pragma once

#include <string>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// The last part of the name of the type, column, table, function, enum's value … that the refusal misses;
/// empty where it says something else.
std::string missing_object(const Problem& refusal);

}  // namespace crossfade::orchestrator
