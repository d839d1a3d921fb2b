// Alembic's own table of where a database is: `alembic_version`, one row a head. crossfade reads it to know
// what is pending, and moves it with the same one-row changes that Alembic would make. One thread a session.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migrations/alembic_script.h"
#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct VersionTable {
  postgres::QualifiedName name;  ///< where the table is, or where it would be made
  bool exists = false;
  std::set<std::string> heads;
};

/// `reference` without a schema is looked up in the session's search_path, so the session is one of the role
/// (open_as_role). Throws Failure (exit 2) for a text that is no table's name.
VersionTable read_version_table(postgres::Session& session, const std::string& reference);

/// As Alembic makes it, unless `text`, the project's own CREATE TABLE, is given. Empty already: it says that
/// nothing was applied.
void create_version_table(postgres::Session& session, const VersionTable& table, const std::string& text);

/// What takes version_statements back, in the order to be run; each of exactly one row.
std::vector<std::string> version_statements_back(const VersionTable& table,
                                                 const migrations::AlembicRevision& revision);

/// The changes as SQL, each of exactly one row.
std::vector<std::string> version_statements(const VersionTable& table,
                                            const migrations::AlembicRevision& revision);

}  // namespace crossfade::orchestrator
