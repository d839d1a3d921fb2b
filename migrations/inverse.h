// The statement that takes another one back, where its text alone tells it. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "migrations/statement.h"

namespace crossfade::migrations {

struct Inverse {
  std::string sql;
  bool lossless = true;  ///< false: what was written since is lost, as with a column that was added
};

/// Null where the text does not tell: the former default of a column, the body of a dropped view.
/// `statement` has at most one ALTER command.
std::optional<Inverse> inverse_of(const Statement& statement);

}  // namespace crossfade::migrations
