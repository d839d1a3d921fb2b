#include "orchestrator/expand.h"

#include <boost/json.hpp>

#include "orchestrator/lock_attempts.h"
#include "orchestrator/source_drift.h"
#include "strategies/table_tree.h"

namespace crossfade::orchestrator {

namespace {

constexpr int kCaptureAttempts = 200;

/// Between the plan and this lock the table may have got a column, or another table its name (rule 5).
void require_planned_shape(const RunContext& context) {
  const auto found = checkers::read_fingerprint(context.control, context.plan.source.oid);
  auto change = checkers::compare(context.fingerprint, found);
  if (change && change->reaction == checkers::FingerprintReaction::stop)
    throw SourceChanged{std::move(*change)};
}

}  // namespace

void create_shadow(RunContext& context) {
  if (context.journal.step_finished(context.run(), "create shadow")) return;
  WorkerTransaction transaction(context.control, context.sessions, "expand.create");
  for (const std::string& statement : context.plan.create)
    context.control.run({"expand.create.statement", statement});
  for (const std::string& statement : context.plan.set_aside)
    context.control.run({"expand.set_aside", statement});
  context.journal.finish_step(context.run(), "create shadow");
  transaction.commit();
}

void switch_capture_on(RunContext& context) {
  if (context.journal.step_finished(context.run(), "switch capture on")) return;
  // Again, because a restart or a long pause may lie between the plan and now: what hangs on the table must
  // be known.
  refuse_new_dependents(context, context.control);
  with_lock(
      context.control, context.sessions, {context.plan.source.name, "SHARE ROW EXCLUSIVE", "capture"},
      {context.options.lock_budget_ms, context.options.hold_budget_ms}, kCaptureAttempts, context.stop,
      [&](const std::string& reason) { context.progress.set_waiting(reason); },
      [&] {
        require_planned_shape(context);
        for (const std::string& statement : context.plan.capture)
          context.control.run({"capture.statement", statement});
        context.fingerprint = checkers::read_fingerprint(context.control, context.plan.source.oid);
        context.journal.save_fingerprint(context.run(), boost::json::value_from(context.fingerprint));
        context.journal.finish_step(context.run(), "switch capture on");
      });
}

void list_chunks(RunContext& context) {
  WorkerTransaction transaction(context.control, context.sessions, "expand.chunks");
  for (const postgres::Table* table : strategies::source_leaves(context.plan)) {
    const std::int64_t pages = context.control
                                   .run({"expand.pages",
                                         "SELECT pg_catalog.pg_relation_size($1::pg_catalog.oid) / "
                                         "pg_catalog.current_setting('block_size')::bigint AS pages"},
                                        {std::to_string(table->oid)})
                                   .only()
                                   .integer("pages");
    context.journal.list_chunks(context.run(), table->oid, pages, context.options.pages_per_chunk);
  }
  context.journal.advance(context.run(), Phase::expanding, Phase::copying);
  transaction.commit();
}

}  // namespace crossfade::orchestrator
