// Names the row that the new table refuses: a cast that fails, a length, a CHECK, a NOT NULL, a duplicate
// under a new unique index. Called after the failure, on a session of its own; leaves nothing. The answer is
// a Failure with exit 5, because neither waiting nor retrying helps: the data or the migration must change.
#pragma once

#include <string>

#include "orchestrator/run_context.h"
#include "postgres/error.h"

namespace crossfade::orchestrator {

/// `restriction` is the WHERE or JOIN over the source in which the row stands. Rows are tried one
/// by one; where all of them pass, because the row has been mended meanwhile, the server's own words remain.
[[noreturn]] void throw_rejected_row(const RunContext& context, const postgres::DatabaseError& error,
                                     const std::string& restriction);

}  // namespace crossfade::orchestrator
