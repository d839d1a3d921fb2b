// What the catalog says of a table-wide UPDATE or DELETE beyond the table itself: whether what it names reads
// the table, triggers, rules, foreign keys that refer to it. Reads only. Free function, thread-safe.
#pragma once

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/batched_update.h"

namespace crossfade::orchestrator {

/// Names are resolved in the session's search_path (see open_as_role). `statement` is an UpdateStmt or
/// DeleteStmt about `table`. Throws DatabaseError.
strategies::BatchFacts read_batch_facts(postgres::Session& session, const migrations::Statement& statement,
                                        const postgres::Table& table);

}  // namespace crossfade::orchestrator
