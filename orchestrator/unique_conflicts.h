// Tells a passing conflict from a lasting one (docs/protocol.md, rule 16): a row that cannot be replayed
// because another row holds its unique value is put back, and succeeds once that other row has been replayed,
// unless the source itself holds both. Then the data violates a constraint that the migration adds. Leaves
// nothing behind. Belongs to the thread of the session.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// A key as text, one value for each key column.
using KeyTexts = std::vector<std::string>;

/// Judges the given keys' rows in one snapshot, under whatever unique index refuses them: partial, over
/// expressions, with NULLS NOT DISTINCT. Throws Failure (exit 5) that names the index and rows; returns where
/// the conflict passes, or cannot be judged now. `others_replay`: other sessions write to the shadow too, and
/// wait for the judgement.
void throw_if_violated(const RunContext& context, postgres::Session& session,
                       const std::vector<KeyTexts>& keys, bool others_replay);

}  // namespace crossfade::orchestrator
