// Tries a migration on an empty table of the same shape, in a transaction that is always rolled back, and
// reports what the server made of it: the shape after every statement, which statements rewrite, what the
// expressions call. Creates nothing that outlives the call; locks the source in ACCESS SHARE. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/rehearsal.h"

namespace crossfade::orchestrator {

/// Throws Failure (exit 5) that points at the file's line where the server refuses a statement or an
/// expression.
strategies::ShapeRehearsal rehearse(postgres::Session& session, const postgres::Table& source,
                                    std::int64_t run, const migrations::MigrationFile& file,
                                    const std::vector<migrations::Statement>& statements);

}  // namespace crossfade::orchestrator
