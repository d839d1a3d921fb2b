#include "orchestrator/planning/earlier_changes.h"

#include <algorithm>
#include <array>

#include "migrations/created_relations.h"

namespace crossfade::orchestrator {

namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool same_letter(char left, char right) {
  return lower(left) == lower(right);
}

bool in_a_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80U;
}

bool has_word(const std::string& text, const std::string& word) {
  for (auto at = text.begin();; ++at) {
    at = std::search(at, text.end(), word.begin(), word.end(), same_letter);
    if (at == text.end()) return false;
    const auto behind = at + static_cast<std::ptrdiff_t>(word.size());
    const bool begins = at == text.begin() || !in_a_word(*(at - 1));
    if (begins && (behind == text.end() || !in_a_word(*behind))) return true;
  }
}

/// Views, rules, triggers, policies and foreign keys: what a rewrite would have to carry over.
bool makes_dependent(const migrations::Statement& statement) {
  static constexpr std::array<std::string_view, 4> kNodes = {"ViewStmt", "RuleStmt", "CreateTrigStmt",
                                                             "CreatePolicyStmt"};
  if (statement.node == "CreateTableAsStmt") return statement.object_type == "OBJECT_MATVIEW";
  return std::find(kNodes.begin(), kNodes.end(), statement.node) != kNodes.end() ||
         !migrations::referenced_tables(statement).empty();
}

}  // namespace

EarlierChanges::Name EarlierChanges::full(const migrations::TableReference& name) const {
  return {name.schema.value_or(default_schema_), name.name};
}

EarlierChanges::Name EarlierChanges::beside(const migrations::Statement& statement,
                                            const std::string& name) const {
  return {statement.table && statement.table->schema ? *statement.table->schema : default_schema_, name};
}

void EarlierChanges::add(const migrations::Statement& statement, std::optional<std::uint32_t> target,
                         const std::vector<migrations::Statement>& repeatable) {
  texts_.push_back(statement.text);
  if (statement.node == "CreateFunctionStmt") functions_.push_back(statement.text);
  const bool renames_column = statement.node == "RenameStmt" && statement.object_type == "OBJECT_COLUMN";
  const bool changes_constraints = std::any_of(
      statement.commands.begin(), statement.commands.end(), [](const migrations::AlterCommand& command) {
        return command.subtype == "AT_AddConstraint" || command.subtype == "AT_DropConstraint";
      });
  if (target && (renames_column || changes_constraints)) keys_changed_.insert(*target);
  if (makes_dependent(statement)) dependents_.push_back(statement.text);
  for (const migrations::TableReference& name : migrations::created_relations(statement)) {
    created_.insert(full(name));
    gone_.erase(full(name));
  }
  for (std::string& name : migrations::dropped_names(statement)) dropped_.insert(std::move(name));
  for (const migrations::AlterCommand& command : statement.commands) {
    // NO INHERIT is said of the child, DETACH PARTITION of the parent.
    if (command.subtype == "AT_DropInherit" && statement.table) detached_.insert(full(*statement.table));
    if (command.subtype != "AT_DetachPartition") continue;
    for (const migrations::TableReference& name : migrations::partition_tables(statement))
      detached_.insert(full(name));
  }
  if (statement.node == "IndexStmt" && !statement.index.empty()) {
    if (target)
      indexes_[beside(statement, statement.index)] = *target;
    else
      created_.insert(beside(statement, statement.index));
  }
  if (statement.node == "DropStmt") {
    for (const migrations::TableReference& name : statement.objects) {
      gone_.insert(full(name));
      created_.erase(full(name));
      renamed_.erase(full(name));
      indexes_.erase(full(name));
    }
  }
  const bool renames_index =
      statement.node == "RenameStmt" && statement.object_type == "OBJECT_INDEX" && statement.table;
  if (renames_index && target) {
    indexes_.erase(full(*statement.table));
    gone_.insert(full(*statement.table));
    indexes_[beside(statement, statement.new_name)] = *target;
    return;
  }
  const bool renames_table = statement.node == "RenameStmt" && statement.object_type == "OBJECT_TABLE";
  if (renames_table && statement.table) {
    const Name old = full(*statement.table);
    const Name now = beside(statement, statement.new_name);
    if (target) renamed_[now] = *target;
    if (created_.erase(old) > 0) created_.insert(now);
    renamed_.erase(old);
    gone_.insert(old);
    gone_.erase(now);
    return;
  }
  if (target) changes_[*target].insert(changes_[*target].end(), repeatable.begin(), repeatable.end());
}

void EarlierChanges::add_finished(const migrations::Statement& statement) {
  // After IF NOT EXISTS it may have been there before.
  if (!statement.if_exists) {
    for (const migrations::TableReference& name : migrations::created_relations(statement))
      created_.insert(full(name));
  }
  if (statement.node == "DropStmt") {
    for (const migrations::TableReference& name : statement.objects) created_.erase(full(name));
  }
  // Under another name, or in a parent, it may have taken a live table's place.
  if (statement.node == "RenameStmt" && statement.table) created_.erase(full(*statement.table));
  for (const migrations::TableReference& name : migrations::partition_tables(statement)) {
    if (statement.node != "CreateStmt") created_.erase(full(name));
  }
}

bool EarlierChanges::creates(const migrations::TableReference& name) const {
  return created_.contains(full(name));
}

std::optional<std::uint32_t> EarlierChanges::table_of_index(const migrations::TableReference& name) const {
  const auto found = indexes_.find(full(name));
  if (found == indexes_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> EarlierChanges::renamed(const migrations::TableReference& name) const {
  const auto found = renamed_.find(full(name));
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

bool EarlierChanges::mentions(const std::string& name) const {
  return !name.empty() && std::any_of(texts_.begin(), texts_.end(),
                                      [&](const std::string& text) { return has_word(text, name); });
}

std::string EarlierChanges::makes_dependent_of(const std::string& table) const {
  for (const std::string& text : dependents_) {
    const bool dropped = std::any_of(dropped_.begin(), dropped_.end(),
                                     [&](const std::string& name) { return has_word(text, name); });
    if (!dropped && has_word(text, table)) return text.substr(0, 120);
  }
  return "";
}

bool EarlierChanges::drops_column(std::uint32_t table, const std::string& column) const {
  const std::vector<migrations::Statement>& changes = of(table);
  return std::any_of(changes.begin(), changes.end(), [&](const migrations::Statement& change) {
    return change.commands.size() == 1 && change.commands.front().subtype == "AT_DropColumn" &&
           change.commands.front().name == column;
  });
}

bool EarlierChanges::makes_volatile_function(const std::string& name) const {
  return std::any_of(functions_.begin(), functions_.end(), [&](const std::string& text) {
    const std::string head = text.substr(0, text.find('('));
    return has_word(head, name) && !has_word(text, "immutable") && !has_word(text, "stable");
  });
}

bool EarlierChanges::detaches(const migrations::TableReference& name) const {
  return detached_.contains(full(name));
}

bool EarlierChanges::takes_away(const migrations::TableReference& name) const {
  return gone_.contains(full(name));
}

const std::vector<migrations::Statement>& EarlierChanges::of(std::uint32_t table) const {
  static const std::vector<migrations::Statement> none;
  const auto found = changes_.find(table);
  return found == changes_.end() ? none : found->second;
}

}  // namespace crossfade::orchestrator
