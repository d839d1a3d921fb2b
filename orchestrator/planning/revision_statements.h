// The statements of a revision, numbered, with the table that each is about as the catalog and earlier
// statements have it; and which neighbours belong together. One thread; reads the catalog.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "migrations/column_fill.h"
#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "orchestrator/planning/earlier_changes.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// A statement, an ALTER TABLE's commands each for itself.
struct NumberedCommand {
  int number = 0;  ///< in the revision, from 1
  migrations::Statement statement;
  bool can_be_tried = false;  ///< on an empty copy of its target
};

struct RevisionStatement {
  migrations::Statement whole;  ///< as written
  std::vector<NumberedCommand> commands;
  /// The table, index's table or view that it is about, where that exists before the revision's own
  /// statements make it.
  std::optional<std::uint32_t> target;
  bool target_is_new = false;  ///< an earlier statement makes it
  bool missing = false;        ///< it names a relation that neither exists nor is made
  std::string missing_name;    ///< which; empty: the only one
  bool mixed = false;          ///< it drops or empties new relations together with existing ones
  bool can_be_tried = false;   ///< on an empty copy of its target
  std::optional<migrations::ColumnFill> fill;  ///< an UPDATE that fills a column of the target
};

/// All of them, in order. Throws Failure (exit 2) for SQL that does not parse.
std::vector<RevisionStatement> read_statements(const migrations::MigrationFile& file);

/// Finds out what the statement is about; to be called in order, with `earlier` growing in between.
void resolve(postgres::Session& session, const EarlierChanges& earlier, RevisionStatement& statement);

/// The existing relation of this name, by the session's search_path and what was planned before.
std::optional<std::uint32_t> find_existing(postgres::Session& session, const EarlierChanges& earlier,
                                           const migrations::TableReference& name);

/// The statement as a trial inside a transaction runs it: an index is built at once.
migrations::Statement trial_form(const migrations::Statement& statement);

/// ADD COLUMN `column` … NOT NULL without a default.
bool adds_without_value(const migrations::Statement& statement, const std::string& column);

strategies::NumberedStatement numbered(const NumberedCommand& command);

/// VACUUM FULL and CLUSTER: a rewrite without a change.
bool compacts(const migrations::Statement& statement);

}  // namespace crossfade::orchestrator
