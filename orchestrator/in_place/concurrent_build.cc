#include "orchestrator/in_place/concurrent_build.h"

#include <fmt/format.h>

#include <thread>

#include "orchestrator/in_place/rows_in_the_way.h"
#include "orchestrator/run_execution.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::QualifiedName;
using std::chrono::milliseconds;

constexpr milliseconds kLook{500};

constexpr std::string_view kIndexState = R"sql(
SELECT i.indisvalid AND i.indisready AS valid
  FROM pg_catalog.pg_index i
 WHERE i.indexrelid = pg_catalog.to_regclass($1) AND i.indrelid = pg_catalog.to_regclass($2)
)sql";

// A build tells how far it is, and whom it waits for.
constexpr std::string_view kBuildProgress = R"sql(
SELECT p.phase, p.tuples_done, p.tuples_total, p.lockers_total, p.lockers_done, p.current_locker_pid AS locker,
       COALESCE(NULLIF(a.application_name, ''), 'a session') AS who, COALESCE(a.usename, '') AS usename, COALESCE(a.state, '') AS state,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::int AS age_s
  FROM pg_catalog.pg_stat_progress_create_index p
  LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = p.current_locker_pid
 WHERE p.pid = $1::int
)sql";

constexpr std::string_view kReindexLeftOvers = R"sql(
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE i.indrelid = pg_catalog.to_regclass($1) AND NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$'
)sql";

/// Shows, from a session of its own, what the builder's session is doing.
class BuildWatch {
 public:
  BuildWatch(const StepContext& context, int builder)
      : context_(context), builder_(builder), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

 private:
  void watch(const std::stop_token& stop) {
    try {
      const auto session = context_.sessions.open("watch build");
      while (!stop.stop_requested()) {
        const postgres::Rows rows =
            session->run({"build.progress", std::string(kBuildProgress)}, {std::to_string(builder_)});
        if (!rows.empty()) show(rows[0]);
        sleep_unless_stopped(kLook, stop);
      }
    } catch (const postgres::DatabaseError&) {
      // Only the view of it is lost; the build meets the same trouble and says it.
    } catch (const Failure&) {
    }
  }

  void show(const postgres::Row& row) {
    if (!row.is_null("locker") && row.integer("locker") != 0) {
      context_.progress.set_waiting(fmt::format(
          "transactions that are older than the index build: pid {} ({}{}{}){}", row.text("locker"),
          row.text("who"), row.text("usename").empty() ? "" : ", user " + row.text("usename"),
          row.text("state").empty() ? "" : ", " + row.text("state"),
          row.is_null("age_s") ? "" : fmt::format(" for {} s", row.text("age_s"))));
      return;
    }
    context_.progress.set_waiting("");
    const std::int64_t done = row.is_null("tuples_done") ? 0 : row.integer("tuples_done");
    context_.progress.set_total(row.is_null("tuples_total") ? 0 : row.integer("tuples_total"));
    if (done < shown_) shown_ = 0;  // another phase counts anew
    context_.progress.add_rows(done - shown_);
    shown_ = done;
  }

  const StepContext& context_;
  int builder_;
  std::int64_t shown_ = 0;
  std::jthread thread_;
};

/// A session without a lock timeout: a concurrent build waits for older transactions, and a timeout would
/// only leave an invalid index behind.
std::unique_ptr<postgres::Session> open_builder(const StepContext& context) {
  auto session = context.sessions.open("build");
  session->run({"build.settings", "SET lock_timeout = 0; SET statement_timeout = 0"});
  return session;
}

/// An index of this name on another table is none of ours.
bool clear(postgres::Session& session, const QualifiedName& index, const QualifiedName& table) {
  const postgres::Rows rows =
      session.run({"build.index_state", std::string(kIndexState)}, {index.quoted(), table.quoted()});
  if (rows.empty()) return false;
  if (rows[0].boolean("valid")) return true;
  session.run({"build.drop_invalid", "DROP INDEX CONCURRENTLY IF EXISTS " + index.quoted()});
  return false;
}

void drop_left_over(const StepContext& context, const QualifiedName& index,
                    const QualifiedName& table) noexcept {
  try {
    clear(*open_builder(context), index, table);
  } catch (...) {
    // The next attempt clears it.
  }
}

void clean_up_before(postgres::Session& session, const strategies::InPlaceStep& step) {
  if (step.hazard != "43" || step.relation.name.empty()) return;
  const postgres::Rows rows =
      session.run({"build.reindex_left_overs", std::string(kReindexLeftOvers)}, {step.relation.quoted()});
  for (const postgres::Row row : rows) {
    session.run({"build.drop_left_over", "DROP INDEX CONCURRENTLY IF EXISTS " +
                                             QualifiedName{row.text("schema"), row.text("name")}.quoted()});
  }
}

}  // namespace

bool clear_invalid_index(postgres::Session& session, const QualifiedName& index, const QualifiedName& table) {
  return clear(session, index, table);
}

void build_index_concurrently(const StepContext& context, const strategies::InPlaceStep& step) {
  const QualifiedName index{step.relation.schema, step.index};
  const auto session = open_builder(context);
  const std::stop_callback cancel(context.stop, [&session] { session->cancel(); });
  context.progress.start(Phase::expanding, 0, 0);
  try {
    const BuildWatch watch(context, session->backend_pid());
    if (!clear(*session, index, step.relation)) {
      for (const std::string& sql : step.sql) session->run({"build.index", sql});
    }
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    drop_left_over(context, index, step.relation);
    if (error.data_error()) throw_rows_in_the_way(context, step, error);
    check_stop(context);
    throw;
  }
  context.progress.set_waiting("");
}

void run_outside_transaction(const StepContext& context, const strategies::InPlaceStep& step) {
  const auto session = open_builder(context);
  const std::stop_callback cancel(context.stop, [&session] { session->cancel(); });
  try {
    const BuildWatch watch(context, session->backend_pid());
    clean_up_before(*session, step);
    for (const std::string& sql : step.sql) session->run({"build.statement", sql});
  } catch (const postgres::DatabaseError& error) {
    if (!error.connection_dead()) check_stop(context);
    throw;
  }
}

}  // namespace crossfade::orchestrator
