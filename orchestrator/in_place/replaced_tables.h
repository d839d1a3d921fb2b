// The tables that a TRUNCATE replaces by empty ones, and what must hold for that and for the way back: nobody
// has altered the full table since it was planned for, nor the empty one since it took the place. To be
// called in the open transaction of the step, under its locks, so that it stays true until the commit. One
// thread.
#pragma once

#include <vector>

#include "orchestrator/journal.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// Throws Failure (exit 5) that says what is different, or what has come to hang on a table.
void require_as_planned(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full);

/// Journals what has taken the tables' places.
void keep_replacements(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full);

/// Throws Failure (exit 5) where the tables that have the places now are not, or not only, what the run has
/// put there: their rows alone go back.
void require_as_left(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full);

/// Before the transaction: takes the advisory locks of the tables in the places. Throws Failure (exit 5)
/// where another process holds one, or a later part of the revision has changed one.
void hold_replacements(postgres::Session& session, const Run& run, const std::vector<postgres::Table>& full);

}  // namespace crossfade::orchestrator
