// Finds the row that a batched change cannot be done to: halves the range until one row is left, in a
// transaction that is rolled back. One thread; the session has no transaction open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "orchestrator/batch_queries.h"
#include "orchestrator/ownership.h"

namespace crossfade::orchestrator {

struct RejectedRow {
  BatchKey key;
  postgres::DatabaseError error;
};

/// Null where every row passes now, because it has been mended meanwhile. Throws DatabaseError, of lock waits
/// too; Failure where the run has been taken over.
std::optional<RejectedRow> find_rejected_row(const strategies::BatchedUpdatePlan& plan,
                                             postgres::Session& session, const RunSessions& sessions,
                                             BatchRange range, int lock_timeout_ms);

/// The Failure (exit 5, "data-rejected") for it; without a row it names the range.
Failure rejected(const strategies::BatchedUpdatePlan& plan, const BatchRange& range,
                 const postgres::DatabaseError& error, const std::optional<RejectedRow>& row);

}  // namespace crossfade::orchestrator
