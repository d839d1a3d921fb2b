#include "orchestrator/monitor.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "orchestrator/run_removal.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::chrono::milliseconds kShowEvery{250};
constexpr int kExchangeEvery = 3;  ///< times kShowEvery

// Counting the log is cheap while it is short; a long one is estimated from its size.
constexpr std::string_view kBacklog = R"sql(
SELECT CASE WHEN pg_catalog.pg_relation_size(c.oid) < 32 * 1024 * 1024 THEN NULL
            ELSE pg_catalog.pg_relation_size(c.oid) / 40 END AS estimate
  FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
)sql";

}  // namespace

Monitor::Monitor(const RunSessions& sessions, const Run& run, const strategies::ShadowTablePlan* plan,
                 RunProgress& progress, Reporter& reporter, std::stop_source run_stop)
    : sessions_(sessions),
      run_(run),
      plan_(plan),
      progress_(progress),
      reporter_(reporter),
      run_stop_(std::move(run_stop)),
      thread_([this](const std::stop_token& stop) { watch(stop); }) {}

Monitor::~Monitor() {
  thread_.request_stop();
  thread_.join();
  show();
}

void Monitor::show() {
  ProgressSnapshot snapshot = progress_.snapshot();
  snapshot.run = run_.run;
  snapshot.revision = run_.revision;
  snapshot.table = run_.table();
  reporter_.progress(snapshot);
}

void Monitor::watch(const std::stop_token& stop) {
  std::unique_ptr<postgres::Session> session;
  for (int tick = 0; !stop.stop_requested(); ++tick) {
    if (tick % kExchangeEvery == 0) {
      try {
        if (!session) {
          session = sessions_.open("monitor");
          // The cutover writes to the same row: it must not wait behind a slow standby's answer.
          session->run({"monitor.settings", "SET synchronous_commit = local"});
        }
        exchange(*session);
      } catch (const std::exception&) {
        session.reset();  // the run itself meets the same trouble, and says it
      }
    }
    show();
    sleep_unless_stopped(kShowEvery, stop);
  }
}

void Monitor::exchange(postgres::Session& session) {
  const std::string run = std::to_string(run_.run);
  const ProgressSnapshot now = progress_.snapshot();
  session.run(
      {"monitor.progress",
       "INSERT INTO crossfade.progress (run, rows_done, rows_total, rows_per_s, eta_s) VALUES ($1, $2, $3, "
       "$4, $5)"
       " ON CONFLICT (run) DO UPDATE SET rows_done = EXCLUDED.rows_done, rows_total = EXCLUDED.rows_total,"
       " rows_per_s = EXCLUDED.rows_per_s, eta_s = EXCLUDED.eta_s, updated_at = "
       "pg_catalog.clock_timestamp()"},
      {run, std::to_string(now.rows_done), std::to_string(now.rows_total),
       fmt::format("{:.1f}", now.rows_per_s),
       now.eta_s ? postgres::Value(fmt::format("{:.1f}", *now.eta_s)) : std::nullopt});
  if (now.waiting_for != shown_reason_) {
    session.run(
        {"monitor.reason",
         "UPDATE crossfade.runs SET reason = NULLIF($2, ''), state = CASE WHEN paused_by IS NOT NULL THEN "
         "state"
         " WHEN $2 = '' THEN 'running' ELSE 'waiting' END WHERE run = $1 AND state IN ('running', 'waiting')"
         " AND phase NOT IN ('soaking', 'reverted', 'contracted', 'aborted')"},
        {run, now.waiting_for});
    shown_reason_ = now.waiting_for;
  }
  if (plan_ != nullptr) show_backlog(session);
  const postgres::Rows rows =
      session.run({"monitor.pause",
                   "SELECT paused_by IS NOT NULL AS paused, source_fingerprint::text AS fingerprint,"
                   " phase IN ('copying', 'building', 'replaying', 'verifying', 'ready') AS capturing"
                   " FROM crossfade.runs WHERE run = $1"},
                  {run});
  if (rows.empty()) return;
  if (rows[0].boolean("paused")) {
    paused_ = true;
    run_stop_.request_stop();
  }
  if (plan_ != nullptr && rows[0].boolean("capturing") && !source_change()) watch_source(session, rows[0]);
}

void Monitor::show_backlog(postgres::Session& session) {
  const postgres::Rows log = session.run({"monitor.log_size", std::string(kBacklog)}, {plan_->log.quoted()});
  if (log.empty()) return;
  if (!log[0].is_null("estimate")) {
    progress_.set_backlog(log[0].integer("estimate"));
    return;
  }
  progress_.set_backlog(
      session.run({"monitor.backlog", "SELECT pg_catalog.count(*) AS keys FROM " + plan_->log.quoted()})
          .only()
          .integer("keys"));
}

/// A renamed or dropped key column makes every captured write of the application fail (rule 4). A long index
/// build would not notice for hours; so this does, and disarms capture at once.
void Monitor::watch_source(postgres::Session& session, const postgres::Row& run) {
  const auto expected =
      boost::json::value_to<checkers::TableFingerprint>(boost::json::parse(run.text("fingerprint")));
  auto change = checkers::compare(expected, checkers::read_fingerprint(session, plan_->source.oid));
  if (!change || change->reaction != checkers::FingerprintReaction::stop) return;
  // The swap itself moves the table; its commit and the journal's phase are one.
  const bool still_capturing =
      !session
           .run({"monitor.phase",
                 "SELECT 1 AS one FROM crossfade.runs WHERE run = $1 AND phase NOT IN ('soaking', "
                 "'contracted', 'aborted')"},
                {std::to_string(run_.run)})
           .empty();
  if (!still_capturing) return;
  disarm_capture(session, *plan_);
  {
    const std::lock_guard lock(mutex_);
    source_change_ = std::move(change);
  }
  run_stop_.request_stop();
}

std::optional<checkers::FingerprintChange> Monitor::source_change() const {
  const std::lock_guard lock(mutex_);
  return source_change_;
}

}  // namespace crossfade::orchestrator
