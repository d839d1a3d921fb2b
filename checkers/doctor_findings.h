// What runs have left behind in this database: schemas, triggers, invalid indexes, sessions, and runs that
// nobody goes on with. For `doctor`, which reports and changes nothing. A pure function of the session's
// database; needs no right beyond reading the catalog and, where it exists, crossfade.runs.
#pragma once

#include <vector>

#include "postgres/problem.h"
#include "postgres/session.h"

namespace crossfade::checkers {

/// One Problem for each thing left behind. Runs in any phase but contracted and aborted own their schemas,
/// triggers and sessions. Sessions are told by their application_name, "crossfade/RUN…". Throws
/// DatabaseError.
std::vector<Problem> find_leftovers(postgres::Session& session);

}  // namespace crossfade::checkers
