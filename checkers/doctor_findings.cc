#include "checkers/doctor_findings.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "postgres/quoting.h"

namespace crossfade::checkers {

namespace {

using postgres::Row;
using postgres::Rows;
using postgres::Session;

constexpr std::string_view kJournal = R"sql(
SELECT c.oid IS NOT NULL AS present,
       COALESCE(pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'), false) AS readable
  FROM (SELECT 1) AS one
  LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = 'crossfade'
  LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = 'runs'
)sql";

constexpr std::string_view kRuns = R"sql(
SELECT r.run, r.phase, r.state,
       EXISTS (SELECT 1 FROM pg_catalog.pg_stat_activity a
                WHERE a.datname = pg_catalog.current_database()
                  AND a.application_name ~ ('^crossfade/' || r.run || '([^0-9]|$)')) AS connected
  FROM crossfade.runs r
 WHERE r.phase NOT IN ('contracted', 'aborted')
 ORDER BY r.run
)sql";

// Each query below takes the unfinished runs as an array in $1.
constexpr std::string_view kSchemas = R"sql(
SELECT n.nspname AS schema, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
                              WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')) AS tables
  FROM pg_catalog.pg_namespace n
 WHERE n.nspname ~ '^crossfade_[0-9]{1,18}(_[0-9]+)?(_old)?$'
   AND NOT pg_catalog.substring(n.nspname, '[0-9]+')::pg_catalog.int8 = ANY ($1::pg_catalog.int8[])
 ORDER BY 1
)sql";

constexpr std::string_view kTriggers = R"sql(
SELECT (pg_catalog.pg_identify_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0)).identity AS trigger,
       (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0)).identity AS function
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE NOT t.tgisinternal AND n.nspname ~ '^crossfade_[0-9]{1,18}(_[0-9]+)?(_old)?$'
   AND NOT pg_catalog.substring(n.nspname, '[0-9]+')::pg_catalog.int8 = ANY ($1::pg_catalog.int8[])
 ORDER BY 1
)sql";

// A concurrent build holds SHARE UPDATE EXCLUSIVE on its table until its index is valid; so such an index is
// not left over. An index of a partitioned table is invalid as long as a partition lacks its own, which is
// nobody's left-over.
constexpr std::string_view kInvalidIndexes = R"sql(
SELECT (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, 0)).identity AS index,
       (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i.indrelid, 0)).identity AS relation
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i' AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE NOT (i.indisvalid AND i.indisready AND i.indislive)
   AND NOT (n.nspname ~ '^crossfade_[0-9]{1,18}(_[0-9]+)?(_old)?$'
            AND pg_catalog.substring(n.nspname, '[0-9]+')::pg_catalog.int8 = ANY ($1::pg_catalog.int8[]))
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_database d ON d.oid = l.database
                    WHERE l.locktype = 'relation' AND l.relation = i.indrelid AND l.granted
                      AND l.mode = 'ShareUpdateExclusiveLock' AND d.datname = pg_catalog.current_database())
 ORDER BY 1
)sql";

constexpr std::string_view kSessions = R"sql(
SELECT a.pid, a.application_name AS name, pg_catalog.quote_ident(a.usename) AS role,
       COALESCE(a.state, 'not shown to this role') AS state
  FROM pg_catalog.pg_stat_activity a
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.application_name ~ '^crossfade/[0-9]{1,18}([^0-9]|$)'
   AND NOT pg_catalog.substring(a.application_name, '[0-9]+')::pg_catalog.int8 = ANY ($1::pg_catalog.int8[])
 ORDER BY 1
)sql";

struct UnfinishedRuns {
  std::vector<std::string> owning;     ///< their schemas, triggers and indexes are in use
  std::vector<std::string> connected;  ///< sessions may rightly belong to them
};

bool given_up(const std::string& state) {
  return state == "interrupted" || state == "failed";
}

