// Recognises the UPDATE that fills a column which was added before it: one column, every row or those that
// have no value yet, nothing else. Pure function, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "migrations/statement.h"

namespace crossfade::migrations {

struct ColumnFill {
  TableReference table;
  std::string column;
  std::string expression;     ///< as written
  bool missing_only = false;  ///< WHERE column IS NULL is given
};

/// nullopt for every other statement.
std::optional<ColumnFill> column_fill(const Statement& statement);

}  // namespace crossfade::migrations
