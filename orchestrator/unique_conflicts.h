// Tells a passing conflict from a lasting one (docs/protocol.md, rule 16): a row that cannot be replayed
// because another row holds its unique value is put back, and succeeds once that other row has been replayed,
// unless the other row is not in the log at all. Then the data violates a constraint that the migration adds.
// Only reads.
#pragma once

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Looks in one snapshot, for every unique index of the shadow, for logged keys whose row conflicts with a
/// shadow row that is not in the log. Throws Failure (exit 5) that names the index and rows.
void throw_if_violated(const RunContext& context, postgres::Session& session);

}  // namespace crossfade::orchestrator