/// A run that nobody works on: given up by its process, or claimed to be under way with no session to show
/// for it.
void report_interrupted(const Row& run, std::vector<Problem>& out) {
  const std::string& state = run.text("state");
  const bool claims_to_work = (state == "running" || state == "waiting") && run.text("phase") != "soaking";
  if (!given_up(state) && (run.boolean("connected") || !claims_to_work)) return;
  out.push_back({.code = "interrupted-run",
                 .object = "run " + run.text("run"),
                 .message = given_up(state) ? "the run did not come to its end" : "the run's process is gone",
                 .expected = "a run that is finished, paused or being worked on",
                 .found = fmt::format("phase {}, state {}{}", run.text("phase"), state,
                                      run.boolean("connected") ? "" : ", no session of it in this database"),
                 .next = fmt::format("Run `crossfade up` again to go on with it, or `crossfade abort {}`.",
                                     run.text("run"))});
}

/// Null where crossfade.runs exists and the role may not read it: then nothing can be told to be left over.
std::optional<UnfinishedRuns> read_runs(Session& session, std::vector<Problem>& out) {
  const Rows journal = session.run({"doctor.journal", std::string(kJournal)});
  if (!journal.only().boolean("present")) return UnfinishedRuns{};
  if (!journal.only().boolean("readable")) {
    out.push_back(
        {.code = "unreadable-journal",
         .object = "crossfade.runs",
         .message =
             "the current role may not read it, so that left-overs cannot be told from runs in progress",
         .expected = "USAGE on schema crossfade and SELECT on its tables",
         .found = "no right to it",
         .next = "Connect as the role that runs migrations."});
    return std::nullopt;
  }
  UnfinishedRuns runs;
  const Rows rows = session.run({"doctor.runs", std::string(kRuns)});
  for (const Row run : rows) {
    runs.owning.push_back(run.text("run"));
    if (!given_up(run.text("state"))) runs.connected.push_back(run.text("run"));
    report_interrupted(run, out);
  }
  return runs;
}

Rows list(Session& session, std::string name, std::string_view query, const std::vector<std::string>& runs) {
  return session.run({std::move(name), std::string(query)}, {postgres::array_literal(std::span(runs))});
}

}  // namespace

std::vector<Problem> find_leftovers(Session& session) {
  std::vector<Problem> out;
  const std::optional<UnfinishedRuns> runs = read_runs(session, out);
  if (!runs) return out;

  // Triggers first: they write on each statement of the application, and fail once their schema is gone.
  const Rows triggers = list(session, "doctor.triggers", kTriggers, runs->owning);
  for (const Row row : triggers) {
    out.push_back({.code = "left-over-trigger",
                   .object = "trigger " + row.text("trigger"),
                   .message = "captures changes for a run that is finished or unknown",
                   .expected = "no trigger beyond the end of its run",
                   .found = "calls " + row.text("function"),
                   .next = fmt::format("DROP TRIGGER {}; under a lock_timeout.", row.text("trigger"))});
  }
  const Rows schemas = list(session, "doctor.schemas", kSchemas, runs->owning);
  for (const Row row : schemas) {
    out.push_back(
        {.code = "left-over-schema",
         .object = "schema " + row.text("schema"),
         .message = "belongs to a run that is finished or unknown",
         .expected = "no schema beyond the end of its run",
         .found = fmt::format("{} tables in it", row.integer("tables")),
         .next =
             "Look at its tables; drop what is not needed one by one, without CASCADE, then the schema."});
  }
  const Rows indexes = list(session, "doctor.invalid_indexes", kInvalidIndexes, runs->owning);
  for (const Row row : indexes) {
    out.push_back(
        {.code = "invalid-index",
         .object = "index " + row.text("index"),
         .message =
             "was left invalid by a concurrent build that failed; it costs every write and serves no query",
         .expected = "valid indexes only",
         .found = "an index of " + row.text("relation"),
         .next = fmt::format("DROP INDEX CONCURRENTLY {}; or REINDEX it CONCURRENTLY.", row.text("index"))});
  }
  const Rows sessions = list(session, "doctor.sessions", kSessions, runs->connected);
  for (const Row row : sessions) {
    out.push_back(
        {.code = "left-over-session",
         .object = "pid " + row.text("pid"),
         .message = "is a session of a run that nobody works on",
         .expected = "no session of such a run",
         .found = fmt::format("{} as {}, {}", row.text("name"), row.text_or("role", "?"), row.text("state")),
         .next =
             fmt::format("SELECT pg_terminate_backend({}); if it does not end by itself.", row.text("pid"))});
  }
  return out;
}

}  // namespace crossfade::checkers
