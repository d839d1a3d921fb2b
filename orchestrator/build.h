// Build: purges what moved during the copy, builds the indexes in parallel sessions (the replay key first),
// takes over constraints, grants and comments, then VACUUM and ANALYZE. Each is a journalled step in one
// transaction with its effect, but for VACUUM, which may be repeated.
#pragma once

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Throws SourceChanged, Failure (exit 5 where a new unique index finds duplicates), DatabaseError.
void build_shadow(RunContext& context);

}  // namespace crossfade::orchestrator
