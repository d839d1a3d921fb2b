#include "orchestrator/planning/segment_trials.h"

#include <fmt/format.h>

#include <utility>

#include "orchestrator/planning/shape_rehearsal.h"
#include "strategies/added_column.h"

namespace crossfade::orchestrator {

using migrations::Statement;

strategies::ShapeRehearsal SegmentTrials::of(std::vector<Statement> statements) const {
  // Their expressions are about columns that these statements may only be adding.
  migrations::MigrationFile without_backfills = *request_.file;
  without_backfills.backfills.clear();
  return rehearse(session_, {.source = &source_,
                             .run = request_.in_place_run,
                             .file = &without_backfills,
                             .earlier = earlier_.of(source_.oid),
                             .dropped_indexes = dropped_indexes(),
                             .statements = std::move(statements)});
}

std::optional<postgres::Table> SegmentTrials::table_by_then(const Statement& statement) const {
  const bool batched = statement.node == "UpdateStmt" || statement.node == "DeleteStmt";
  if (!batched || source_.kind != "r" || earlier_.of(source_.oid).empty()) return std::nullopt;
  return of({}).initial;
}

namespace {

/// ADD COLUMN with a foreign key, without that; null for all else.
std::optional<Statement> without_its_foreign_keys(const NumberedCommand& command,
                                                  const postgres::Table& source) {
  const Statement& statement = command.statement;
  if (command.can_be_tried || statement.commands.size() != 1 ||
      statement.commands.front().subtype != "AT_AddColumn" ||
      !statement.commands.front().has_constraint("CONSTR_FOREIGN"))
    return std::nullopt;
  const std::string alone = fmt::format("ALTER TABLE {} {}", source.name.quoted(),
                                        strategies::without_foreign_keys(statement.commands.front()));
  return migrations::parse_statements(alone, "", statement.line).front();
}

}  // namespace

std::optional<CommandTrial> SegmentTrials::without_foreign_keys(const NumberedCommand& command) const {
  if (source_.kind != "r" && source_.kind != "p") return std::nullopt;
  if (!without_its_foreign_keys(command, source_)) return std::nullopt;
  // Columns that commands before it add may be in its checks.
  std::vector<Statement> statements;
  for (const RevisionStatement& statement : request_.statements) {
    for (const NumberedCommand& each : statement.commands) {
      if (each.number > command.number) continue;
      if (each.can_be_tried) statements.push_back(trial_form(each.statement));
      if (auto alone = without_its_foreign_keys(each, source_)) statements.push_back(std::move(*alone));
    }
  }
  strategies::ShapeRehearsal trial = of(std::move(statements));
  CommandTrial out{.before = trial.initial, .outcome = std::move(trial.statements.back())};
  if (trial.statements.size() > 1) out.before = trial.statements[trial.statements.size() - 2].after;
  return out;
}

std::vector<std::string> SegmentTrials::dropped_indexes() const {
  std::vector<std::string> out;
  for (const postgres::Index& index : source_.indexes) {
    if (earlier_.takes_away({source_.name.schema, index.name})) out.push_back(index.name);
  }
  return out;
}

}  // namespace crossfade::orchestrator
