// ADD COLUMN with clauses that would read, index or rewrite the table under the lock: the column first, as a
// change of the catalog, then each clause its own safe way. Pure functions, thread-safe.
#pragma once

#include <string>

#include "strategies/in_place.h"

namespace crossfade::strategies {

/// Everything but what only a rewrite can give (identity, stored generated columns, constrained domains).
InPlaceSteps plan_added_column(const StatementContext& context);

/// The command without its foreign keys, which an empty copy of the table cannot have.
std::string without_foreign_keys(const migrations::AlterCommand& command);

/// The column alone, without those clauses; of NOT NULL and the default too where `bare`.
std::string column_alone(const StatementContext& context, bool bare);

}  // namespace crossfade::strategies
