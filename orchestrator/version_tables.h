// The version tables of other migration tools: which revisions of the directory they say are applied. Only
// reads; one thread.
#pragma once

#include <optional>
#include <string>

#include "migrations/revision_directory.h"
#include "migrations/revision_graph.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

enum class VersionTool { dbmate, goose, alembic };

/// What the tool's own default is: schema_migrations, goose_db_version, alembic_version.
std::string default_version_table(VersionTool tool);

/// The revisions that the table names; of Alembic, whose table holds heads alone, with all that they need.
/// `table` is [schema.]table, looked up in the session's search_path where it has no schema; empty means the
/// default. Throws Failure (exit 5): "no-such-table", "not-a-version-table", "version-without-file",
/// "ambiguous-version", each naming all that it is about; exit 2: "bad-table-name".
migrations::RevisionSet adopted_revisions(postgres::Session& session,
                                          const migrations::RevisionDirectory& directory, VersionTool tool,
                                          const std::string& table);

}  // namespace crossfade::orchestrator
