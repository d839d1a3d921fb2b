#include <fmt/format.h>

#include <algorithm>

#include "checkers/preflight.h"

namespace crossfade::checkers {

namespace {

using postgres::Row;
using postgres::Rows;
using postgres::Session;

constexpr std::string_view kSize = R"sql(
SELECT pg_catalog.pg_total_relation_size(c.oid) AS bytes,
       COALESCE((SELECT pg_catalog.max(pg_catalog.pg_relation_size(indexrelid)) FROM pg_catalog.pg_index WHERE indrelid = c.oid), 0) AS largest_index,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_index WHERE indrelid = c.oid) AS indexes,
       c.relname AS name
  FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid
)sql";

constexpr std::string_view kOwnedSequences = R"sql(
SELECT (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, s.seqrelid, 0)).identity AS sequence,
       a.attname AS column_name, pg_catalog.format_type(s.seqtypid, NULL) AS type, s.seqmax AS maximum
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_sequence s ON s.seqrelid = d.objid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'a'
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid
   AND s.seqtypid IN ('pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int2'::pg_catalog.regtype)
 ORDER BY 1
)sql";

// A text search is all there is: PL/pgSQL records no dependency on the types that it names.
constexpr std::string_view kTypeVariables = R"sql(
SELECT (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0)).type || ' '
       || (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, p.oid, 0)).identity AS function
  FROM pg_catalog.pg_proc p
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
  JOIN pg_catalog.pg_class c ON c.oid = $1::pg_catalog.oid
 WHERE p.prosrc ~* '%\s*(row)?type' AND pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(c.relname)) > 0
 ORDER BY 1
)sql";

// An ordinary role sees that there are senders, but not whom they serve; slots tell the logical ones apart.
constexpr std::string_view kStandbys = R"sql(
SELECT pg_catalog.count(*) AS standbys,
       pg_catalog.string_agg(DISTINCT NULLIF(r.application_name, ''), ', ') AS names
  FROM pg_catalog.pg_stat_replication r
 WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots s WHERE s.active_pid = r.pid AND s.slot_type = 'logical')
)sql";

constexpr std::string_view kPublishedBy = R"sql(
SELECT DISTINCT 'publication ' || pg_catalog.quote_ident(p.pubname) AS publication
  FROM pg_catalog.pg_publication_tables p
  JOIN pg_catalog.pg_namespace n ON n.nspname = p.schemaname
  JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = p.tablename
 WHERE c.oid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

std::string in_units(std::uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"bytes", "kB", "MB", "GB", "TB"};
  double amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < std::size(kUnits); ++unit) amount /= 1024;
  return fmt::format("{:.{}f} {}", amount, unit == 0 ? 0 : 1, kUnits[unit]);
}

bool becomes_bigint(const PreflightRequest& request, std::string_view column) {
  return std::any_of(
      request.type_changes.begin(), request.type_changes.end(), [column](const TypeChange& change) {
        return change.column == column && (change.new_type == "bigint" || change.new_type == "int8");
      });
}

void announce_sequences(Session& session, const PreflightRequest& request, std::vector<Problem>& out) {
  const Rows rows = session.run({"announce.owned_sequences", std::string(kOwnedSequences)},
                                {std::to_string(request.table_oid)});
  for (const Row row : rows) {
    if (!becomes_bigint(request, row.text("column_name"))) continue;
    out.push_back(
        {.code = "integer-sequence",
         .object = "sequence " + row.text("sequence"),
         .message = fmt::format("column {} of {} becomes bigint, but the sequence that feeds it stays {}",
                                row.text("column_name"), request.display, row.text("type")),
         .expected = "a sequence of bigint",
         .found = fmt::format("{}, ends at {}", row.text("type"), row.text("maximum")),
         .next = "Add the line `-- crossfade:sequence as bigint` to the revision."});
  }
}

