// From an Alembic project and the live version table to the revisions that are pending, each as a migration
// file that the planner takes like any other: obtain the SQL, split it, check that it is all there is, and
// name the rows of the version table that move with it. Reads the database only. One thread.
#pragma once

#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "migrations/alembic_script.h"
#include "migrations/migration_file.h"
#include "orchestrator/alembic/options.h"
#include "orchestrator/alembic/version_table.h"
#include "postgres/connection.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// What a revision of Alembic's is called in the journal. The prefix keeps `up` from taking it for a file
/// that is missing from the directory, and from a file that happens to have the same name.
std::string journal_name(const std::string& alembic_revision);

struct PendingRevision {
  migrations::AlembicRevision alembic;
  std::string message;             ///< what it is about; may be empty
  std::string source;              ///< the path of its Python; may be empty
  migrations::MigrationFile file;  ///< its completion moves the version table
};

struct PendingRevisions {
  VersionTable table;
  std::string create_version_table;  ///< to be run first where the table does not exist
  std::vector<PendingRevision> revisions;
  std::set<std::string> heads_after;
  std::vector<Problem> refusals;  ///< all that speaks against running them; nothing may run then
};

/// Throws Failure where there is no SQL to judge: exit 1, 2 or 5 as in project.h and alembic_script.h.
PendingRevisions pending_revisions(const postgres::SessionFactory& factory, const AlembicOptions& options,
                                   const std::stop_token& stop);

/// The table and its rows alone, read as the role.
VersionTable live_versions(const postgres::SessionFactory& factory, const AlembicOptions& options);

}  // namespace crossfade::orchestrator
