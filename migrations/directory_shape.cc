#include "migrations/directory_shape.h"

#include <algorithm>
#include <utility>

#include "migrations/tree.h"
#include "migrations/type_name.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

std::string type_of(const json::object& column) {
  const json::object* type = tree::object(column, "typeName");
  return type == nullptr ? "" : read_type(*type).stored().display();
}

/// PRIMARY KEY and UNIQUE in table form or, for `inline_column`, in a column's definition.
void add_key(const json::object& constraint, const std::string& inline_column, TableShape& table) {
  const std::string kind = tree::text(constraint, "contype");
  if (kind != "CONSTR_PRIMARY" && kind != "CONSTR_UNIQUE") return;
  std::vector<std::string> columns = tree::strings(constraint, "keys");
  if (columns.empty() && !inline_column.empty()) columns = {inline_column};
  if (columns.empty()) return;
  if (kind == "CONSTR_PRIMARY") table.primary_key = columns;
  table.indexes.push_back(std::move(columns));
}

void add_column(const json::object& column, TableShape& table) {
  const std::string name = tree::text(column, "colname");
  table.columns[name] = type_of(column);
  const json::array* constraints = tree::array(column, "constraints");
  if (constraints == nullptr) return;
  for (const json::value& each : *constraints) {
    if (const json::object* constraint = tree::below(each, "Constraint")) add_key(*constraint, name, table);
  }
}

void rename_column(TableShape& table, const std::string& from, const std::string& to) {
  if (const auto found = table.columns.find(from); found != table.columns.end()) {
    std::string type = found->second;
    table.columns.erase(found);
    table.columns[to] = std::move(type);
  }
  for (std::vector<std::string>& index : table.indexes) std::replace(index.begin(), index.end(), from, to);
  std::replace(table.primary_key.begin(), table.primary_key.end(), from, to);
}

void drop_column(TableShape& table, const std::string& name) {
  table.columns.erase(name);
  std::erase_if(table.indexes, [&](const std::vector<std::string>& index) {
    return std::find(index.begin(), index.end(), name) != index.end();
  });
}

}  // namespace

std::string table_key(const TableReference& table) {
  return table.schema && *table.schema != "public" ? table.display() : table.name;
}

void DirectoryShape::create_table(const Statement& statement) {
  TableShape table;
  const json::object fields = tree::parse(statement.tree);
  if (const json::array* elements = tree::array(fields, "tableElts")) {
    for (const json::value& element : *elements) {
      if (const json::object* column = tree::below(element, "ColumnDef")) add_column(*column, table);
      if (const json::object* constraint = tree::below(element, "Constraint"))
        add_key(*constraint, "", table);
    }
  }
  // CREATE TABLE IF NOT EXISTS of a table that an earlier file made says nothing new.
  tables_.try_emplace(table_key(*statement.table), std::move(table));
}

void DirectoryShape::create_index(const Statement& statement) {
  const json::object fields = tree::parse(statement.tree);
  if (fields.contains("whereClause")) return;
  std::vector<std::string> columns;
  if (const json::array* parameters = tree::array(fields, "indexParams")) {
    for (const json::value& parameter : *parameters) {
      const json::object* element = tree::below(parameter, "IndexElem");
      const std::string name = element == nullptr ? "" : tree::text(*element, "name");
      if (name.empty()) break;
      columns.push_back(name);
    }
  }
  tables_[table_key(*statement.table)].indexes.push_back(columns);
  if (!statement.index.empty()) {
    TableReference index = *statement.table;
    index.name = statement.index;
    indexes_[table_key(index)] = {*statement.table, std::move(columns)};
  }
}

