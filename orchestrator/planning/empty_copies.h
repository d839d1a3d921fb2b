// Whether an empty table may take the place of a full one, as TRUNCATE is carried out: a trial makes it, and
// what it would lack is listed. Reads only; one thread.
#pragma once

#include <vector>

#include "orchestrator/planning/earlier_changes.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "postgres/session.h"
#include "strategies/in_place.h"

namespace crossfade::orchestrator {

/// What hangs on the table that an empty copy would not have.
std::vector<Problem> not_carried_by_empty_copy(postgres::Session& session, const postgres::Table& table);

/// Fills in `empty_copies`, `not_copied` and `restarts_identity` for `context.objects`, the tables of the
/// TRUNCATE `context.statement`.
void read_empty_copies(postgres::Session& session, const EarlierChanges& earlier,
                       strategies::StatementContext& context);

}  // namespace crossfade::orchestrator
