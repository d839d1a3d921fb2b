#include "orchestrator/journal.h"

#include <fmt/format.h>

#include <stdexcept>

#include "orchestrator/ownership.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;
using postgres::Rows;

// The owner is whoever holds the table's advisory lock at this moment: a live session, not a clock.
constexpr std::string_view kLoadRuns = R"sql(
SELECT r.run, r.revision, r.file_fingerprint, r.table_schema, r.table_name, r.table_oid::bigint AS table_oid, r.strategy,
       r.phase, r.state, r.reason, r.paused_by, r.paused_at::text AS paused_at, r.postponed, r.waits, r.epoch,
       CASE WHEN l.pid IS NOT NULL THEN r.owner_pid END AS owner_pid, r.owner_host, r.owner_since::text AS owner_since,
       r.system_identifier, r.session_settings::text AS session_settings, r.plan::text AS plan,
       r.source_fingerprint::text AS source_fingerprint, COALESCE(r.rows_total, 0) AS rows_total,
       (SELECT COALESCE(pg_catalog.sum(c.rows), 0) FROM crossfade.chunks c WHERE c.run = r.run) AS rows_copied, r.keys_replayed,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - r.verified_at) AS verified_age_s,
       r.direction, r.completes, r.completion::text AS completion, r.completion_back::text AS completion_back, r.statements::text AS statements, r.verification::text AS verification, r.cutover_attempts, r.cutover::text AS cutover, r.carried::text AS carried, r.milliseconds::text AS milliseconds
  FROM crossfade.runs r
  LEFT JOIN pg_catalog.pg_locks l ON l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
        AND (l.classid = $1::pg_catalog.oid AND l.objid = r.table_oid
             OR l.classid = $2::pg_catalog.oid AND l.objid = r.run::pg_catalog.oid AND r.table_oid IS NULL)
        AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
)sql";

boost::json::value parsed(const Row& row, std::string_view column) {
  return row.is_null(column) ? boost::json::value() : boost::json::parse(row.text(column));
}

Run run_from(const Row& row) {
  Run run;
  run.run = row.integer("run");
  run.revision = row.text("revision");
  run.file_fingerprint = row.text("file_fingerprint");
  if (!row.is_null("table_oid")) {
    run.table_schema = row.text("table_schema");
    run.table_name = row.text("table_name");
    run.table_oid = static_cast<std::uint32_t>(row.integer("table_oid"));
  }
  run.end.completes = row.boolean("completes");
  run.end.direction =
      row.text("direction") == "down" ? migrations::Direction::down : migrations::Direction::up;
  run.end.completion =
      boost::json::value_to<std::vector<std::string>>(boost::json::parse(row.text("completion")));
  run.end.completion_back =
      boost::json::value_to<std::vector<std::string>>(boost::json::parse(row.text("completion_back")));
  run.end.statements = boost::json::value_to<std::vector<strategies::NumberedStatement>>(
      boost::json::parse(row.text("statements")));
  run.strategy = row.text("strategy");
  run.phase = phase_from(row.text("phase"));
  run.state = state_from(row.text("state"));
  run.reason = row.text_or("reason", "");
  run.paused_by = row.text_or("paused_by", "");
  run.paused_at = row.text_or("paused_at", "");
  run.postponed = row.boolean("postponed");
  run.waits = row.boolean("waits");
  run.epoch = row.text_or("epoch", "");
  if (!row.is_null("owner_pid")) {
    run.owner = Owner{static_cast<int>(row.integer("owner_pid")), row.text_or("owner_host", ""),
                      row.text_or("owner_since", "")};
  }
  run.system_identifier = row.text("system_identifier");
  run.session_settings = boost::json::parse(row.text("session_settings")).as_object();
  run.plan = parsed(row, "plan");
  run.source_fingerprint = parsed(row, "source_fingerprint");
  run.rows_total = row.integer("rows_total");
  run.rows_copied = row.integer("rows_copied");
  run.keys_replayed = row.integer("keys_replayed");
  if (!row.is_null("verified_age_s")) run.verified_age_s = row.real("verified_age_s");
  run.verification = parsed(row, "verification");
  run.cutover_attempts = static_cast<int>(row.integer("cutover_attempts"));
  run.cutover = parsed(row, "cutover");
  run.carried = parsed(row, "carried");
  run.milliseconds = boost::json::parse(row.text("milliseconds")).as_object();
  return run;
}

postgres::Value or_null(const std::string& text) {
  return text.empty() ? postgres::Value() : text;
}

std::string to_text(migrations::Direction direction) {
  return direction == migrations::Direction::down ? "down" : "up";
}

postgres::Value json_text(const boost::json::value& value) {
  return value.is_null() ? postgres::Value() : boost::json::serialize(value);
}

}  // namespace

