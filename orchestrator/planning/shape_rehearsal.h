// Tries a migration on an empty table of the same shape, in a transaction that is always rolled back, and
// reports what the server made of it: the shape after every statement, which statements rewrite, what the
// expressions call. Creates nothing that outlives the call; locks the source in ACCESS SHARE. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/rehearsal.h"

namespace crossfade::orchestrator {

struct RehearsalRequest {
  const postgres::Table* source = nullptr;
  std::int64_t run = 0;  ///< names the schema
  const migrations::MigrationFile* file = nullptr;
  /// What was planned for the table before, and has not run yet; the copy gets it first.
  std::vector<migrations::Statement> earlier;
  std::vector<std::string> dropped_indexes = {};  ///< of the source, by earlier statements
  std::vector<migrations::Statement> statements;
  /// Of a partitioned source: all tables below it, parents first. Null: it is tried as an ordinary table.
  const std::vector<postgres::Table>* partitions = nullptr;
  /// What makes a partitioned table of the copy, which it gets as it is behind the last statement.
  std::function<std::vector<std::string>(const postgres::Table&)> partition = {};
};

/// Throws Failure (exit 5) that points at the file's line where the server refuses a statement or an
/// expression.
strategies::ShapeRehearsal rehearse(postgres::Session& session, const RehearsalRequest& request);

/// The copy's shape as that of the live table, with its foreign keys, which are not copied.
postgres::Table as_live(const postgres::Table& copy, const postgres::Table& source);

}  // namespace crossfade::orchestrator
