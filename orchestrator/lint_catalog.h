// What lint asks a database: whether tables exist, how large they are, and what a statement would do, tried
// on empty copies in a transaction that is always rolled back. Statements add up over files, so they are
// asked in the order in which they run. Applied revisions are taken from their text alone: the catalog shows
// what came after them. Owns its session; one thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migrations/directory_shape.h"
#include "migrations/lint.h"
#include "orchestrator/empty_copy.h"
#include "postgres/catalog.h"
#include "postgres/connection.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

class LintCatalog {
 public:
  explicit LintCatalog(const postgres::SessionFactory& factory);

  /// Adds the live tables that the statements name.
  void describe(const std::vector<migrations::Statement>& statements, migrations::DirectoryShape& shape);

  /// A migrations::FactSource.
  migrations::StatementFacts facts(const migrations::MigrationFile& file,
                                   const migrations::Statement& statement);

 private:
  struct LiveTable {
    postgres::Table table;
    std::unique_ptr<EmptyCopy> copy;  ///< null where there can be none
    bool followed = true;             ///< every statement on it so far was tried
  };

  LiveTable* live_table(const migrations::TableReference& name);
  std::optional<Problem> missing(const migrations::Statement& statement);
  void follow_names(const migrations::Statement& statement);
  void try_on_copy(LiveTable& live, const migrations::Statement& statement,
                   migrations::StatementFacts& facts);
  void ask_about_column(const LiveTable& live, const migrations::Statement& statement,
                        migrations::HazardFacts& facts);

  std::unique_ptr<postgres::Session> session_;
  std::optional<postgres::Transaction> transaction_;
  std::set<std::string> applied_;
  std::set<std::string> made_;  ///< by pending files; the database does not have them yet
  std::map<std::uint32_t, LiveTable> tables_;
};

}  // namespace crossfade::orchestrator
