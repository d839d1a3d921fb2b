// CREATE TABLE … PARTITION OF as its two halves: a table of its own, which locks nobody, and its ATTACH,
// which writers of the parent do not notice. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>

#include "migrations/statement.h"

namespace crossfade::migrations {

struct NewPartition {
  std::string create;  ///< CREATE TABLE name (LIKE parent …), with the statement's other clauses
  std::string attach;  ///< the action of ALTER TABLE parent: ATTACH PARTITION name FOR VALUES …
  std::string drop;    ///< DROP TABLE name
};

/// nullopt where the statement is another one, or says more of its columns than the parent does.
std::optional<NewPartition> new_partition(const Statement& statement);

}  // namespace crossfade::migrations
