// What Alembic ran online, in order, as revisions: the same shape as its offline SQL, with the questions that
// its Python asked the catalog left out. Plain values; thread-safe.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "migrations/alembic_script.h"

namespace crossfade::migrations {

struct ExecutedScript {
  AlembicScript script;
  /// By revision: the statements among its own that return rows of user tables or values of sequences, which
  /// its Python may have used.
  std::map<std::string, std::vector<std::string>> queries;
};

/// `statements` are those that were committed, each text as it was sent, perhaps several statements in one.
/// What came before Alembic first read its version table is the environment's; a statement there that changes
/// something, or that sets where names are looked up, is a Failure(refused, "alembic-environment"). The same
/// for statements behind the last revision. Other Failures as split_alembic_script has them.
ExecutedScript script_of_executed(std::span<const std::string> statements,
                                  const TableReference& version_table);

}  // namespace crossfade::migrations
