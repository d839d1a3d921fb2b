// The sequences that belong to a table's columns, and how they go over to the new table (docs/protocol.md,
// rule 28): a serial's is given to the new column, an identity column has another one that takes the old
// one's value over, one that the migration makes gets the name that it would have got. Pure functions,
// thread-safe.
#pragma once

#include <set>
#include <string>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// Adds the moves of carried columns to the plan, and what has to be done when the shadow is created.
void plan_sequences(ShadowTablePlan& plan);

/// A sequence that the migration makes was named by the server in the run's schema, where nothing of the
/// source's schema stands in its way. `staying` are the relations that do. It gets the name that it would
/// have got there.
void rename_new_sequences(ShadowTablePlan& plan, const std::set<std::string>& staying);

/// The statement that gives an identity column's new sequence the old one's value.
std::string take_value_over(const ShadowTablePlan& plan, const SequenceMove& move);

}  // namespace crossfade::strategies
