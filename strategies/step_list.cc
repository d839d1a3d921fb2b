#include "strategies/step_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace crossfade::strategies {

using postgres::quote_identifier;
using postgres::quote_literal;

InPlaceStep& StepList::add(StepKind kind, std::string_view what, std::vector<std::string> sql,
                           std::string reason) {
  InPlaceStep step;
  step.statement = context_.number;
  step.name = fmt::format("{}. {}", context_.number, what);
  for (int again = 2; std::any_of(steps_.begin(), steps_.end(),
                                  [&](const InPlaceStep& other) { return other.name == step.name; });
       ++again) {
    step.name = fmt::format("{}. {} ({})", context_.number, what, again);
  }
  step.kind = kind;
  step.strategy = strategy_;
  step.sql = std::move(sql);
  step.hazard = hazard_;
  step.reason = std::move(reason);
  steps_.push_back(std::move(step));
  return steps_.back();
}

void StepList::look(const postgres::QualifiedName& relation, std::string_view what, const std::string& probe,
                    std::string reason) {
  if (probe.empty()) return;
  InPlaceStep& step = add(StepKind::look, what, {}, std::move(reason));
  step.relation = relation;
  step.probe = probe;
  step.locks.push_back({relation.display(), "ACCESS SHARE"});
}

InPlaceStep& StepList::on(const postgres::QualifiedName& relation, std::string_view mode, StepKind kind,
                          std::string_view what, std::vector<std::string> sql, std::string reason) {
  InPlaceStep& step = add(kind, what, std::move(sql), std::move(reason));
  step.relation = relation;
  step.lock = mode;
  step.locks.push_back({relation.display(), std::string(mode)});
  return step;
}

std::string alter_table(const postgres::QualifiedName& table, std::string_view action) {
  return fmt::format("ALTER TABLE {} {}", table.quoted(), action);
}

namespace {

/// The columns by which an operator finds a row: the primary key's, else a unique index's, else all.
std::vector<std::string> naming_columns(const postgres::Table& table) {
  const postgres::Index* best = nullptr;
  for (const postgres::Index& index : table.indexes) {
    if (!index.unique || index.partial || index.expressions) continue;
    if (best == nullptr || index.primary) best = &index;
  }
  if (best != nullptr) return best->key_columns;
  std::vector<std::string> all;
  for (const postgres::Column& column : table.columns) all.push_back(column.name);
  return all;
}

}  // namespace

std::string rows_in_the_way(const postgres::Table& table, std::string_view condition) {
  std::string row;
  for (const std::string& column : naming_columns(table)) {
    if (!row.empty()) row += " || ', ' || ";
    row += fmt::format("{} || COALESCE(pg_catalog.left({}::pg_catalog.text, 200), 'NULL')",
                       quote_literal(column + " = "), quote_identifier(column));
  }
  if (row.empty()) row = "'a row without columns'";
  return fmt::format("SELECT {} AS \"row\" FROM {} WHERE {} LIMIT 5", row, table.name.quoted(), condition);
}

void append(InPlaceSteps& to, InPlaceSteps from) {
  const auto move_all = [](auto& target, auto& source) {
    target.insert(target.end(), std::make_move_iterator(source.begin()),
                  std::make_move_iterator(source.end()));
  };
  move_all(to.steps, from.steps);
  move_all(to.refusals, from.refusals);
  move_all(to.announcements, from.announcements);
  move_all(to.approvals, from.approvals);
}

}  // namespace crossfade::strategies
