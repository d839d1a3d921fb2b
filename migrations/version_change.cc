#include "migrations/version_change.h"

#include <vector>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// The column and the literal of `column = 'literal'`; nullopt for anything else.
std::optional<std::string> literal(const json::object& node) {
  const json::object* constant = tree::object(node, "A_Const");
  const json::object* string = constant == nullptr ? nullptr : tree::object(*constant, "sval");
  if (string == nullptr) return std::nullopt;
  return tree::text(*string, "sval");
}

bool is_version_column(const json::object& node) {
  const json::object* column = tree::object(node, "ColumnRef");
  if (column == nullptr) return false;
  const std::vector<std::string> fields = tree::strings(*column, "fields");
  return !fields.empty() && fields.back() == "version_num";
}

std::optional<std::string> version_in_where(const json::object& statement) {
  const json::object* where = tree::object(statement, "whereClause");
  const json::object* comparison = where == nullptr ? nullptr : tree::object(*where, "A_Expr");
  if (comparison == nullptr || tree::strings(*comparison, "name") != std::vector<std::string>{"="})
    return std::nullopt;
  const json::object* left = tree::object(*comparison, "lexpr");
  const json::object* right = tree::object(*comparison, "rexpr");
  if (left == nullptr || right == nullptr || !is_version_column(*left)) return std::nullopt;
  return literal(*right);
}

/// The only element of a list that is called version_num.
const json::object* version_target(const json::object& statement, std::string_view list) {
  const json::array* targets = tree::array(statement, list);
  if (targets == nullptr || targets->size() != 1) return nullptr;
  const json::object* target = tree::object(targets->front().as_object(), "ResTarget");
  return target != nullptr && tree::text(*target, "name") == "version_num" ? target : nullptr;
}

std::optional<VersionStatement> inserted(const json::object& statement, VersionStatement out) {
  if (version_target(statement, "cols") == nullptr) return std::nullopt;
  const json::object* query = tree::object(statement, "selectStmt");
  const json::object* select = query == nullptr ? nullptr : tree::object(*query, "SelectStmt");
  const json::array* rows = select == nullptr ? nullptr : tree::array(*select, "valuesLists");
  if (rows == nullptr || rows->size() != 1) return std::nullopt;
  const json::object* row = tree::object(rows->front().as_object(), "List");
  const json::array* values = row == nullptr ? nullptr : tree::array(*row, "items");
  if (values == nullptr || values->size() != 1) return std::nullopt;
  const auto value = literal(values->front().as_object());
  if (!value) return std::nullopt;
  out.change.to = *value;
  return out;
}

std::optional<VersionStatement> updated(const json::object& statement, VersionStatement out) {
  const json::object* target = version_target(statement, "targetList");
  const json::object* value = target == nullptr ? nullptr : tree::object(*target, "val");
  const auto to = value == nullptr ? std::nullopt : literal(*value);
  const auto from = version_in_where(statement);
  if (!to || !from) return std::nullopt;
  out.change.from = *from;
  out.change.to = *to;
  return out;
}

}  // namespace

std::optional<VersionStatement> version_statement(const ParsedStatement& parsed) {
  const json::object* relation = tree::object(parsed.fields, "relation");
  if (relation == nullptr) return std::nullopt;
  VersionStatement out{.table = tree::relation(*relation)};
  if (parsed.node == "InsertStmt") return inserted(parsed.fields, std::move(out));
  if (parsed.node == "UpdateStmt") return updated(parsed.fields, std::move(out));
  if (parsed.node != "DeleteStmt") return std::nullopt;
  const auto from = version_in_where(parsed.fields);
  if (!from) return std::nullopt;
  out.change.from = *from;
  return out;
}

bool creates_version_table(const ParsedStatement& parsed) {
  if (parsed.node != "CreateStmt") return false;
  const json::array* elements = tree::array(parsed.fields, "tableElts");
  if (elements == nullptr || elements->empty()) return false;
  const json::object* column = tree::object(elements->front().as_object(), "ColumnDef");
  return column != nullptr && tree::text(*column, "colname") == "version_num";
}

}  // namespace crossfade::migrations