void announce_cached_plans(Session& session, const PreflightRequest& request, std::vector<Problem>& out) {
  if (request.type_changes.empty()) return;
  std::string columns;
  for (const TypeChange& change : request.type_changes) {
    columns += fmt::format("{}{} to {}", columns.empty() ? "" : ", ", change.column, change.new_type);
  }
  out.push_back(
      {.code = "prepared-statements",
       .object = request.display,
       .message =
           "a statement that a client prepared before the cutover and whose result has a changed column "
           "fails with \"cached plan must not change result type\" (0A000), as around a plain ALTER",
       .expected = "clients that prepare again, or that read the column through a cast",
       .found = columns,
       .next = "Make the application prepare again on 0A000, or reconnect its sessions after the cutover."});
  const Rows rows = session.run({"announce.type_variables", std::string(kTypeVariables)},
                                {std::to_string(request.table_oid)});
  for (const Row row : rows) {
    out.push_back({.code = "compiled-type-variable",
                   .object = row.text("function"),
                   .message = fmt::format(
                       "may declare a variable with %TYPE or %ROWTYPE of {}; a session that has compiled "
                       "it keeps the old type and can fail with 22003, as around a plain ALTER",
                       request.display),
                   .expected = "variables of a fixed type, wide enough for the new values",
                   .found = columns,
                   .next = "CREATE OR REPLACE the function right after the cutover, or reconnect the "
                           "sessions that use it."});
  }
}

void announce_subscribers(Session& session, const PreflightRequest& request, std::vector<Problem>& out) {
  if (request.type_changes.empty()) return;
  const Rows rows =
      session.run({"announce.publications", std::string(kPublishedBy)}, {std::to_string(request.table_oid)});
  for (const Row row : rows) {
    out.push_back({.code = "subscribers",
                   .object = row.text("publication"),
                   .message = fmt::format(
                       "publishes {}; its subscribers go on without a refresh, but their own columns keep "
                       "their types",
                       request.display),
                   .expected = "subscribers whose columns can hold the new values",
                   .found = "",
                   .next = "Change the columns on the subscribers before the cutover."});
  }
}

void announce_standbys(Session& session, const PreflightRequest& request, std::vector<Problem>& out) {
  const Rows rows = session.run({"announce.standbys", std::string(kStandbys)});
  const Row row = rows.only();
  if (row.integer("standbys") == 0) return;
  out.push_back(
      {.code = "standbys",
       .object = request.display,
       .message =
           "standbys replay the cutover's exclusive lock, and cancel queries that hold it up longer than "
           "max_standby_streaming_delay",
       .expected = "",
       .found = fmt::format("{} attached{}", row.integer("standbys"),
                            row.is_null("names") ? "" : ": " + row.text("names")),
       .next =
           "Keep long queries away from the standbys at the time of the cutover, and watch their delay while "
           "rows are copied."});
}

}  // namespace

std::vector<Problem> announcements(Session& session, const PreflightRequest& request) {
  std::vector<Problem> out;
  announce_sequences(session, request, out);
  announce_cached_plans(session, request, out);
  announce_subscribers(session, request, out);
  announce_standbys(session, request, out);

  const Rows rows = session.run({"announce.size", std::string(kSize)}, {std::to_string(request.table_oid)});
  if (rows.empty()) return out;
  const Row size = rows.only();
  if (size.integer("indexes") > 0) {
    out.push_back(
        {.code = "index-build-snapshot",
         .object = request.display,
         .message =
             "each index build on the new table holds back the xmin horizon of the database until it ends, "
             "so that VACUUM removes no newer dead rows anywhere",
         .expected = "",
         .found = fmt::format("{} indexes, the largest now {}", size.integer("indexes"),
                              in_units(static_cast<std::uint64_t>(size.integer("largest_index")))),
         .next = "Start the run when other tables can do without VACUUM for that long."});
  }
  const std::uint64_t present = static_cast<std::uint64_t>(size.integer("bytes"));
  const std::uint64_t future = request.estimated_bytes > 0 ? request.estimated_bytes : present;
  const std::uint64_t sort = static_cast<std::uint64_t>(size.integer("largest_index"));
  out.push_back({.code = "disk",
                 .object = request.display,
                 .message = "the new table stands beside the old one until contract",
                 .expected = fmt::format(
                     "about {} free for the new table and its indexes, {} for sorting, {} for WAL until "
                     "it is recycled or archived",
                     in_units(future), in_units(sort), in_units(future)),
                 .found = fmt::format("{} takes {} now", request.display, in_units(present)),
                 .next = "Check the free space on the data, temporary and WAL volumes."});
  return out;
}

}  // namespace crossfade::checkers
