#include "migrations/created_relations.h"

#include <boost/json.hpp>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

json::object tree_of(const Statement& statement) {
  return tree::parse(statement.tree);
}

/// Calls `found` with every RangeVar below `value` that stands under one of the keys.
template <class Found>
void relations_under(const json::value& value, std::string_view key, const Found& found) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) relations_under(item, key, found);
    return;
  }
  const json::object* object = value.if_object();
  if (object == nullptr) return;
  for (const auto& member : *object) {
    const json::object* inner = member.value().if_object();
    if (member.key() == key && inner != nullptr) {
      const json::object* wrapped = tree::object(*inner, "RangeVar");
      const json::object& relation = wrapped == nullptr ? *inner : *wrapped;
      if (relation.contains("relname")) found(tree::relation(relation));
      continue;
    }
    relations_under(member.value(), key, found);
  }
}

std::vector<TableReference> under(const Statement& statement, std::string_view key) {
  std::vector<TableReference> out;
  relations_under(json::value(tree_of(statement)), key,
                  [&](const TableReference& name) { out.push_back(name); });
  return out;
}

}  // namespace

std::vector<TableReference> created_relations(const Statement& statement) {
  if (statement.node == "CreateStmt" || statement.node == "CreateForeignTableStmt") {
    if (statement.table) return {*statement.table};
    return under(statement, "relation");
  }
  if (statement.node == "CreateTableAsStmt") return under(statement, "rel");
  if (statement.node == "ViewStmt") return under(statement, "view");
  if (statement.node == "CreateSeqStmt") return under(statement, "sequence");
  if (statement.node == "SelectStmt") return under(statement, "rel");
  return {};
}

std::vector<std::string> dropped_names(const Statement& statement) {
  std::vector<std::string> out;
  for (const AlterCommand& command : statement.commands) {
    if (command.subtype == "AT_DropConstraint") out.push_back(command.name);
  }
  if (statement.node != "DropStmt") return out;
  const json::object fields = tree_of(statement);
  const json::array* objects = tree::array(fields, "objects");
  if (objects == nullptr) return out;
  for (const json::value& object : *objects) {
    const json::object* list = tree::object(object.as_object(), "List");
    const std::vector<std::string> parts =
        list == nullptr ? std::vector<std::string>{} : tree::strings(*list, "items");
    if (!parts.empty()) out.push_back(parts.back());
  }
  return out;
}

std::vector<TableReference> dropped_types(const Statement& statement) {
  std::vector<TableReference> out;
  if (statement.node != "DropStmt" ||
      (statement.object_type != "OBJECT_TYPE" && statement.object_type != "OBJECT_DOMAIN"))
    return out;
  const json::object fields = tree_of(statement);
  const json::array* objects = tree::array(fields, "objects");
  if (objects == nullptr) return out;
  for (const json::value& object : *objects) {
    const json::object* type = tree::object(object.as_object(), "TypeName");
    const std::vector<std::string> parts =
        type == nullptr ? std::vector<std::string>{} : tree::strings(*type, "names");
    if (parts.empty()) continue;
    TableReference name{.schema = {}, .name = parts.back()};
    if (parts.size() > 1) name.schema = parts[parts.size() - 2];
    out.push_back(std::move(name));
  }
  return out;
}

std::vector<TableReference> referenced_tables(const Statement& statement) {
  return under(statement, "pktable");
}

std::vector<TableReference> partition_tables(const Statement& statement) {
  if (statement.node == "CreateStmt") {
    std::vector<TableReference> out;
    const json::object fields = tree_of(statement);
    const json::array* parents = tree::array(fields, "inhRelations");
    if (parents == nullptr) return out;
    for (const json::value& parent : *parents) {
      if (const json::object* range = tree::object(parent.as_object(), "RangeVar"))
        out.push_back(tree::relation(*range));
    }
    return out;
  }
  const bool partition =
      statement.commands.size() == 1 && (statement.commands.front().subtype == "AT_AttachPartition" ||
                                         statement.commands.front().subtype == "AT_DetachPartition");
  return partition ? under(statement, "name") : std::vector<TableReference>{};
}

std::vector<TableReference> vacuumed_tables(const Statement& statement) {
  if (statement.node != "VacuumStmt") return {};
  std::vector<TableReference> out;
  const json::object fields = tree_of(statement);
  const json::array* relations = tree::array(fields, "rels");
  if (relations == nullptr) return out;
  for (const json::value& relation : *relations) {
    const json::object* vacuumed = tree::object(relation.as_object(), "VacuumRelation");
    const json::object* range = vacuumed == nullptr ? nullptr : tree::object(*vacuumed, "relation");
    if (range != nullptr) out.push_back(tree::relation(*range));
  }
  return out;
}

bool is_vacuum_full(const Statement& statement) {
  return statement.node == "VacuumStmt" &&
         tree::option_is_on(tree::array(tree_of(statement), "options"), "full");
}

std::string setting_name(const Statement& statement) {
  if (statement.node != "VariableSetStmt") return {};
  const json::object fields = tree_of(statement);
  return tree::text(fields, "name");
}

}  // namespace crossfade::migrations
