// The last changes, brought over while the source is locked (docs/protocol.md, rule 27). The locking session
// reads, because nobody else can; another one writes and commits, so that every snapshot taken from then on
// sees the drained rows. A failed drain leaves nothing: its transaction rolls back. One thread.
#pragma once

#include "orchestrator/run_context.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// The same statements about no row, outside the lock and rolled back, so that the sessions have read the
/// catalog for them by the time that the lock is held. `locker` has a transaction open that holds the
/// yielding locks of source and shadow. Throws DatabaseError, and as WorkerTransaction does.
void rehearse_drain(const RunContext& context, postgres::CopySession& locker, postgres::CopySession& drainer);

/// `locker` holds the source's lock in an open transaction. Returns whether there was anything to bring over.
/// Throws GiveUp where it is too much for the time under the lock or the server refuses a row (replay,
/// outside the lock, names it), DatabaseError where a statement is wrong or the connection is dead.
bool drain_under_lock(const RunContext& context, postgres::CopySession& locker,
                      postgres::CopySession& drainer);

}  // namespace crossfade::orchestrator