std::string Run::display() const {
  return table_name.empty() ? fmt::format("run {} of revision {}", run, revision)
                            : fmt::format("run {} of {}", run, table());
}

std::int64_t Journal::create_run(const Run& run) {
  const Rows rows = session_.run(
      {"journal.create_run",
       "INSERT INTO crossfade.runs (revision, file_fingerprint, table_schema, "
       "table_name, table_oid, strategy, phase, state,"
       " postponed, system_identifier, session_settings, direction, completes, completion, completion_back)"
       " VALUES ($1, $2, $3, $4, $5::oid, $6, 'planned', 'running', $7::boolean,"
       " $8, $9::jsonb, $10, $11::boolean, $12::jsonb, $13::jsonb) RETURNING run"},
      {run.revision, run.file_fingerprint, or_null(run.table_schema), or_null(run.table_name),
       run.table_oid == 0 ? postgres::Value() : std::to_string(run.table_oid), run.strategy,
       run.postponed ? "t" : "f", run.system_identifier, boost::json::serialize(run.session_settings),
       to_text(run.end.direction), run.end.completes ? "t" : "f",
       boost::json::serialize(boost::json::value_from(run.end.completion)),
       boost::json::serialize(boost::json::value_from(run.end.completion_back))});
  return rows.only().integer("run");
}

std::vector<Run> Journal::load_where(const std::string& name, const std::string& condition,
                                     const postgres::Parameters& parameters) {
  postgres::Parameters all = {std::to_string(kTableLockClass), std::to_string(kRunOwnerLockClass)};
  all.insert(all.end(), parameters.begin(), parameters.end());
  std::vector<Run> out;
  const Rows rows = session_.run({name, std::string(kLoadRuns) + condition + " ORDER BY r.run"}, all);
  for (const Row row : rows) out.push_back(run_from(row));
  return out;
}

std::optional<Run> Journal::load(std::int64_t run) {
  std::vector<Run> runs = load_where("journal.load_run", " WHERE r.run = $3", {std::to_string(run)});
  if (runs.empty()) return std::nullopt;
  return std::move(runs.front());
}

std::vector<Run> Journal::all_runs() {
  return load_where("journal.all_runs", "", {});
}

std::vector<Run> Journal::open_runs() {
  return load_where("journal.open_runs", " WHERE r.phase NOT IN ('contracted', 'reverted', 'aborted')", {});
}

std::int64_t Journal::next_run_number() {
  return session_
      .run({"journal.next_run", "SELECT COALESCE(pg_catalog.max(run), 0) + 1 AS run FROM crossfade.runs"})
      .only()
      .integer("run");
}

void Journal::save_plan(std::int64_t run, const boost::json::value& plan, std::int64_t rows_total) {
  session_.run(
      {"journal.save_plan", "UPDATE crossfade.runs SET plan = $2::jsonb, rows_total = $3 WHERE run = $1"},
      {std::to_string(run), boost::json::serialize(plan), std::to_string(rows_total)});
}

void Journal::describe_run(const Run& run) {
  session_.run(
      {"journal.describe_run",
       "UPDATE crossfade.runs SET strategy = $2, table_schema = $3, table_name = $4, table_oid = $5::oid,"
       " completes = $6::boolean, statements = $7::jsonb, waits = $8::boolean WHERE run = $1"},
      {std::to_string(run.run), run.strategy, or_null(run.table_schema), or_null(run.table_name),
       run.table_oid == 0 ? postgres::Value() : std::to_string(run.table_oid), run.end.completes ? "t" : "f",
       boost::json::serialize(boost::json::value_from(run.end.statements)), run.waits ? "t" : "f"});
}

void Journal::advance(std::int64_t run, Phase from, Phase to) {
  require_transition(from, to);
  const Rows rows = session_.run({"journal.advance." + to_string(to),
                                  "UPDATE crossfade.runs SET phase = $3, state = CASE WHEN paused_by IS NULL "
                                  "THEN $4 ELSE state END, reason = NULL,"
                                  " updated_at = pg_catalog.clock_timestamp() WHERE run = $1 AND phase = $2"
                                  " AND (paused_by IS NULL OR $3 <> 'soaking')"},
                                 {std::to_string(run), to_string(from), to_string(to),
                                  to == Phase::soaking || finished(to) ? "done" : "running"});
  if (rows.affected() != 1) {
    if (to == Phase::soaking) throw_if_paused(run);
    throw std::logic_error(fmt::format("run {} is not in phase {} in the journal", run, to_string(from)));
  }
  event(run, "phase " + to_string(to));
}

