#include "migrations/lint_columns.h"

#include <utility>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// Calls `visit` with each ColumnDef and each Constraint node of CREATE TABLE or ALTER TABLE.
template <typename Column, typename Constraint>
void for_each_element(const Statement& statement, const Column& column, const Constraint& constraint) {
  const bool creates = statement.node == "CreateStmt";
  if (!creates && statement.kind != StatementKind::alter_table) return;
  const json::object fields = tree::parse(statement.tree);
  const auto visit = [&](const json::value& element) {
    if (const json::object* found = tree::below(element, "ColumnDef")) column(*found);
    if (const json::object* found = tree::below(element, "Constraint")) constraint(*found);
  };
  const json::array* elements = tree::array(fields, creates ? "tableElts" : "cmds");
  if (elements == nullptr) return;
  for (const json::value& element : *elements) {
    if (creates) {
      visit(element);
      continue;
    }
    const json::object* command = tree::below(element, "AlterTableCmd");
    const std::string subtype = command == nullptr ? "" : tree::text(*command, "subtype");
    const json::value* definition = command == nullptr ? nullptr : command->if_contains("def");
    if (definition != nullptr && (subtype == "AT_AddColumn" || subtype == "AT_AddConstraint"))
      visit(*definition);
  }
}

template <typename Visit>
void for_each_inline(const json::object& column, const Visit& visit) {
  const json::array* constraints = tree::array(column, "constraints");
  if (constraints == nullptr) return;
  for (const json::value& each : *constraints) {
    if (const json::object* constraint = tree::below(each, "Constraint")) visit(*constraint);
  }
}

std::optional<NewForeignKey> foreign_key(const json::object& constraint, const std::string& inline_column) {
  const json::object* referenced = tree::object(constraint, "pktable");
  if (referenced == nullptr) return std::nullopt;
  NewForeignKey key;
  key.references = tree::relation(*referenced);
  key.columns = tree::strings(constraint, "fk_attrs");
  if (key.columns.empty() && !inline_column.empty()) key.columns = {inline_column};
  key.referenced_columns = tree::strings(constraint, "pk_attrs");
  key.offset = tree::location(constraint);
  return key;
}

}  // namespace

std::vector<NewColumn> new_columns(const Statement& statement) {
  std::vector<NewColumn> out;
  std::vector<std::string> primary;
  const auto add_column = [&](const json::object& definition) {
    const json::object* type = tree::object(definition, "typeName");
    NewColumn column;
    column.name = tree::text(definition, "colname");
    if (type != nullptr) column.type = read_type(*type);
    column.offset = tree::location(definition);
    column.counts_up = column.type.is_serial();
    for_each_inline(definition, [&](const json::object& constraint) {
      const std::string kind = tree::text(constraint, "contype");
      column.counts_up = column.counts_up || kind == "CONSTR_IDENTITY";
      column.only_key = column.only_key || kind == "CONSTR_PRIMARY";
      column.references = column.references || kind == "CONSTR_FOREIGN";
    });
    out.push_back(std::move(column));
  };
  for_each_element(statement, add_column, [&](const json::object& constraint) {
    if (tree::text(constraint, "contype") == "CONSTR_PRIMARY") primary = tree::strings(constraint, "keys");
  });
  for (NewColumn& column : out) column.only_key = column.only_key || primary == std::vector{column.name};
  return out;
}

std::vector<NewForeignKey> new_foreign_keys(const Statement& statement) {
  std::vector<NewForeignKey> out;
  const auto add = [&](const json::object& constraint, const std::string& column) {
    if (auto key = foreign_key(constraint, column)) out.push_back(std::move(*key));
  };
  for_each_element(
      statement,
      [&](const json::object& definition) {
        const std::string column = tree::text(definition, "colname");
        for_each_inline(definition, [&](const json::object& constraint) { add(constraint, column); });
      },
      [&](const json::object& constraint) { add(constraint, ""); });
  return out;
}

std::vector<std::string> updated_columns(const Statement& statement) {
  std::vector<std::string> out;
  if (statement.node != "UpdateStmt") return out;
  const json::object fields = tree::parse(statement.tree);
  const json::array* targets = tree::array(fields, "targetList");
  if (targets == nullptr) return out;
  for (const json::value& target : *targets) {
    if (const json::object* column = tree::below(target, "ResTarget"))
      out.push_back(tree::text(*column, "name"));
  }
  return out;
}

std::optional<TableReference> created_table(const Statement& statement) {
  if (statement.node == "CreateStmt" || statement.node == "CreateForeignTableStmt") return statement.table;
  if (statement.node != "CreateTableAsStmt" && statement.node != "SelectStmt") return std::nullopt;
  const json::object fields = tree::parse(statement.tree);
  const json::object* into = tree::object(fields, statement.node == "SelectStmt" ? "intoClause" : "into");
  const json::object* relation = into == nullptr ? nullptr : tree::object(*into, "rel");
  return relation == nullptr ? std::nullopt : std::optional(tree::relation(*relation));
}

}  // namespace crossfade::migrations
