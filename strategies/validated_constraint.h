// Constraints without a long lock: NOT VALID first, which looks at no row, then VALIDATE in a transaction of
// its own, under a lock that writers do not notice. NOT NULL goes by way of a check. Pure functions,
// thread-safe.
#pragma once

#include <string>

#include "strategies/in_place.h"

namespace crossfade::strategies {

/// ADD CHECK. `constraint` is the clause, `name` what the constraint will be called, `definition` as
/// pg_get_constraintdef prints it: CHECK (…).
InPlaceSteps plan_check(const StatementContext& context, const std::string& name,
                        const std::string& definition);

/// ADD FOREIGN KEY; also of a column that has just been added with REFERENCES.
InPlaceSteps plan_foreign_key(const StatementContext& context, const migrations::ConstraintClause& clause);

/// SET NOT NULL; nothing where the column has it already.
InPlaceSteps plan_not_null(const StatementContext& context, const std::string& column);

}  // namespace crossfade::strategies
