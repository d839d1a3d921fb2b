#include "orchestrator/cutover/old_snapshots.h"

#include <fmt/format.h>

#include <algorithm>

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kSnapshotHolders = R"sql(
SELECT a.pid, COALESCE(v.virtualtransaction, '') AS virtual_transaction, a.backend_xmin::text AS xmin,
       EXISTS (SELECT 1 FROM pg_catalog.pg_locks q WHERE q.pid = a.pid AND NOT q.granted AND q.locktype = 'relation'
                  AND (q.relation = $1::pg_catalog.oid OR q.relation = ANY ($2::pg_catalog.oid[]) OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = q.relation AND d.deptype IN ('a', 'i')
                      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid))) AS queued,
       COALESCE(a.usename, '') AS usename, COALESCE(a.application_name, '') AS application_name, COALESCE(a.state, '') AS state,
       EXTRACT(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::int AS age_s
  FROM pg_catalog.pg_stat_activity a
  CROSS JOIN (SELECT pg_catalog.current_setting('application_name') AS name) own
  LEFT JOIN pg_catalog.pg_locks v ON v.pid = a.pid AND v.locktype = 'virtualxid' AND v.granted AND v.mode = 'ExclusiveLock'
 WHERE a.datname = pg_catalog.current_database() AND a.backend_xmin IS NOT NULL
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND (COALESCE(a.application_name, '') NOT LIKE 'crossfade/%'
        OR a.application_name LIKE 'crossfade/%/%/%' AND own.name LIKE 'crossfade/%/%/%'
           AND pg_catalog.split_part(a.application_name, '/', 2) = pg_catalog.split_part(own.name, '/', 2)
           AND pg_catalog.split_part(a.application_name, '/', 3) <> pg_catalog.split_part(own.name, '/', 3))
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_vacuum p WHERE p.pid = a.pid)
)sql";

}  // namespace

std::vector<SnapshotHolder> snapshot_holders(postgres::Session& session, std::uint32_t source_oid,
                                             const std::string& also_locked) {
  std::vector<SnapshotHolder> out;
  const postgres::Rows rows = session.run({"cutover.snapshots", std::string(kSnapshotHolders), true},
                                          {std::to_string(source_oid), also_locked});
  for (const postgres::Row row : rows) {
    std::string description = fmt::format("pid {}", row.text("pid"));
    if (!row.text("usename").empty()) description += " user " + row.text("usename");
    if (!row.text("application_name").empty()) description += " (" + row.text("application_name") + ")";
    if (!row.text("state").empty()) description += " " + row.text("state");
    if (!row.is_null("age_s")) description += fmt::format(" for {} s", row.text("age_s"));
    out.push_back({.pid = static_cast<int>(row.integer("pid")),
                   .virtual_transaction = row.text("virtual_transaction"),
                   .xmin = row.text("xmin"),
                   .queued_on_source = row.boolean("queued"),
                   .description = std::move(description)});
  }
  return out;
}

std::vector<SnapshotHolder> still_held(const std::vector<SnapshotHolder>& before,
                                       const std::vector<SnapshotHolder>& now) {
  std::vector<SnapshotHolder> out;
  for (const SnapshotHolder& holder : now) {
    if (std::any_of(before.begin(), before.end(),
                    [&](const SnapshotHolder& old) { return old.same_snapshot(holder); })) {
      out.push_back(holder);
    }
  }
  return out;
}

std::string describe(const std::vector<SnapshotHolder>& holders) {
  std::string out;
  for (std::size_t index = 0; index < holders.size() && index < 5; ++index) {
    out += (index == 0 ? "" : "; ") + holders[index].description;
  }
  if (holders.size() > 5) out += fmt::format("; and {} more", holders.size() - 5);
  return out;
}

}  // namespace crossfade::orchestrator
