// The cutover's COMMIT was sent, but no answer came (docs/protocol.md, rule 30). Opens a session of its own;
// one thread.
#pragma once

#include <string>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Waits until the transaction of that number has ended, however long that takes, then tells whether the swap
/// was committed. The session that sent the COMMIT is closed. Throws DatabaseError.
bool committed_after_all(const RunContext& context, const std::string& transaction_id);

}  // namespace crossfade::orchestrator
