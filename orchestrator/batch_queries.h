// The queries of a BatchedUpdatePlan with their parameters, as batches and the search for a rejected row use
// them, and the transaction that they run in. Free functions over the caller's session and its open
// transaction.
#pragma once

#include <cstdint>
#include <optional>

#include "orchestrator/batch_journal.h"
#include "postgres/error.h"
#include "postgres/session.h"
#include "strategies/batched_update.h"

namespace crossfade::orchestrator {

/// Keys behind `lower`, up to `upper`, that one included.
struct BatchRange {
  std::optional<BatchKey> lower;  ///< null: from the first
  BatchKey upper;
};

struct BatchBound {
  BatchKey key;
  std::int64_t passed = 0;
};

/// Begins the work of a transaction: bounds its waits, keeps the optimizer on the key's index, takes the lock
/// that the statement itself takes, and makes sure that the table is the planned one. Throws Failure (exit 5)
/// where it is not.
void enter_batch(const strategies::BatchedUpdatePlan& plan, postgres::Session& session, int lock_timeout_ms);

/// The largest key; null where the table is empty.
std::optional<BatchKey> read_end_key(const strategies::BatchedUpdatePlan& plan, postgres::Session& session);

/// The last of the first `rows` keys of the range; null where the range is empty.
std::optional<BatchBound> read_bound(const strategies::BatchedUpdatePlan& plan, postgres::Session& session,
                                     const BatchRange& range, std::int64_t rows);

/// Runs the statement on the range; returns rows changed.
std::int64_t change_range(const strategies::BatchedUpdatePlan& plan, postgres::Session& session,
                          const BatchRange& range);

/// Whether the statement, or a constraint checked at its commit, refuses a row.
bool rejects_row(const postgres::DatabaseError& error);

}  // namespace crossfade::orchestrator
