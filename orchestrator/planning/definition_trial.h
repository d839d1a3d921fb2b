// What CREATE … IF NOT EXISTS and ADD COLUMN IF NOT EXISTS would make, beside what is there under that name,
// in the same words. It is made over empty copies in a schema of its own and rolled back; the live tables
// that are copied are locked in ACCESS SHARE mode until then, so that an ALTER waits for the trial, and
// nobody else. All throw DatabaseError for what another attempt may cure. One thread; the session has no
// transaction open.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct Definitions {
  std::optional<std::string> wanted;  ///< null: it cannot be tried
  std::string found;

  bool same() const { return wanted && *wanted == found; }
};

/// CREATE TABLE, also as a partition of another or of rows elsewhere.
Definitions table_definitions(postgres::Session& session, const migrations::Statement& statement,
                              const postgres::Table& found);

/// CREATE TABLE AS and CREATE MATERIALIZED VIEW.
Definitions query_definitions(postgres::Session& session, const migrations::Statement& statement,
                              const postgres::Table& found);

Definitions sequence_definitions(postgres::Session& session, const migrations::Statement& statement,
                                 const postgres::QualifiedName& found);

Definitions index_definitions(postgres::Session& session, const migrations::Statement& statement,
                              const postgres::Table& table, const postgres::Index& found);

/// The column of ALTER TABLE … ADD COLUMN, the statement's only command, with the constraints that its
/// clauses make.
Definitions column_definitions(postgres::Session& session, const migrations::Statement& statement,
                               const postgres::Table& table);

/// CREATE STATISTICS; `found` is its number.
Definitions statistics_definitions(postgres::Session& session, const migrations::Statement& statement,
                                   const std::string& found);

}  // namespace crossfade::orchestrator
