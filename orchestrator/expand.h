// Expand: makes the shadow table and switches change capture on. Two journalled steps, each one transaction
// with its journal row; a crash after either leaves it done, a crash before leaves nothing.
#pragma once

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Creates schemas, shadow, log and guards. Lock: ACCESS SHARE on the source.
void create_shadow(RunContext& context);

/// Functions and triggers under SHARE ROW EXCLUSIVE, which waits for open writers, so that every later
/// snapshot has all older writes. Journals the source's fingerprint with them and fills context.fingerprint.
void switch_capture_on(RunContext& context);

/// Reads the page count (capture is on: rows on later pages are in the log) and lists the chunks.
void list_chunks(RunContext& context);

}  // namespace crossfade::orchestrator
