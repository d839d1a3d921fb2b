// TRUNCATE that can be taken back: an empty table of the same shape takes the full one's name, and the full
// one moves aside with its rows until `contract`. Taken back, it gets what was written meanwhile and its name
// again. Pure functions, thread-safe.
#pragma once

#include "postgres/catalog.h"
#include "strategies/in_place.h"

namespace crossfade::strategies {

/// The step for all tables of the TRUNCATE, `context.objects`, each with its copy in `context.empty_copies`.
InPlaceSteps plan_emptied_tables(const StatementContext& context);

}  // namespace crossfade::strategies
