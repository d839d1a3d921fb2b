// Executes a BatchedUpdatePlan: one range of keys after the other, each in a READ COMMITTED transaction
// inside the run's fence that also journals how far the step has come. Whatever ends the process, at most the
// batch under way is lost, and none is done twice. Batches grow and shrink to a target duration, wait for row
// locks only as long as the lock budget, and rest in between. One thread; the session is the caller's and has
// no transaction open.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>

#include "orchestrator/ownership.h"
#include "postgres/session.h"
#include "strategies/batched_update.h"

namespace crossfade::orchestrator {

struct BatchOptions {
  std::chrono::milliseconds target{200};  ///< how long a batch should take
  std::int64_t first_rows = 1000;         ///< of the first batch; later ones follow the target
  std::int64_t fewest_rows = 100;
  std::int64_t most_rows = 50000;
  double pause_share = 0.25;  ///< the pause behind a batch, as a share of its duration
  int lock_budget_ms = 200;   ///< per lock; never more than half of the server's deadlock_timeout
  /// How long to try again where no batch can be done, before giving up with exit 4.
  std::chrono::milliseconds patience{600'000};
};

struct BatchedUpdateContext {
  postgres::Session& session;
  const RunSessions& sessions;
  std::int64_t run;
  std::string step;  ///< names the step in the journal; one change each
  std::stop_token stop;
  /// Rows visited and, by the catalog's estimate, to be visited; after each batch.
  std::function<void(std::int64_t rows_done, std::int64_t rows_total)> progress;
  /// The reason of a wait; empty when it is over.
  std::function<void(const std::string& reason)> waiting;
  BatchOptions options = {};
};

/// Returns rows changed, those of earlier calls for the same step included. `finish` runs inside the last
/// batch's transaction, on the context's session (the step's own journal row); not again where that has been
/// committed before. Throws Failure: exit 4 on stop or out of patience, exit 5 where a row is rejected
/// ("data-rejected", the batches before it stay) or the table is not the planned one; DatabaseError
/// otherwise.
std::int64_t run_batched_update(const strategies::BatchedUpdatePlan& plan,
                                const BatchedUpdateContext& context, const std::function<void()>& finish);

}  // namespace crossfade::orchestrator
