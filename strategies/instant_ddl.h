// Statements that run as they were written: catalog changes under the lock budget, statements that lock no
// table that anybody waits for, and SQL that the operator has marked as opaque. Pure functions, thread-safe.
#pragma once

#include "strategies/in_place.h"

namespace crossfade::strategies {

/// Under the statement's lock on its table, by short attempts.
InPlaceSteps plan_instant(const StatementContext& context, std::string_view hazard);

/// In one transaction, without a lock on an existing table.
InPlaceSteps plan_plain(const StatementContext& context, std::string_view hazard);

/// Outside a transaction, because PostgreSQL wants it so.
InPlaceSteps plan_autocommit(const StatementContext& context, std::string_view hazard);

/// The file's word for statements whose text does not tell what they do; null where it has none.
const migrations::Directive* opaque_directive(const StatementContext& context);

/// DO, CALL, functions with effects, unknown statements: only with  -- crossfade:opaque reason.
InPlaceSteps plan_opaque(const StatementContext& context);

}  // namespace crossfade::strategies
