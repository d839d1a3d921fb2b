// The functions that a statement calls by name. Pure function, thread-safe.
#pragma once

#include <vector>

#include "migrations/names.h"
#include "migrations/statement.h"

namespace crossfade::migrations {

/// Each once; not those behind operators, casts and defaults.
std::vector<TableReference> called_functions(const Statement& statement);

}  // namespace crossfade::migrations
