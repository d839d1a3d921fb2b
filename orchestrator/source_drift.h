// What an operator may do to the source while a run is under way and what must not be lost by it: grants, the
// owner, new indexes. The table's fingerprint does not show these, because they do not touch the rows
// (docs/protocol.md, rule 5); they are adopted by the new table before the cutover, and the lock is given up
// where they changed again. One thread.
#pragma once

#include <optional>
#include <string>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// A digest of everything that adopt_drift looks at. Two quick queries, fit to be asked under the lock.
std::string drift_digest(postgres::Session& session, const strategies::ShadowTablePlan& plan);

/// Preflight once more: something that has come since the plan and cannot be carried over would be left
/// behind by the swap. Throws Failure (exit 5) that lists all of it.
void refuse_new_dependents(const RunContext& context, postgres::Session& session);

/// Refuses what cannot be carried over, brings grants and owner of the shadow to what the source has now, and
/// builds indexes that the source has got since the plan. `plan` is the context's, or one of its partitions'
/// (strategies/table_tree.h). Locks the shadow only. Returns the source as it is
/// now; null where it is gone, as the fingerprint will say. Throws Failure (exit 5) where the source has a
/// new constraint or something that does not fit the new table's columns.
std::optional<postgres::Table> adopt_drift(RunContext& context, const strategies::ShadowTablePlan& plan,
                                           postgres::Session& session);

}  // namespace crossfade::orchestrator
