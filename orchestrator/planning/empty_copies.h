// Whether an empty table may take the place of a full one, as TRUNCATE is carried out: a trial makes it, and
// what it would lack is listed. Reads only; one thread.
#pragma once

#include "orchestrator/planning/earlier_changes.h"
#include "postgres/session.h"
#include "strategies/in_place.h"

namespace crossfade::orchestrator {

/// Fills in `empty_copies`, `not_copied` and `restarts_identity` for `context.objects`, the tables of the
/// TRUNCATE `context.statement`.
void read_empty_copies(postgres::Session& session, const EarlierChanges& earlier,
                       strategies::StatementContext& context);

}  // namespace crossfade::orchestrator
