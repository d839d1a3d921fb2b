// How crossfade takes a strong lock on a busy table (docs/protocol.md, rule 25): first SHARE UPDATE
// EXCLUSIVE, which writers do not notice and which makes autovacuum step aside; then, under it, short
// attempts at the strong lock behind a savepoint, so that the queue behind the attempt never lasts longer
// than the lock budget. Used for capture, cutover, contract and abort alike. One thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "orchestrator/ownership.h"
#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// How long the yielding lock is waited for; an autovacuum makes way after deadlock_timeout.
inline constexpr std::chrono::milliseconds kYieldingLockPatience{15000};

struct LockBudgets {
  int lock_ms = 200;  ///< per attempt; never more than half of the server's deadlock_timeout
  int hold_ms = 500;  ///< from the first exclusive lock requested to the commit, together with lock_ms
};

struct LockWish {
  postgres::QualifiedName relation;
  std::string mode;        ///< "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"
  std::string query_name;  ///< prefix of the query names
  std::string first = {};  ///< statements that take further locks before this one; they share its lock budget
};

/// lock_timeout for one attempt: min(lock budget, deadlock_timeout / 2), so that the application is never the
/// victim of the deadlock detector on our account (rule 26).
int lock_timeout_ms(postgres::Session& session, const LockBudgets& budgets);

/// Takes the yielding lock. The transaction is open; the wait is bounded by `patience`, and cancelled on
/// `stop`. Throws DatabaseError: lock_not_available() where patience runs out, cancelled() on stop.
void take_yielding_lock(postgres::Session& session, const LockWish& wish, std::chrono::milliseconds patience,
                        const std::stop_token& stop);

/// One attempt behind the savepoint crossfade_attempt. On success the deadline's timeouts are set (SET LOCAL)
/// and the savepoint is still open; on failure everything is rolled back to it and false is returned.
bool attempt_lock(postgres::Session& session, const LockWish& wish, const LockBudgets& budgets,
                  int lock_timeout);

/// Who holds locks on the relation, for messages: pid, state, lock mode, age where visible. Sessions of the
/// asking one's own run and epoch are left out; a forgotten process's are named.
std::string describe_lock_holders(postgres::Session& session, const postgres::QualifiedName& relation);

/// Opens transactions inside the run's fence and retries with growing pauses until `effect` has run under the
/// lock and is committed. `waiting` is told the reason of each wait. Throws Failure (exit 4) after
/// `attempts`, and where the run has been taken over.
void with_lock(postgres::Session& session, const RunSessions& sessions, const LockWish& wish,
               const LockBudgets& budgets, int attempts, const std::stop_token& stop,
               const std::function<void(const std::string&)>& waiting, const std::function<void()>& effect);

}  // namespace crossfade::orchestrator
