// Statements about Alembic's version table: one row a head, a column version_num. Plain values; thread-safe.
#pragma once

#include <optional>
#include <string>

#include "migrations/names.h"
#include "migrations/sql_parser.h"

namespace crossfade::migrations {

/// One change of the version table, of exactly one row.
struct VersionChange {
  std::string from;  ///< empty: a new row
  std::string to;    ///< empty: the row goes
  int line = 0;      ///< of the script

  friend bool operator==(const VersionChange& left, const VersionChange& right) {
    return left.from == right.from && left.to == right.to;
  }
};

/// The change of a version table that a statement makes, and that table; nullopt where the statement is
/// something else.
struct VersionStatement {
  TableReference table;
  VersionChange change;
};
std::optional<VersionStatement> version_statement(const ParsedStatement& parsed);

/// CREATE TABLE with version_num as its first column.
bool creates_version_table(const ParsedStatement& parsed);

}  // namespace crossfade::migrations