void DirectoryShape::alter_table(const Statement& statement) {
  TableShape& table = tables_[table_key(*statement.table)];
  const json::object fields = tree::parse(statement.tree);
  const json::array& commands = fields.at("cmds").as_array();
  for (std::size_t index = 0; index < statement.commands.size() && index < commands.size(); ++index) {
    const AlterCommand& command = statement.commands[index];
    const json::object* node = tree::below(commands[index], "AlterTableCmd");
    const json::object* definition = node == nullptr ? nullptr : tree::object(*node, "def");
    const json::object* column = definition == nullptr ? nullptr : tree::object(*definition, "ColumnDef");
    if (command.subtype == "AT_DropColumn") drop_column(table, command.name);
    if (column != nullptr && command.subtype == "AT_AddColumn") add_column(*column, table);
    if (column != nullptr && command.subtype == "AT_AlterColumnType")
      table.columns[command.name] = type_of(*column);
    const json::object* constraint =
        definition == nullptr ? nullptr : tree::object(*definition, "Constraint");
    if (constraint != nullptr) add_key(*constraint, "", table);
  }
}

void DirectoryShape::apply(const Statement& statement) {
  const std::string& node = statement.node;
  if (node == "CreateStmt" && statement.table) create_table(statement);
  if (node == "IndexStmt" && statement.table) create_index(statement);
  if (statement.kind == StatementKind::alter_table && statement.table) alter_table(statement);
  if (statement.kind == StatementKind::rename_column && statement.table)
    rename_column(tables_[table_key(*statement.table)], statement.old_name, statement.new_name);
  if (node == "RenameStmt" && statement.object_type == "OBJECT_TABLE" && statement.table) {
    auto moved = tables_.extract(table_key(*statement.table));
    TableReference renamed = *statement.table;
    renamed.name = statement.new_name;
    if (!moved.empty()) tables_[table_key(renamed)] = std::move(moved.mapped());
  }
  if (node == "DropStmt" && statement.object_type == "OBJECT_TABLE") {
    for (const TableReference& table : statement.objects) tables_.erase(table_key(table));
  }
  if (node == "DropStmt" && statement.object_type == "OBJECT_INDEX") {
    for (const TableReference& name : statement.objects) {
      const auto found = indexes_.find(table_key(name));
      if (found == indexes_.end()) continue;
      std::vector<std::vector<std::string>>& indexes = tables_[table_key(found->second.table)].indexes;
      const auto index = std::find(indexes.begin(), indexes.end(), found->second.columns);
      if (index != indexes.end()) indexes.erase(index);
    }
  }
  if (node == "CreateEnumStmt" || node == "CompositeTypeStmt" || node == "CreateRangeStmt") {
    const json::object fields = tree::parse(statement.tree);
    const json::object* composite = tree::object(fields, "typevar");
    const std::vector<std::string> names = tree::strings(fields, "typeName");
    if (composite != nullptr) plain_types_.insert(tree::text(*composite, "relname"));
    if (!names.empty()) plain_types_.insert(names.back());
  }
}

void DirectoryShape::add(const TableReference& name, const TableShape& table) {
  TableShape& known = tables_[table_key(name)];
  known.columns.insert(table.columns.begin(), table.columns.end());
  known.indexes.insert(known.indexes.end(), table.indexes.begin(), table.indexes.end());
  if (known.primary_key.empty()) known.primary_key = table.primary_key;
}

const TableShape* DirectoryShape::table(const TableReference& name) const {
  const auto found = tables_.find(table_key(name));
  return found == tables_.end() ? nullptr : &found->second;
}

std::optional<std::string> DirectoryShape::column_type(const TableReference& table,
                                                       const std::string& column) const {
  const TableShape* shape = this->table(table);
  if (shape == nullptr) return std::nullopt;
  const auto found = shape->columns.find(column);
  return found == shape->columns.end() ? std::nullopt : std::optional(found->second);
}

bool DirectoryShape::indexed(const TableReference& table, std::span<const std::string> columns) const {
  const TableShape* shape = this->table(table);
  if (shape == nullptr) return false;
  return std::any_of(shape->indexes.begin(), shape->indexes.end(),
                     [&](const std::vector<std::string>& index) {
                       return index.size() >= columns.size() &&
                              std::is_permutation(columns.begin(), columns.end(), index.begin());
                     });
}

std::optional<TableReference> DirectoryShape::table_of_index(const TableReference& index) const {
  const auto found = indexes_.find(table_key(index));
  return found == indexes_.end() ? std::nullopt : std::optional(found->second.table);
}

}  // namespace crossfade::migrations
