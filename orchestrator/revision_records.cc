#include "orchestrator/revision_records.h"

#include "orchestrator/journal_schema.h"
#include "orchestrator/ownership.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kAll = R"sql(
SELECT revision, fingerprint, applied_at::text AS applied_at, applied_by, run
  FROM crossfade.revisions ORDER BY applied_at, revision
)sql";

}  // namespace

std::vector<RevisionRecord> RevisionRecords::all() {
  std::vector<RevisionRecord> out;
  if (!journal_exists(session_)) return out;
  const postgres::Rows rows = session_.run({"revisions.all", std::string(kAll)});
  for (const postgres::Row row : rows) {
    out.push_back({.revision = row.text("revision"),
                   .fingerprint = row.text("fingerprint"),
                   .applied_at = row.text("applied_at"),
                   .applied_by = row.text("applied_by"),
                   .run = row.is_null("run") ? std::nullopt : std::optional(row.integer("run"))});
  }
  return out;
}

void RevisionRecords::hold() {
  session_.run({"revisions.hold", "SELECT pg_catalog.pg_advisory_xact_lock($1::int, 0)"},
               {std::to_string(kRevisionsLockClass)});
}

void RevisionRecords::add(const std::string& revision, const std::string& fingerprint) {
  session_.run({"revisions.add", "INSERT INTO crossfade.revisions (revision, fingerprint) VALUES ($1, $2)"},
               {revision, fingerprint});
}

void RevisionRecords::remove(const std::string& revision) {
  session_.run({"revisions.remove", "DELETE FROM crossfade.revisions WHERE revision = $1"}, {revision});
  // What it had finished is to be carried out again by the next `up`.
  session_.run({"revisions.forget_statements", "DELETE FROM crossfade.statements WHERE revision = $1"},
               {revision});
}

void RevisionRecords::replace_fingerprint(const std::string& revision, const std::string& fingerprint) {
  session_.run({"revisions.replace_fingerprint",
                "UPDATE crossfade.revisions SET fingerprint = $2 WHERE revision = $1"},
               {revision, fingerprint});
}

void RevisionRecords::event(const std::string& what, const boost::json::object& detail) {
  session_.run({"revisions.event", "INSERT INTO crossfade.events (what, detail) VALUES ($1, $2::jsonb)"},
               {what, boost::json::serialize(detail)});
}

bool is_of_alembic(const std::string& revision) {
  return revision.starts_with(kAlembicPrefix);
}

std::vector<std::string> names_of(const std::vector<RevisionRecord>& records) {
  std::vector<std::string> out;
  for (const RevisionRecord& record : records) out.push_back(record.revision);
  return out;
}

std::vector<std::string> current_revisions(const std::vector<std::string>& applied,
                                           const migrations::RevisionDirectory* directory) {
  if (directory == nullptr) return applied.empty() ? applied : std::vector<std::string>{applied.back()};
  migrations::RevisionSet out = migrations::revision_set(applied);
  for (const std::string& name : applied) {
    const migrations::MigrationFile* file = directory->find_exactly(name);
    if (file == nullptr) {
      if (is_of_alembic(name)) out.erase(name);
      continue;
    }
    for (const std::string& parent : file->revises) out.erase(parent);
  }
  return {out.begin(), out.end()};
}

}  // namespace crossfade::orchestrator
