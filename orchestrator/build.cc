#include "orchestrator/build.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "orchestrator/workers.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "strategies/grants.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

using strategies::IndexBuild;

/// The lock first, then the snapshot: no chunk of a forgotten process can commit after what the purge sees
/// (rule 11).
void purge(RunContext& context, postgres::Session& session) {
  if (context.journal.step_finished(context.run(), "purge")) return;
  WorkerTransaction transaction(session, context.sessions, "purge");
  lock_and_check_source(context, session, "purge");
  session.run({"purge.lock", "LOCK TABLE " + context.plan.shadow.quoted() + " IN SHARE ROW EXCLUSIVE MODE"});
  // One pass with a hash of the log; there is no index yet. Compiling the query would take longer than an
  // empty log does.
  session.run({"purge.plan", "SET LOCAL enable_nestloop = off; SET LOCAL jit = off"});
  const postgres::Rows purged = session.run(
      {"purge.delete",
       fmt::format("DELETE FROM {} AS s USING (SELECT DISTINCT {} FROM {}) AS k WHERE {}",
                   context.plan.shadow.quoted(), strategies::log_key_columns(context.plan),
                   context.plan.log.quoted(), strategies::shadow_matches_key(context.plan, "s", "k"))});
  Journal journal(session);
  journal.finish_step(context.run(), "purge");
  journal.event(context.run(), "purged", {{"rows", purged.affected()}});
  transaction.commit();
}

[[noreturn]] void refuse_duplicates(const RunContext& context, const IndexBuild& index,
                                    const postgres::DatabaseError& error) {
  throw Failure(
      ExitCode::refused,
      {.code = "data-rejected",
       .object = context.plan.source.name.display(),
       .message = fmt::format("the unique index {} cannot be built: there are duplicates", index.name),
       .expected = "no two rows with the same key under the new table's constraints",
       .found = error.report().message + (error.report().detail.empty() ? "" : "; " + error.report().detail),
       .next = fmt::format("Remove the duplicates and run `crossfade up` again, or `crossfade abort {}` "
                           "and change the migration.",
                           context.run())});
}

/// Mended in the live table a duplicate is in the log, but the copy of it still stands in the shadow: another
/// purge takes it out before the index is tried again.
void purge_again(const RunContext& context, postgres::Session& session) {
  WorkerTransaction transaction(session, context.sessions, "purge_again");
  Journal(session).forget_step(context.run(), "purge");
  transaction.commit();
}

std::string index_step(const IndexBuild& index) {
  return "build index " + index.name;
}

void build_index(const RunContext& context, postgres::Session& session, const IndexBuild& index) {
  WorkerTransaction transaction(session, context.sessions, "index");
  if (!index.tablespace.empty()) {
    session.run(
        {"index.tablespace", "SET LOCAL default_tablespace = " + postgres::quote_literal(index.tablespace)});
  }
  try {
    session.run({"index.build", index.sql});
  } catch (const postgres::DatabaseError& error) {
    if (!error.data_error()) throw;
    transaction.rollback();
    purge_again(context, session);
    refuse_duplicates(context, index, error);
  }
  Journal(session).finish_step(context.run(), index_step(index));
  transaction.commit();
}

void build_indexes(RunContext& context) {
  std::vector<IndexBuild> wanted;
  for (const IndexBuild& index : context.plan.indexes) {
    if (!context.journal.step_finished(context.run(), index_step(index))) wanted.push_back(index);
  }
  std::atomic<std::size_t> next{0};
  const int workers = std::min<int>(context.options.build_workers, static_cast<int>(wanted.size()));
  if (workers == 0) return;
  run_on_workers(workers, context.stop, [&](int number, const std::stop_token& stop) {
    const auto session = context.sessions.open(fmt::format("index {}", number));
    const std::stop_callback cancel(stop, [&session] { session->cancel(); });
    for (std::size_t index = next++; index < wanted.size() && !stop.stop_requested(); index = next++) {
      build_index(context, *session, wanted[index]);
    }
  });
  context.check_stop();
}

void finish(RunContext& context, postgres::Session& session) {
  if (context.journal.step_finished(context.run(), "finish")) return;
  WorkerTransaction transaction(session, context.sessions, "finish");
  for (const std::string& statement : context.plan.finish) session.run({"finish.statement", statement});
  Journal(session).finish_step(context.run(), "finish");
  transaction.commit();
}

void vacuum(RunContext& context, postgres::Session& session) {
  if (context.journal.step_finished(context.run(), "vacuum")) return;
  session.run({"vacuum.shadow", "VACUUM (ANALYZE) " + context.plan.shadow.quoted()});
  context.journal.finish_step(context.run(), "vacuum");
}

}  // namespace

void build_shadow(RunContext& context) {
  const auto session = context.sessions.open("build");
  const std::stop_callback cancel(context.stop, [&session] { session->cancel(); });
  try {
    purge(context, *session);
    build_indexes(context);
    finish(context, *session);
    vacuum(context, *session);
  } catch (const postgres::DatabaseError& error) {
    if (error.cancelled()) context.check_stop();
    throw;
  }
}

}  // namespace crossfade::orchestrator
