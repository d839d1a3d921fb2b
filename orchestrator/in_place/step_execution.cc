#include "orchestrator/in_place/step_execution.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/batched_update.h"
#include "orchestrator/in_place/concurrent_build.h"
#include "orchestrator/in_place/detach_partition.h"
#include "orchestrator/in_place/planned_partitions.h"
#include "orchestrator/in_place/replaced_tables.h"
#include "orchestrator/in_place/rows_in_the_way.h"
#include "orchestrator/lock_attempts.h"
#include "orchestrator/run_execution.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using std::chrono::milliseconds;
using strategies::InPlaceStep;
using strategies::StepKind;

constexpr int kDeadlinesMissed = 3;

LockBudgets budgets(const StepContext& context) {
  return {context.options.lock_budget_ms, context.options.hold_budget_ms};
}

std::function<void(const std::string&)> waiting(const StepContext& context) {
  return [&context](const std::string& reason) { context.progress.set_waiting(reason); };
}

Failure too_slow(const StepContext& context, const postgres::QualifiedName& relation,
                 const postgres::DatabaseError& error) {
  return resumable(
      context.run, "hold-budget-exceeded",
      fmt::format("the statement takes longer under its lock{} than the budgets allow",
                  relation.name.empty() ? "" : " on " + relation.display()),
      error.report().message,
      "Raise --hold-budget at a quiet hour, then run the same command again; nothing of this step was kept.");
}

void run_validate(const StepContext& context, const InPlaceStep& step, const std::function<void()>& finish) {
  const LockWish wish{step.relation, "SHARE UPDATE EXCLUSIVE", "validate"};
  for (milliseconds pause{50};; pause = std::min(pause * 2, kLongestPause)) {
    check_stop(context);
    try {
      WorkerTransaction transaction(context.control, context.sessions, "validate");
      take_yielding_lock(context.control, wish, kYieldingLockPatience, context.stop);
      context.progress.set_waiting("");
      const std::stop_callback cancel(context.stop, [&context] { context.control.cancel(); });
      for (const std::string& sql : step.sql) context.control.run({"validate.statement", sql});
      finish();
      transaction.commit();
      return;
    } catch (const postgres::DatabaseError& error) {
      if (error.data_error()) throw_rows_in_the_way(context, step, error);
      if (error.cancelled()) check_stop(context);
      if (!another_try_may_help(error)) throw;
      context.progress.set_waiting(fmt::format("the lock on {}: {}", step.relation.display(),
                                               describe_lock_holders(context.control, step.relation)));
    }
    sleep_unless_stopped(pause, context.stop);
  }
}

void replace_tables(const StepContext& context, const InPlaceStep& step,
                    const std::function<void()>& finish) {
  const auto replaced = [&] {
    keep_replacements(context.control, context.run, step.replaced);
    finish();
  };
  run_locked(context, step.relation, step.lock, step.lock_first, step.sql, replaced,
             [&] { require_as_planned(context.control, context.run, step.replaced); });
}

void run_look(const StepContext& context, const InPlaceStep& step, const std::function<void()>& finish) {
  look_for_rows_in_the_way(context, step);
  run_plain(context, {}, finish);
}

BatchOptions batch_options(const RunOptions& options) {
  BatchOptions out{.target = milliseconds(options.batch_ms),
                   .most_rows = options.batch_rows,
                   .pause_share = options.batch_pause_percent / 100.0,
                   .lock_budget_ms = options.lock_budget_ms};
  out.first_rows = std::min(out.first_rows, out.most_rows);
  out.fewest_rows = std::min(out.fewest_rows, out.most_rows);
  return out;
}

bool partition_is_gone(const StepContext& context, const InPlaceStep& step) {
  return step.batched->partition &&
         context.control
             .run({"batch.partition",
                   "SELECT 1 AS one FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid"},
                  {std::to_string(step.batched->table_oid)})
             .empty();
}

void change_in_batches(const StepContext& context, const InPlaceStep& step,
                       const std::function<void()>& finish) {
  context.progress.start(Phase::copying, 0, step.batched->estimated_rows);
  std::int64_t shown = 0;
  run_batched_update(*step.batched,
                     {.session = context.control,
                      .sessions = context.sessions,
                      .run = context.run.run,
                      .step = step.name,
                      .stop = context.stop,
                      .progress =
                          [&](std::int64_t done, std::int64_t total) {
                            context.progress.add_rows(done - shown);
                            context.progress.set_total(total);
                            shown = done;
                          },
                      .waiting = waiting(context),
                      .options = batch_options(context.options)},
                     finish);
  context.progress.start(Phase::expanding, 0, 0);
}

