#include "orchestrator/planning/empty_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "checkers/preflight.h"
#include "migrations/tree.h"
#include "orchestrator/planning/shape_rehearsal.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

/// What the preflight of a table's rewrite does not ask, because its rehearsal shows it.
std::vector<std::string> peculiarities(const postgres::Table& table, bool restarts_identity) {
  const std::string name = table.name.display();
  std::vector<std::string> out;
  if (table.persistence != "p") out.push_back(name + " is not a permanent table");
  if (table.row_security_forced) out.push_back(name + " forces row-level security on its owner");
  for (const postgres::Index& index : table.indexes) {
    if (index.exclusion) out.push_back(fmt::format("{} has the exclusion constraint {}", name, index.name));
    if (!index.valid) out.push_back(fmt::format("the index {} of {} is invalid", index.name, name));
  }
  for (const postgres::Column& column : table.columns) {
    if (restarts_identity && column.owned_sequence_name && column.identity.empty())
      out.push_back(fmt::format("RESTART IDENTITY sets back {}, the sequence of {}.{}",
                                *column.owned_sequence_name, name, column.name));
  }
  return out;
}

std::vector<std::string> obstacles(postgres::Session& session, const EarlierChanges& earlier,
                                   const postgres::Table& table) {
  // One byte: the empty table needs no room.
  std::vector<Problem> found = checkers::preflight(
      session,
      {.table_oid = table.oid, .display = table.name.display(), .type_changes = {}, .estimated_bytes = 1});
  std::erase_if(found, [&](const Problem& problem) { return earlier.drops_one_of(problem.object); });
  std::vector<std::string> out;
  for (const Problem& problem : found) out.push_back(problem.object + " " + problem.message);
  return out;
}

}  // namespace

void read_empty_copies(postgres::Session& session, const EarlierChanges& earlier,
                       strategies::StatementContext& context) {
  context.restarts_identity =
      migrations::tree::flag(migrations::tree::parse(context.statement.tree), "restart_seqs");
  for (const postgres::Table& table : context.objects) {
    for (std::string& reason : obstacles(session, earlier, table))
      context.not_copied.push_back(std::move(reason));
    for (std::string& reason : peculiarities(table, context.restarts_identity))
      context.not_copied.push_back(std::move(reason));
  }
  if (!context.not_copied.empty()) return;
  migrations::MigrationFile without_directives = *context.file;
  without_directives.backfills.clear();
  for (postgres::Table& table : context.objects) {
    const strategies::ShapeRehearsal trial =
        rehearse(session, {&table, context.run, &without_directives, earlier.of(table.oid), {}, {}});
    context.empty_copies.emplace(table.oid, trial.initial);
    table = trial.source;
  }
}

}  // namespace crossfade::orchestrator
