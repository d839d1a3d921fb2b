#include "orchestrator/in_place/detach_partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "orchestrator/lock_attempts.h"
#include "orchestrator/run_execution.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::QualifiedName;
using std::chrono::milliseconds;

constexpr std::string_view kDetachState = R"sql(
SELECT p.nspname AS schema, c.relname AS name, i.inhdetachpending AS pending
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhparent JOIN pg_catalog.pg_namespace p ON p.oid = c.relnamespace
 WHERE i.inhrelid = pg_catalog.to_regclass($1)
)sql";

struct Attachment {
  QualifiedName parent;
  bool pending = false;  ///< the first half of a detachment is done
};

std::optional<Attachment> attachment(postgres::Session& session, const QualifiedName& partition) {
  const postgres::Rows rows = session.run({"detach.state", std::string(kDetachState)}, {partition.quoted()});
  if (rows.empty()) return std::nullopt;
  return Attachment{{rows[0].text("schema"), rows[0].text("name")}, rows[0].boolean("pending")};
}

/// An autovacuum makes way for this request, which nobody who reads or writes notices; it would not make way
/// within the lock budget.
void send_autovacuum_away(const StepContext& context, postgres::Session& session,
                          const QualifiedName& partition) {
  const LockWish wish{partition, "SHARE UPDATE EXCLUSIVE", "detach"};
  WorkerTransaction transaction(session, context.sessions, "detach");
  take_yielding_lock(session, wish, kYieldingLockPatience, context.stop);
  transaction.commit();
}

void take_next_half(postgres::Session& session, const strategies::InPlaceStep& step, const Attachment& now) {
  if (now.pending) {
    session.run({"detach.finalize", fmt::format("ALTER TABLE {} DETACH PARTITION {} FINALIZE",
                                                now.parent.quoted(), step.relation.quoted())});
    return;
  }
  for (const std::string& sql : step.sql) session.run({"detach.statement", sql});
}

}  // namespace

void detach_partition(const StepContext& context, const strategies::InPlaceStep& step) {
  const auto session = context.sessions.open("detach");
  const std::stop_callback cancel(context.stop, [&session] { session->cancel(); });
  const LockBudgets budgets{context.options.lock_budget_ms, context.options.hold_budget_ms};
  session->run(
      {"detach.lock_timeout", fmt::format("SET lock_timeout = '{}ms'", lock_timeout_ms(*session, budgets))});
  milliseconds pause{50};
  while (const auto now = attachment(*session, step.relation)) {
    check_stop(context);
    try {
      send_autovacuum_away(context, *session, step.relation);
      take_next_half(*session, step, *now);
    } catch (const postgres::DatabaseError& error) {
      if (error.cancelled()) check_stop(context);
      if (!another_try_may_help(error)) throw;
      context.progress.set_waiting(fmt::format("older transactions on {}: {}", now->parent.display(),
                                               describe_lock_holders(*session, now->parent)));
      sleep_unless_stopped(pause, context.stop);
      pause = std::min(pause * 2, kLongestPause);
    }
  }
  context.progress.set_waiting("");
}

}  // namespace crossfade::orchestrator