/// Of a partition that somebody has dropped no row is left to be changed.
void run_batches(const StepContext& context, const InPlaceStep& step, const std::function<void()>& finish) {
  if (partition_is_gone(context, step)) return run_plain(context, {}, finish);
  try {
    change_in_batches(context, step, finish);
  } catch (const Failure&) {
    if (!partition_is_gone(context, step)) throw;
    run_plain(context, {}, finish);
  }
}

/// `bounded`: rolled back where it takes longer than both budgets.
void run_in_transaction(const StepContext& context, const std::vector<std::string>& sql, bool bounded,
                        const std::function<void()>& finish) {
  int missed = 0;
  for (milliseconds pause{50};; pause = std::min(pause * 2, kLongestPause)) {
    check_stop(context);
    try {
      WorkerTransaction transaction(context.control, context.sessions, "plain");
      context.control.run(
          {"plain.lock_timeout", fmt::format("SET LOCAL lock_timeout = '{}ms'",
                                             lock_timeout_ms(context.control, budgets(context)))});
      if (bounded) {
        context.control.run(
            {"plain.deadline", fmt::format("SET LOCAL statement_timeout = '{}ms'",
                                           context.options.lock_budget_ms + context.options.hold_budget_ms)});
      }
      const std::stop_callback cancel(context.stop, [&context] { context.control.cancel(); });
      for (const std::string& statement : sql) context.control.run({"plain.statement", statement});
      finish();
      transaction.commit();
      context.progress.set_waiting("");
      return;
    } catch (const postgres::DatabaseError& error) {
      if (error.cancelled()) check_stop(context);
      if (error.cancelled() && bounded && ++missed == kDeadlinesMissed) throw too_slow(context, {}, error);
      if (!another_try_may_help(error) && !(error.cancelled() && bounded)) throw;
      context.progress.set_waiting("a lock that the statement needs: " + error.report().message);
    }
    sleep_unless_stopped(pause, context.stop);
  }
}

}  // namespace

void run_plain(const StepContext& context, const std::vector<std::string>& sql,
               const std::function<void()>& finish) {
  run_in_transaction(context, sql, false, finish);
}

void run_locked(const StepContext& context, const postgres::QualifiedName& relation, const std::string& mode,
                const std::string& lock_first, const std::vector<std::string>& sql,
                const std::function<void()>& finish, const std::function<void()>& check) {
  if (relation.name.empty()) return run_plain(context, sql, finish);
  for (int missed = 1;; ++missed) {
    try {
      with_lock(context.control, context.sessions, {relation, mode, "in_place", lock_first}, budgets(context),
                context.options.cutover_attempts, context.stop, waiting(context), [&] {
                  if (check) check();
                  for (const std::string& statement : sql)
                    context.control.run({"in_place.statement", statement});
                  finish();
                });
      return;
    } catch (const postgres::DatabaseError& error) {
      check_stop(context);
      // The server has ended the statement at the deadline; a busy moment passes, a long scan does not.
      if (!error.cancelled()) throw;
      if (missed == kDeadlinesMissed) throw too_slow(context, relation, error);
      sleep_unless_stopped(kLongestPause, context.stop);
    }
  }
}

bool another_try_may_help(const postgres::DatabaseError& error) {
  return !error.connection_dead() &&
         (error.lock_not_available() || error.sqlstate() == "40P01" || error.sqlstate() == "40001");
}

void check_stop(const StepContext& context) {
  if (!context.stop.stop_requested()) return;
  throw resumable(context.run, "stopped", "stopped on request", "",
                  "Run `crossfade up` again; it goes on where it stopped.");
}

void carry_out(const StepContext& context, const InPlaceStep& step, const std::function<void()>& finish) {
  check_stop(context);
  switch (step.kind) {
    case StepKind::locked:
      if (!step.replaced.empty()) return replace_tables(context, step, finish);
      return run_locked(context, step.relation, step.lock, step.lock_first, step.sql, finish, [&] {
        if (step.on_partitions) require_planned_partitions(context.control, context.run, step);
      });
    case StepKind::plain:
      return run_in_transaction(context, step.sql, step.bounded, finish);
    case StepKind::autocommit:
      run_outside_transaction(context, step);
      return run_plain(context, {}, finish);
    case StepKind::detach:
      detach_partition(context, step);
      return run_plain(context, {}, finish);
    case StepKind::index:
      build_index_concurrently(context, step);
      return run_plain(context, {}, finish);
    case StepKind::validate:
      return run_validate(context, step, finish);
    case StepKind::look:
      return run_look(context, step, finish);
    case StepKind::batched:
      return run_batches(context, step, finish);
  }
}

}  // namespace crossfade::orchestrator
