#include "orchestrator/version_tables.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "migrations/names.h"
#include "postgres/catalog.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kTableName = R"sql(
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = $1::pg_catalog.oid
)sql";

/// Each selects one column `version`, in the table's own order.
std::string version_query(VersionTool tool, const std::string& table) {
  switch (tool) {
    case VersionTool::dbmate:
      return "SELECT version::text AS version FROM " + table + " ORDER BY version";
    case VersionTool::goose:
      // The last row of a version counts: older versions of goose record a roll-back as a row of its own.
      // Version 0 stands for the table's creation.
      return "SELECT v.version_id::text AS version FROM (SELECT DISTINCT ON (version_id) version_id, "
             "is_applied"
             " FROM " +
             table +
             " ORDER BY version_id, id DESC) AS v WHERE v.is_applied AND v.version_id <> 0"
             " ORDER BY v.version_id";
    case VersionTool::alembic:
      return "SELECT version_num::text AS version FROM " + table + " ORDER BY version_num";
  }
  throw std::logic_error("not a tool");
}

std::string_view digits_in_front(std::string_view name) {
  return name.substr(0, std::min(name.find_first_not_of("0123456789"), name.size()));
}

std::string_view without_zeros(std::string_view digits) {
  return digits.substr(std::min(digits.find_first_not_of('0'), digits.size()));
}

bool is_word(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Whether the tool would take the file for this version.
bool matches(VersionTool tool, const migrations::MigrationFile& file, std::string_view version) {
  const std::string_view name = file.revision;
  switch (tool) {
    case VersionTool::dbmate:
      return digits_in_front(name) == version;
    case VersionTool::goose: {
      const std::string_view digits = digits_in_front(name);
      return name.substr(digits.size()).starts_with('_') && without_zeros(digits) == without_zeros(version);
    }
    case VersionTool::alembic:
      return std::find(file.labels.begin(), file.labels.end(), version) != file.labels.end() ||
             (name.starts_with(version) && (name.size() == version.size() || !is_word(name[version.size()])));
  }
  return false;
}

postgres::QualifiedName resolve(postgres::Session& session, const std::string& text) {
  const auto reference = migrations::parse_table_reference(text);
  if (!reference) {
    throw Failure(ExitCode::usage, {.code = "bad-table-name",
                                    .object = text,
                                    .message = "this is no table's name",
                                    .expected = "table or schema.table",
                                    .found = text,
                                    .next = "Correct --table."});
  }
  const auto oid = postgres::find_relation(session, reference->schema.value_or(""), reference->name);
  if (!oid) {
    throw Failure(ExitCode::refused, {.code = "no-such-table",
                                      .object = reference->display(),
                                      .message = "there is no such version table in this database",
                                      .expected = "the table that the other tool keeps its versions in",
                                      .found = "none",
                                      .next = "Name it with --table SCHEMA.TABLE, or check --database."});
  }
  const postgres::Rows rows =
      session.run({"version_table.name", std::string(kTableName)}, {std::to_string(*oid)});
  return {rows.only().text("schema"), rows.only().text("name")};
}

std::vector<std::string> read_versions(postgres::Session& session, VersionTool tool,
                                       const postgres::QualifiedName& table) {
  try {
    std::vector<std::string> out;
    const postgres::Rows rows = session.run({"version_table.versions", version_query(tool, table.quoted())});
    for (const postgres::Row row : rows) out.push_back(row.text_or("version", ""));
    return out;
  } catch (const postgres::DatabaseError& error) {
    // A missing column, another type, no SELECT on the table.
    if (error.sqlstate() != "42703" && error.sqlstate() != "42804" && error.sqlstate() != "42501") throw;
    throw Failure(ExitCode::refused, {.code = "not-a-version-table",
                                      .object = table.display(),
                                      .message = "the table cannot be read as a version table",
                                      .expected = "the columns that the tool gives it, and SELECT on it",
                                      .found = error.report().message,
                                      .next = "Check --from and --table."});
  }
}

}  // namespace

std::string default_version_table(VersionTool tool) {
  switch (tool) {
    case VersionTool::dbmate:
      return "schema_migrations";
    case VersionTool::goose:
      return "goose_db_version";
    case VersionTool::alembic:
      return "alembic_version";
  }
  throw std::logic_error("not a tool");
}

migrations::RevisionSet adopted_revisions(postgres::Session& session,
                                          const migrations::RevisionDirectory& directory, VersionTool tool,
                                          const std::string& table) {
  const postgres::QualifiedName name = resolve(session, table.empty() ? default_version_table(tool) : table);
  migrations::RevisionSet out;
  std::vector<std::string> unknown;
  std::vector<std::string> ambiguous;
  for (const std::string& version : read_versions(session, tool, name)) {
    std::vector<std::string> files;
    for (const migrations::MigrationFile& file : directory.in_order()) {
      if (matches(tool, file, version)) files.push_back(file.revision);
    }
    if (files.empty()) unknown.push_back(version);
    if (files.size() > 1) ambiguous.push_back(fmt::format("{}: {}", version, fmt::join(files, ", ")));
    out.insert(files.begin(), files.end());
  }
  if (!unknown.empty()) {
    throw Failure(ExitCode::refused,
                  {.code = "version-without-file",
                   .object = name.display(),
                   .message = "the table names versions that have no file",
                   .expected = fmt::format("a file for each version in {}", directory.path()),
                   .found = fmt::format("{}", fmt::join(unknown, ", ")),
                   .next = "Put the files there, or check --dir. Nothing was recorded."});
  }
  if (!ambiguous.empty()) {
    throw Failure(ExitCode::refused, {.code = "ambiguous-version",
                                      .object = name.display(),
                                      .message = "several files belong to one version of the table",
                                      .expected = "one file a version",
                                      .found = fmt::format("{}", fmt::join(ambiguous, "; ")),
                                      .next = "Rename the files that are not it. Nothing was recorded."});
  }
  if (tool != VersionTool::alembic) return out;
  return migrations::with_ancestors(directory, out, migrations::Edges::all);
}

}  // namespace crossfade::orchestrator
