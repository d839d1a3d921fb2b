// What is dropped moves aside first, out of the application's sight, and is dropped for good by `contract`.
// A table moves into the run's own schema, of a TRUNCATE as well (emptied_table); a column is renamed and no
// longer demands values. Everything here needs an operator's approval. Pure functions, thread-safe.
#pragma once

#include "strategies/in_place.h"

namespace crossfade::strategies {

InPlaceSteps plan_drop_table(const StatementContext& context);
InPlaceSteps plan_drop_column(const StatementContext& context);
/// The full table moves aside, an empty one takes its place. Where that would lack something (`not_copied`)
/// it is refused, unless the file allows that the rows are lost.
InPlaceSteps plan_truncate(const StatementContext& context);

/// The schema that keeps what a run has dropped.
std::string quarantine_schema_name(std::int64_t run);

/// DROP TYPE and DROP DOMAIN of what tables and columns in quarantine still use.
InPlaceSteps plan_drop_type(const StatementContext& context);

}  // namespace crossfade::strategies
