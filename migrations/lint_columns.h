// New columns and foreign keys of a statement, for the rules that look at how tables are made. Private to
// lint. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "migrations/statement.h"
#include "migrations/type_name.h"

namespace crossfade::migrations {

struct NewColumn {
  std::string name;
  TypeName type;
  std::size_t offset = 0;   ///< in the parsed SQL
  bool counts_up = false;   ///< serial or identity
  bool only_key = false;    ///< the whole primary key
  bool references = false;  ///< inline
};

/// Of CREATE TABLE and ALTER TABLE … ADD COLUMN.
std::vector<NewColumn> new_columns(const Statement& statement);

struct NewForeignKey {
  std::vector<std::string> columns;
  TableReference references;
  std::vector<std::string> referenced_columns;  ///< empty: the primary key
  std::size_t offset = 0;
};

/// Of CREATE TABLE and ALTER TABLE.
std::vector<NewForeignKey> new_foreign_keys(const Statement& statement);

/// The columns that an UPDATE sets; empty for other statements.
std::vector<std::string> updated_columns(const Statement& statement);

/// The table that a statement makes: CREATE TABLE in all forms, SELECT INTO.
std::optional<TableReference> created_table(const Statement& statement);

}  // namespace crossfade::migrations
