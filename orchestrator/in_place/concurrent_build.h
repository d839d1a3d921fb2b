// What PostgreSQL runs outside a transaction only: CREATE INDEX CONCURRENTLY and its like. Each can be
// repeated after a crash: an index that is there and valid is done, an invalid left-over is dropped first.
// While it waits for older transactions, these are named. One thread, and one more that watches.
#pragma once

#include "orchestrator/in_place/step_execution.h"

namespace crossfade::orchestrator {

/// Leaves a valid index, or none. Throws Failure (exit 5) where rows are in the way, DatabaseError.
void build_index_concurrently(const StepContext& context, const strategies::InPlaceStep& step);

/// The statements of an autocommit step. Left-overs of an earlier attempt are cleaned up first.
void run_outside_transaction(const StepContext& context, const strategies::InPlaceStep& step);

/// Drops the table's index where it is there but invalid; returns whether a valid one is there.
bool clear_invalid_index(postgres::Session& session, const postgres::QualifiedName& index,
                         const postgres::QualifiedName& table);

}  // namespace crossfade::orchestrator
