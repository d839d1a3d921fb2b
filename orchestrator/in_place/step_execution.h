// Carries out one step of a change in place and journals it: in the effect's own transaction wherever
// PostgreSQL allows that; a step that cannot be in a transaction may be repeated. One thread; the control
// session has no transaction open.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/run_context.h"
#include "postgres/error.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct StepContext {
  const Run& run;
  const RunSessions& sessions;
  const RunOptions& options;
  postgres::Session& control;
  RunProgress& progress;
  std::stop_token stop;
};

/// `finish` writes the journal in the open transaction of the control session. Throws Failure: exit 4 out of
/// patience or stopped; exit 5 where rows are in the way, which it names; DatabaseError.
void carry_out(const StepContext& context, const strategies::InPlaceStep& step,
               const std::function<void()>& finish);

/// Statements of a step under its relation's lock, by short attempts, as carry_out does for locked steps; for
/// undoing and for contract; `check` comes first in each attempt, and may throw. `relation` without a name:
/// in one transaction, under the lock budget.
void run_locked(const StepContext& context, const postgres::QualifiedName& relation, const std::string& mode,
                const std::string& lock_first, const std::vector<std::string>& sql,
                const std::function<void()>& finish, const std::function<void()>& check = {});

/// In one transaction, without a lock of its own.
void run_plain(const StepContext& context, const std::vector<std::string>& sql,
               const std::function<void()>& finish);

/// The longest pause between two tries.
inline constexpr std::chrono::milliseconds kLongestPause{2000};

/// A lock was not to be had, or another transaction was in the way.
bool another_try_may_help(const postgres::DatabaseError& error);

/// Throws Failure (exit 4) where the operator asked to stop.
void check_stop(const StepContext& context);

}  // namespace crossfade::orchestrator
