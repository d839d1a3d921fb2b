#include "orchestrator/lock_attempts.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/run_context.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;
using std::chrono::milliseconds;

/// The first ACCESS EXCLUSIVE request assigns a transaction id, which holds vacuum back everywhere: attempts
/// stay inside one transaction no longer than this (rule 25).
constexpr milliseconds kTransactionLimit{10000};

constexpr std::string_view kLockHolders = R"sql(
SELECT a.pid, COALESCE(NULLIF(a.application_name, ''), a.backend_type, 'a session') AS who, COALESCE(a.usename, '') AS usename,
       pg_catalog.string_agg(DISTINCT l.mode, ', ') AS modes, COALESCE(a.state, '') AS state,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::int AS age_s,
       pg_catalog.bool_or(l.mode = 'ShareUpdateExclusiveLock' AND pg_catalog.age(c.relfrozenxid) >
         pg_catalog.current_setting('autovacuum_freeze_max_age')::bigint) AS wraparound
  FROM pg_catalog.pg_locks l
  JOIN pg_catalog.pg_class c ON c.oid = l.relation
  JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 CROSS JOIN (SELECT pg_catalog.regexp_replace(pg_catalog.current_setting('application_name'), '[^/]*$', '') AS prefix) own
 WHERE l.relation = pg_catalog.to_regclass($1) AND l.granted AND l.pid <> pg_catalog.pg_backend_pid()
   AND NOT (own.prefix <> '' AND pg_catalog.starts_with(a.application_name, own.prefix))
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 GROUP BY a.pid, 2, 3, a.state, a.xact_start ORDER BY age_s DESC NULLS LAST LIMIT 5
)sql";

void set_local(postgres::Session& session, const std::string& query_name, const std::string& settings) {
  session.run({query_name, settings});
}

Failure out_of_patience(postgres::Session& session, const LockWish& wish) {
  return Failure(
      ExitCode::resumable,
      {.code = "lock-not-available",
       .object = wish.relation.display(),
       .message = fmt::format("the {} lock could not be had", wish.mode),
       .expected = "a moment without conflicting locks within the lock budget",
       .found = describe_lock_holders(session, wish.relation),
       .next = "Wait for these sessions or end them, or raise --lock-budget; then run the command again."});
}

}  // namespace

std::string describe_lock_holders(postgres::Session& session, const postgres::QualifiedName& relation) {
  std::string out;
  const postgres::Rows rows = session.run({"lock.holders", std::string(kLockHolders)}, {relation.quoted()});
  for (const Row row : rows) {
    out += fmt::format("{}pid {} ({}{}{}) holds {}", out.empty() ? "" : "; ", row.text("pid"),
                       row.text("who"), row.text("usename").empty() ? "" : ", user " + row.text("usename"),
                       row.text("state").empty() ? "" : ", " + row.text("state"), row.text("modes"));
    if (!row.is_null("age_s")) out += fmt::format(" for {} s", row.text("age_s"));
    if (!row.is_null("wraparound") && row.boolean("wraparound"))
      out += " (anti-wraparound vacuum, does not yield)";
  }
  return out.empty() ? "nobody any more" : out;
}

int lock_timeout_ms(postgres::Session& session, const LockBudgets& budgets) {
  const std::int64_t deadlock_ms =
      session
          .run({"lock.deadlock_timeout",
                "SELECT setting FROM pg_catalog.pg_settings WHERE name = 'deadlock_timeout'"})
          .only()
          .integer("setting");
  return std::max(1, std::min(budgets.lock_ms, static_cast<int>(deadlock_ms / 2)));
}

void take_yielding_lock(postgres::Session& session, const LockWish& wish, milliseconds patience,
                        const std::stop_token& stop) {
  const std::stop_callback cancel(stop, [&session] { session.cancel(); });
  set_local(session, wish.query_name + ".yield_timeout",
            fmt::format("SET LOCAL lock_timeout = '{}ms'", patience.count()));
  session.run({wish.query_name + ".yield",
               "LOCK TABLE " + wish.relation.quoted() + " IN SHARE UPDATE EXCLUSIVE MODE"});
}

bool attempt_lock(postgres::Session& session, const LockWish& wish, const LockBudgets& budgets,
                  int lock_timeout) {
  session.run({wish.query_name + ".savepoint", "SAVEPOINT crossfade_attempt"});
  // One round trip: from here on the server itself ends the transaction when the deadline passes, whatever
  // becomes of us.
  try {
    // PostgreSQL 17 has one timeout for the whole transaction, which the savepoint takes back like the
    // others.
    session.run(
        {wish.query_name + ".lock",
         fmt::format(
             "SELECT pg_catalog.set_config(name, '{0}ms', true) FROM pg_catalog.pg_settings WHERE name = "
             "'transaction_timeout'; SET LOCAL lock_timeout = '{1}ms'; SET LOCAL statement_timeout = "
             "'{0}ms'; "
             "SET LOCAL idle_in_transaction_session_timeout = '{2}ms'; {3} LOCK TABLE {4} IN {5} MODE",
             budgets.lock_ms + budgets.hold_ms, wish.first.empty() ? lock_timeout : lock_timeout / 2 + 1,
             budgets.hold_ms, wish.first, wish.relation.quoted(), wish.mode)});
    return true;
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead() || !error.retryable()) throw;
    session.run({wish.query_name + ".release", "ROLLBACK TO SAVEPOINT crossfade_attempt"});
    return false;
  }
}

void with_lock(postgres::Session& session, const RunSessions& sessions, const LockWish& wish,
               const LockBudgets& budgets, int attempts, const std::stop_token& stop,
               const std::function<void(const std::string&)>& waiting, const std::function<void()>& effect) {
  const int lock_timeout = lock_timeout_ms(session, budgets);
  milliseconds pause{50};
  for (int attempt = 0; attempt < attempts && !stop.stop_requested();) {
    try {
      WorkerTransaction transaction(session, sessions, wish.query_name);
      take_yielding_lock(session, wish, kYieldingLockPatience, stop);
      const auto until = std::chrono::steady_clock::now() + kTransactionLimit;
      while (attempt < attempts && !stop.stop_requested() && std::chrono::steady_clock::now() < until) {
        ++attempt;
        if (attempt_lock(session, wish, budgets, lock_timeout)) {
          effect();
          transaction.commit();
          waiting("");
          return;
        }
        waiting(fmt::format("the {} lock on {} (attempt {}): {}", wish.mode, wish.relation.display(), attempt,
                            describe_lock_holders(session, wish.relation)));
        sleep_unless_stopped(pause, stop);
        pause = std::min(pause * 2, milliseconds(2000));
      }
      transaction.rollback();
    } catch (const postgres::DatabaseError& error) {
      if (error.cancelled() && stop.stop_requested()) break;
      if (error.connection_dead() || !error.lock_not_available()) throw;
      ++attempt;
    }
    waiting(fmt::format("the {} lock on {}: {}", wish.mode, wish.relation.display(),
                        describe_lock_holders(session, wish.relation)));
    sleep_unless_stopped(pause, stop);
  }
  throw out_of_patience(session, wish);
}

}  // namespace crossfade::orchestrator