/// An operator's pause that was given while the swap was under way wins; the swap rolls back.
void Journal::throw_if_paused(std::int64_t run) {
  const std::optional<Run> found = load(run);
  if (!found || found->paused_by.empty()) return;
  throw Failure(ExitCode::resumable,
                {.code = "paused",
                 .object = fmt::format("run {} of {}", run, found->table()),
                 .message = "the run is paused",
                 .expected = "",
                 .found = fmt::format("paused by {} at {}", found->paused_by, found->paused_at),
                 .next = fmt::format("`crossfade resume {}` lifts the pause and goes on.", run)});
}

void Journal::set_state(std::int64_t run, State state, const std::string& reason) {
  session_.run({"journal.state",
                "UPDATE crossfade.runs SET state = CASE WHEN paused_by IS NULL THEN $2 ELSE 'paused' END, "
                "reason = NULLIF($3, ''),"
                " updated_at = pg_catalog.clock_timestamp() WHERE run = $1"},
               {std::to_string(run), to_string(state), reason});
}

void Journal::set_postponed(std::int64_t run, bool postponed) {
  session_.run({"journal.postpone", "UPDATE crossfade.runs SET postponed = $2::boolean WHERE run = $1"},
               {std::to_string(run), postponed ? "t" : "f"});
}

bool Journal::pause(std::int64_t run, const std::string& who) {
  const Rows rows = session_.run(
      {"journal.pause",
       "UPDATE crossfade.runs SET state = 'paused', paused_by = $2, paused_at = pg_catalog.clock_timestamp()"
       " WHERE run = $1 AND phase NOT IN ('soaking', 'reverted', 'contracted', 'aborted')"},
      {std::to_string(run), who});
  if (rows.affected() == 0) return false;
  event(run, "pause", {{"by", who}});
  return true;
}

void Journal::lift_pause(std::int64_t run) {
  session_.run(
      {"journal.lift_pause",
       "UPDATE crossfade.runs SET state = 'interrupted', paused_by = NULL, paused_at = NULL WHERE run = $1"},
      {std::to_string(run)});
  event(run, "resume");
}

void Journal::save_fingerprint(std::int64_t run, const boost::json::value& fingerprint) {
  session_.run(
      {"journal.fingerprint", "UPDATE crossfade.runs SET source_fingerprint = $2::jsonb WHERE run = $1"},
      {std::to_string(run), boost::json::serialize(fingerprint)});
}

void Journal::save_verification(std::int64_t run, const boost::json::value& summary,
                                const boost::json::value& report, bool equal) {
  session_.run({"journal.report", "INSERT INTO crossfade.reports (run, document) VALUES ($1, $2::jsonb)"},
               {std::to_string(run), boost::json::serialize(report)});
  session_.run({"journal.verification",
                "UPDATE crossfade.runs SET verification = $2::jsonb,"
                " verified_at = CASE WHEN $3::boolean THEN pg_catalog.clock_timestamp() END WHERE run = $1"},
               {std::to_string(run), boost::json::serialize(summary), equal ? "t" : "f"});
}

void Journal::save_cutover(std::int64_t run, const boost::json::value& cutover) {
  session_.run({"journal.cutover", "UPDATE crossfade.runs SET cutover = $2::jsonb WHERE run = $1"},
               {std::to_string(run), boost::json::serialize(cutover)});
}

void Journal::save_carried(std::int64_t run, const boost::json::value& carried) {
  session_.run({"journal.carried", "UPDATE crossfade.runs SET carried = $2::jsonb WHERE run = $1"},
               {std::to_string(run), boost::json::serialize(carried)});
}

void Journal::count_cutover_attempt(std::int64_t run) {
  session_.run({"journal.cutover_attempt",
                "UPDATE crossfade.runs SET cutover_attempts = cutover_attempts + 1 WHERE run = $1"},
               {std::to_string(run)});
}

void Journal::add_milliseconds(std::int64_t run, const std::string& name, double milliseconds) {
  session_.run(
      {"journal.milliseconds",
       "UPDATE crossfade.runs SET milliseconds = milliseconds || pg_catalog.jsonb_build_object($2::text,"
       " COALESCE((milliseconds ->> $2::text)::double precision, 0) + $3::double precision) WHERE run = $1"},
      {std::to_string(run), name, fmt::format("{:.1f}", milliseconds)});
}

void Journal::add_keys_replayed(std::int64_t run, std::int64_t keys, std::int64_t requeued) {
  session_.run({"journal.keys_replayed",
                "UPDATE crossfade.runs SET keys_replayed = keys_replayed + $2, keys_requeued = keys_requeued "
                "+ $3 WHERE run = $1"},
               {std::to_string(run), std::to_string(keys), std::to_string(requeued)});
}

void Journal::event(std::int64_t run, const std::string& what, const boost::json::value& detail) {
  session_.run(
      {"journal.event", "INSERT INTO crossfade.events (run, what, detail) VALUES ($1, $2, $3::jsonb)"},
      {std::to_string(run), what, json_text(detail)});
}

}  // namespace crossfade::orchestrator
