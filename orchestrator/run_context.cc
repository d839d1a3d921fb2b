#include "orchestrator/run_context.h"

#include <fmt/format.h>

#include <condition_variable>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

void RunProgress::start(Phase phase, std::int64_t rows_done, std::int64_t rows_total) {
  const std::lock_guard lock(mutex_);
  numbers_.phase = to_string(phase);
  numbers_.rows_done = rows_done;
  numbers_.rows_total = rows_total;
  numbers_.waiting_for.clear();
  rows_at_start_ = rows_done;
  started_ = std::chrono::steady_clock::now();
}

void RunProgress::add_rows(std::int64_t rows) {
  const std::lock_guard lock(mutex_);
  numbers_.rows_done += rows;
}

void RunProgress::set_total(std::int64_t rows) {
  const std::lock_guard lock(mutex_);
  numbers_.rows_total = rows;
}

void RunProgress::set_backlog(std::int64_t keys) {
  const std::lock_guard lock(mutex_);
  numbers_.backlog_keys = keys;
}

void RunProgress::set_waiting(std::string reason) {
  const std::lock_guard lock(mutex_);
  numbers_.waiting_for = std::move(reason);
}

ProgressSnapshot RunProgress::snapshot() const {
  const std::lock_guard lock(mutex_);
  ProgressSnapshot out = numbers_;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started_).count();
  const auto rows = static_cast<double>(out.rows_done - rows_at_start_);
  out.rows_per_s = seconds > 0.05 ? rows / seconds : 0;
  // An estimate of the total may be short; then there is no honest ETA.
  if (out.rows_per_s > 0 && out.rows_total > out.rows_done) {
    out.eta_s = static_cast<double>(out.rows_total - out.rows_done) / out.rows_per_s;
  }
  return out;
}

void RunContext::check_stop() const {
  if (!stop.stop_requested()) return;
  throw Failure(ExitCode::resumable, {.code = "stopped",
                                      .object = fmt::format("run {}", plan.run),
                                      .message = "stopped on request",
                                      .next = "Run `crossfade up` again; it goes on where it stopped."});
}

void throw_if_source_changed(const RunContext& context, postgres::Session& session) {
  const checkers::TableFingerprint found = checkers::read_fingerprint(session, context.plan.source.oid);
  if (auto change = checkers::compare(context.fingerprint, found)) throw SourceChanged{std::move(*change)};
  if (!context.plan.sentinel) return;
  const postgres::Rows alive =
      session.run({"fingerprint.sentinel", "SELECT alive FROM " + context.plan.sentinel->quoted()});
  if (alive.empty())
    throw SourceChanged{{"sentinel", checkers::FingerprintReaction::restart_copy,
                         "or the new table was emptied by a crash of the server, as UNLOGGED tables are"}};
}

bool names_nothing(const postgres::DatabaseError& error) {
  return error.sqlstate() == "42P01" || error.sqlstate() == "3F000";
}

void lock_and_check_source(const RunContext& context, postgres::Session& session,
                           const std::string& query_prefix) {
  context.check_stop();
  // Before the lock too: under the old name there may be nothing now, or another table.
  throw_if_source_changed(context, session);
  try {
    session.run({query_prefix + ".lock_source",
                 "LOCK TABLE " + context.plan.source.name.quoted() + " IN ACCESS SHARE MODE"});
  } catch (const postgres::DatabaseError& error) {
    if (!names_nothing(error)) throw;
    // The transaction has failed, so nothing more can be asked in it.
    throw SourceChanged{
        {"name", checkers::FingerprintReaction::stop, "was renamed, moved to another schema or dropped"}};
  }
  throw_if_source_changed(context, session);
}

void sleep_unless_stopped(std::chrono::milliseconds duration, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
}

}  // namespace crossfade::orchestrator
