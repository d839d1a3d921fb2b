// Takes an ALTER TABLE apart, one statement for each of its commands, so that each can go its own safe way.
// Pure function, thread-safe.
#pragma once

#include <vector>

#include "migrations/statement.h"

namespace crossfade::migrations {

/// An ALTER TABLE with several commands as one statement for each, in the order written; any other statement
/// as it is. Lines and columns stay those of the whole statement.
std::vector<Statement> split_commands(const Statement& statement);

/// The same for each of them, one after the other.
std::vector<Statement> split_commands(const std::vector<Statement>& statements);

}  // namespace crossfade::migrations
