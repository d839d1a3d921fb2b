// Which tables a run is about, where its journal row names no single one. Pure functions, thread-safe.
#pragma once

#include "orchestrator/journal.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

/// Whether the run changes the table, or has changed it.
bool changes_table(const Run& run, const postgres::QualifiedName& table);

/// Whether the open run stands in the way of another revision on the table: it is unfinished there, or it
/// soaks and keeps something that belongs to it.
bool holds_table(const Run& run, const postgres::QualifiedName& table);

}  // namespace crossfade::orchestrator
