#include "orchestrator/planning/earlier_changes.h"

#include "migrations/created_relations.h"

namespace crossfade::orchestrator {

void EarlierChanges::add(const migrations::Statement& statement, std::optional<std::uint32_t> target,
                         const std::vector<migrations::Statement>& repeatable) {
  for (const migrations::TableReference& name : migrations::created_relations(statement)) {
    created_.insert(name.name);
    gone_.erase(name.name);
  }
  for (std::string& name : migrations::dropped_names(statement)) dropped_.insert(std::move(name));
  if (statement.table) named_.insert(statement.table->name);
  if (statement.node == "IndexStmt" && target && !statement.index.empty())
    indexes_[statement.index] = *target;
  if (statement.node == "IndexStmt" && !target && !statement.index.empty()) created_.insert(statement.index);
  if (statement.node == "DropStmt") {
    for (const migrations::TableReference& name : statement.objects) {
      gone_.insert(name.name);
      created_.erase(name.name);
      renamed_.erase(name.name);
      indexes_.erase(name.name);
    }
  }
  const bool renames_index =
      statement.node == "RenameStmt" && statement.object_type == "OBJECT_INDEX" && statement.table;
  if (renames_index && target) {
    indexes_.erase(statement.table->name);
    gone_.insert(statement.table->name);
    indexes_[statement.new_name] = *target;
    return;
  }
  const bool renames_table = statement.node == "RenameStmt" && statement.object_type == "OBJECT_TABLE";
  if (renames_table && statement.table) {
    if (target) renamed_[statement.new_name] = *target;
    if (created_.erase(statement.table->name) > 0) created_.insert(statement.new_name);
    renamed_.erase(statement.table->name);
    gone_.insert(statement.table->name);
    gone_.erase(statement.new_name);
    return;
  }
  if (target) changes_[*target].insert(changes_[*target].end(), repeatable.begin(), repeatable.end());
}

bool EarlierChanges::creates(const migrations::TableReference& name) const {
  return created_.contains(name.name);
}

std::optional<std::uint32_t> EarlierChanges::table_of_index(const migrations::TableReference& name) const {
  const auto found = indexes_.find(name.name);
  if (found == indexes_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> EarlierChanges::renamed(const migrations::TableReference& name) const {
  const auto found = renamed_.find(name.name);
  if (found == renamed_.end()) return std::nullopt;
  return found->second;
}

bool EarlierChanges::drops_one_of(const std::string& object) const {
  std::string word;
  for (const char c : object + " ") {
    if (c != ' ' && c != '.' && c != '"') {
      word += c;
      continue;
    }
    if (dropped_.contains(word)) return true;
    word.clear();
  }
  return false;
}

bool EarlierChanges::changes(const migrations::TableReference& name) const {
  return gone_.contains(name.name) || named_.contains(name.name);
}

bool EarlierChanges::takes_away(const migrations::TableReference& name) const {
  return gone_.contains(name.name);
}

const std::vector<migrations::Statement>& EarlierChanges::of(std::uint32_t table) const {
  static const std::vector<migrations::Statement> none;
  const auto found = changes_.find(table);
  return found == changes_.end() ? none : found->second;
}

}  // namespace crossfade::orchestrator
