#include "orchestrator/planning/only_named_tables.h"

#include <algorithm>

namespace crossfade::orchestrator {

std::vector<std::uint32_t> tables_only_named(postgres::Session& session,
                                             const migrations::MigrationFile& file,
                                             const EarlierChanges& earlier,
                                             const std::vector<RevisionStatement>& statements,
                                             std::vector<Problem>& refusals) {
  std::vector<std::uint32_t> out;
  const auto add = [&](const migrations::TableReference& name) {
    const auto table = find_existing(session, earlier, name);
    if (!table && earlier.creates(name)) return;
    if (!table) {
      refusals.push_back(
          {.code = "no-such-table",
           .object = name.display(),
           .message = "there is no such table in this database",
           .expected = "a table that the current role can see",
           .found = "none",
           .next = "Correct the name in " + file.path + ", or connect to the right database."});
      return;
    }
    const bool has_statements =
        std::any_of(statements.begin(), statements.end(), [&](const RevisionStatement& statement) {
          return statement.target == table && (statement.can_be_tried || compacts(statement.whole));
        });
    if (!has_statements && std::find(out.begin(), out.end(), *table) == out.end()) out.push_back(*table);
  };
  for (const std::string& name : file.rewrites) {
    if (const auto table = migrations::parse_table_reference(name)) add(*table);
  }
  for (const migrations::ColumnExpression& backfill : file.backfills) {
    if (backfill.table) add(*backfill.table);
  }
  return out;
}

}  // namespace crossfade::orchestrator
