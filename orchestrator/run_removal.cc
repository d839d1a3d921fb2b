#include "orchestrator/run_removal.h"

#include <fmt/format.h>

#include "orchestrator/carried_objects.h"
#include "orchestrator/lock_attempts.h"
#include "postgres/error.h"
#include "strategies/capture_statements.h"
#include "strategies/shadow_table.h"
#include "strategies/table_tree.h"

namespace crossfade::orchestrator {

namespace {

constexpr int kAttempts = 200;

bool exists(postgres::Session& session, const std::string& query_name, const std::string& function,
            const std::string& name) {
  return !session.run({query_name, fmt::format("SELECT pg_catalog.{}($1) AS found", function)}, {name})
              .only()
              .is_null("found");
}

/// The plan with the source under the name that it has now: somebody may have renamed or moved it during the
/// run.
strategies::ShadowTablePlan plan_with_current_name(RunContext& context) {
  strategies::ShadowTablePlan plan = context.plan;
  if (const auto source = postgres::load_table(context.control, plan.source.oid))
    plan.source.name = source->name;
  plan.source_partitions.clear();
  for (const postgres::Table& partition : context.plan.source_partitions) {
    // Gone with its triggers, where it is.
    if (auto live = postgres::load_table(context.control, partition.oid))
      plan.source_partitions.push_back(std::move(*live));
  }
  return plan;
}

bool has_triggers(RunContext& context) {
  std::vector<std::string> tables;
  for (const std::uint32_t oid : strategies::source_oids(context.plan)) tables.push_back(std::to_string(oid));
  return !context.control
              .run({"remove.triggers_left",
                    "SELECT 1 AS one FROM pg_catalog.pg_trigger WHERE tgrelid = ANY ($1::pg_catalog.oid[]) "
                    "AND tgname LIKE $2 LIMIT 1"},
                   {postgres::array_literal(tables), fmt::format("crossfade\\_{}\\_%", context.run())})
              .empty();
}

/// Capture off and everything of the run dropped; `journal` is written in the same transaction.
void discard(RunContext& context, const std::function<void()>& journal) {
  const auto drop_everything = [&] {
    drop_bound_objects(context.control, context.plan.shadow, context.run());
    for (const std::string& statement : strategies::discard_statements(context.plan)) {
      context.control.run({"remove.discard", statement});
    }
    journal();
  };
  if (!exists(context.control, "remove.schema_left", "to_regnamespace",
              postgres::quote_identifier(context.plan.run_schema))) {
    WorkerTransaction transaction(context.control, context.sessions, "remove");
    journal();
    transaction.commit();
    return;
  }
  if (has_triggers(context)) {
    disarm_capture(context.control, context.plan);
    const strategies::ShadowTablePlan plan = plan_with_current_name(context);
    with_lock(
        context.control, context.sessions, {plan.source.name, "ACCESS EXCLUSIVE", "remove.capture"},
        {context.options.lock_budget_ms, context.options.hold_budget_ms}, kAttempts, context.stop,
        [&](const std::string& reason) { context.progress.set_waiting(reason); },
        [&] {
          for (const std::string& statement : strategies::drop_trigger_statements(plan)) {
            context.control.run({"remove.drop_trigger", statement});
          }
        });
  }
  WorkerTransaction transaction(context.control, context.sessions, "remove");
  drop_everything();
  transaction.commit();
}

}  // namespace

void disarm_capture(postgres::Session& session, const strategies::ShadowTablePlan& plan) {
  for (const std::string& statement : strategies::disarm_statements(plan)) {
    try {
      session.run({"remove.disarm", statement});
    } catch (const postgres::DatabaseError& error) {
      // "tuple concurrently updated": the monitor has done the same at the same moment.
      if (error.connection_dead() || error.sqlstate() != "XX000") throw;
      session.run({"remove.disarm", statement});
    }
  }
}

void contract_run(RunContext& context) {
  const postgres::QualifiedName old{context.plan.old_schema, context.plan.source.name.name};
  const auto drop_old = [&] {
    drop_bound_objects(context.control, old, context.run());
    for (const std::string& statement : strategies::contract_statements(context.plan)) {
      context.control.run({"contract.drop", statement});
    }
    context.journal.advance(context.run(), Phase::soaking, Phase::contracted);
  };
  if (!exists(context.control, "contract.old_left", "to_regclass", old.quoted())) {
    WorkerTransaction transaction(context.control, context.sessions, "contract");
    drop_old();
    transaction.commit();
    return;
  }
  // Nobody but the guard's victims touches the old table, so the budgets only matter to a forgotten reader of
  // it.
  with_lock(
      context.control, context.sessions, {old, "ACCESS EXCLUSIVE", "contract"},
      {context.options.lock_budget_ms, 30000}, kAttempts, context.stop,
      [&](const std::string& reason) { context.progress.set_waiting(reason); }, drop_old);
}

void abort_run(RunContext& context, Phase from) {
  discard(context, [&] { context.journal.advance(context.run(), from, Phase::aborted); });
}

void restart_run(RunContext& context, Phase from, const std::string& reason) {
  context.reporter.note(
      fmt::format("{} {}; the copy starts over", context.plan.source.name.display(), reason));
  discard(context, [&] {
    context.journal.forget_steps(context.run());
    if (from != Phase::planned) context.journal.advance(context.run(), from, Phase::planned);
    context.journal.event(context.run(), "restart", {{"reason", reason}});
  });
}

}  // namespace crossfade::orchestrator
