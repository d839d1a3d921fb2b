#include "orchestrator/alembic/version_table.h"

#include <fmt/format.h>

#include "migrations/names.h"
#include "postgres/catalog.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

constexpr std::string_view kRelationName = R"sql(
SELECT n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1::pg_catalog.oid
)sql";

// The first schema of the search_path that exists is where CREATE TABLE puts a table.
constexpr std::string_view kCreationSchema = "SELECT pg_catalog.current_schema() AS schema";

}  // namespace

VersionTable read_version_table(postgres::Session& session, const std::string& reference) {
  const auto named = migrations::parse_table_reference(reference);
  if (!named) {
    throw Failure(ExitCode::usage, {.code = "usage",
                                    .object = "--version-table",
                                    .message = "is not a table's name",
                                    .expected = "alembic_version or schema.alembic_version",
                                    .found = reference,
                                    .next = "Give the name as env.py has it in version_table and "
                                            "version_table_schema."});
  }
  VersionTable table;
  table.name = {named->schema.value_or(""), named->name};
  const auto oid = postgres::find_relation(session, table.name.schema, table.name.name);
  if (!oid) {
    if (table.name.schema.empty()) {
      table.name.schema = session.run({"alembic.creation_schema", std::string(kCreationSchema)})
                              .only()
                              .text_or("schema", "public");
    }
    return table;
  }
  table.exists = true;
  const postgres::Rows names =
      session.run({"alembic.version_table", std::string(kRelationName)}, {std::to_string(*oid)});
  table.name = {names.only().text("schema"), names.only().text("name")};
  const postgres::Rows rows =
      session.run({"alembic.versions", fmt::format("SELECT version_num FROM {}", table.name.quoted())});
  for (const postgres::Row row : rows) table.heads.insert(row.text("version_num"));
  return table;
}

void create_version_table(postgres::Session& session, const VersionTable& table, const std::string& text) {
  if (table.exists) return;
  const std::string standard = fmt::format(
      "CREATE TABLE {} (version_num varchar(32) NOT NULL, CONSTRAINT {} PRIMARY KEY (version_num))",
      table.name.quoted(), quote_identifier(table.name.name + "_pkc"));
  try {
    session.run({"alembic.create_version_table", text.empty() ? standard : text});
  } catch (const postgres::DatabaseError&) {
    // Another process may have been faster.
    if (!postgres::find_relation(session, table.name.schema, table.name.name)) throw;
  }
}

namespace {

std::string change_sql(const VersionTable& table, const std::string& old_version,
                       const std::string& new_version) {
  const std::string name = table.name.quoted();
  const std::string from = quote_literal(old_version);
  const std::string to = quote_literal(new_version);
  if (old_version.empty()) return fmt::format("INSERT INTO {} (version_num) VALUES ({})", name, to);
  if (new_version.empty()) return fmt::format("DELETE FROM {} WHERE version_num = {}", name, from);
  return fmt::format("UPDATE {} SET version_num = {} WHERE version_num = {}", name, to, from);
}

}  // namespace

std::vector<std::string> version_statements(const VersionTable& table,
                                            const migrations::AlembicRevision& revision) {
  std::vector<std::string> out;
  for (const migrations::VersionChange& change : revision.version_changes)
    out.push_back(change_sql(table, change.from, change.to));
  return out;
}

std::vector<std::string> version_statements_back(const VersionTable& table,
                                                 const migrations::AlembicRevision& revision) {
  std::vector<std::string> out;
  for (auto change = revision.version_changes.rbegin(); change != revision.version_changes.rend(); ++change)
    out.push_back(change_sql(table, change->to, change->from));
  return out;
}

}  // namespace crossfade::orchestrator
