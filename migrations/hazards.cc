#include "migrations/hazards.h"

#include <algorithm>

#include "migrations/alter_hazards.h"
#include "migrations/statement_hazards.h"
#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// Indexes, views and types are altered by the same node, without commands of their own in the Statement.
std::vector<Hazard> other_object_hazards(const Statement& statement, const json::object& fields) {
  const json::array* commands = tree::array(fields, "cmds");
  std::vector<Hazard> out;
  if (commands == nullptr) return out;
  const bool of_type = statement.object_type == "OBJECT_TYPE";
  for (const json::value& each : *commands) {
    const json::object* node = tree::below(each, "AlterTableCmd");
    if (node == nullptr) continue;
    AlterCommand plain;
    plain.subtype = tree::text(*node, "subtype");
    std::vector<Hazard> found = of_type ? std::vector{met("46b")} : alter_hazards(plain, *node, {});
    out.insert(out.end(), found.begin(), found.end());
  }
  return out;
}

std::vector<Hazard> alter_table_hazards(const Statement& statement, const json::object& fields,
                                        const HazardFacts& facts) {
  if (statement.commands.empty()) return other_object_hazards(statement, fields);
  const json::array& commands = fields.at("cmds").as_array();
  std::vector<Hazard> out;
  for (std::size_t index = 0; index < statement.commands.size() && index < commands.size(); ++index) {
    const json::object* node = tree::below(commands[index], "AlterTableCmd");
    std::vector<Hazard> found = alter_hazards(statement.commands[index], *node, facts);
    out.insert(out.end(), found.begin(), found.end());
  }
  apply_trial(facts, out);
  return out;
}

/// On a table that nobody else knows yet nothing is waited for, but a foreign key still locks its parent.
std::vector<Hazard> on_new_table(std::vector<Hazard> hazards) {
  std::erase_if(hazards, [](const Hazard& hazard) {
    return hazard.others.empty() && hazard.hazard_class != HazardClass::refused;
  });
  for (Hazard& hazard : hazards) {
    if (hazard.others.empty()) continue;
    Hazard only = met("9");
    only.others = std::move(hazard.others);
    only.lock = only.others.front().lock;
    hazard = std::move(only);
  }
  return hazards;
}

}  // namespace

std::vector<Hazard> hazards_of(const Statement& statement, const HazardFacts& facts) {
  const json::object fields = tree::parse(statement.tree);
  std::vector<Hazard> out = statement.node == "AlterTableStmt" ? alter_table_hazards(statement, fields, facts)
                                                               : statement_hazards(statement, fields, facts);
  if (facts.target_is_new && statement.node != "CreateStmt") out = on_new_table(std::move(out));
  std::stable_sort(out.begin(), out.end(), [](const Hazard& left, const Hazard& right) {
    if (left.cost != right.cost) return static_cast<int>(left.cost) > static_cast<int>(right.cost);
    return lock_strength(left.lock) > lock_strength(right.lock);
  });
  return out;
}

bool destructive(const Statement& statement) {
  const std::string& node = statement.node;
  if (node == "TruncateStmt" || node == "DropOwnedStmt" || node == "DropdbStmt") return true;
  if (node == "AlterTableStmt") {
    const json::object fields = tree::parse(statement.tree);
    const json::array* commands = tree::array(fields, "cmds");
    return commands != nullptr &&
           std::any_of(commands->begin(), commands->end(), [](const json::value& each) {
             const json::object* command = tree::below(each, "AlterTableCmd");
             return command != nullptr && tree::text(*command, "subtype") == "AT_DropColumn";
           });
  }
  if (node != "DropStmt") return false;
  const std::string& type = statement.object_type;
  if (type == "OBJECT_TABLE" || type == "OBJECT_SCHEMA") return true;
  // CASCADE reaches columns, defaults, indexes and constraints that the text does not name.
  return tree::text(tree::parse(statement.tree), "behavior") == "DROP_CASCADE";
}

}  // namespace crossfade::migrations
