// The SQL of revisions that ask the database while they run: the project's own Alembic runs them, online,
// against a copy of the schema, and what it sent is taken from that server's log. The database itself is only
// read. One thread; takes as long as pg_dump and the revisions on empty tables.
#pragma once

#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "migrations/alembic_script.h"
#include "orchestrator/alembic/options.h"
#include "orchestrator/alembic/project.h"
#include "orchestrator/alembic/version_table.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

struct Recording {
  migrations::AlembicScript script;
  std::map<std::string, std::vector<std::string>> queries;  ///< as in migrations/executed_statements.h
};

/// Throws Failure: exit 5 "record-target" where the project does not go to the copy, which is found out by
/// `alembic current` before anything writes; exit 5 "alembic-environment"; exit 1 where the copy or a
/// revision fails.
Recording record(const postgres::SessionFactory& factory, const AlembicProject& project,
                 const AlembicOptions& options, const VersionTable& versions, const std::stop_token& stop);

}  // namespace crossfade::orchestrator
