#include "migrations/column_fill.h"

#include <algorithm>
#include <boost/json.hpp>
#include <span>

#include "migrations/tokens.h"
#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// The column of `WHERE column IS NULL`; empty for any other condition.
std::string column_without_value(const json::object& condition) {
  const json::object* test = tree::object(condition, "NullTest");
  if (test == nullptr || tree::text(*test, "nulltesttype") != "IS_NULL") return {};
  const json::object* argument = tree::object(*test, "arg");
  const json::object* column = argument == nullptr ? nullptr : tree::object(*argument, "ColumnRef");
  const std::vector<std::string> parts =
      column == nullptr ? std::vector<std::string>{} : tree::strings(*column, "fields");
  return parts.empty() ? "" : parts.back();
}

/// The text between SET column = and WHERE, or the end.
std::optional<std::string> assigned_expression(const std::string& text) {
  const std::vector<Token> tokens = without_comments(scan({text, "", 1}));
  const auto keyword = [&](std::string_view word, auto from) {
    return std::find_if(from, tokens.end(), [&](const Token& token) {
      return token.depth == 0 && is_keyword(text, token, word);
    });
  };
  const auto set = keyword("SET", tokens.begin());
  if (set == tokens.end()) return std::nullopt;
  const auto equals = std::find_if(
      set, tokens.end(), [&](const Token& token) { return token.depth == 0 && is_mark(text, token, "="); });
  if (equals == tokens.end() || equals + 1 == tokens.end()) return std::nullopt;
  const auto where = keyword("WHERE", equals);
  return text.substr((equals + 1)->begin, (where - 1)->end - (equals + 1)->begin);
}

}  // namespace

std::optional<ColumnFill> column_fill(const Statement& statement) {
  if (statement.node != "UpdateStmt" || !statement.table) return std::nullopt;
  const json::object update = tree::parse(statement.tree);
  const json::array* targets = tree::array(update, "targetList");
  if (targets == nullptr || targets->size() != 1 || update.contains("fromClause") ||
      update.contains("returningList") || update.contains("withClause") ||
      statement.refers_to_other_relations) {
    return std::nullopt;
  }
  const json::object* target = tree::object(targets->front().as_object(), "ResTarget");
  if (target == nullptr || target->contains("indirection")) return std::nullopt;
  ColumnFill fill{.table = *statement.table, .column = tree::text(*target, "name")};
  if (const json::object* condition = tree::object(update, "whereClause")) {
    if (column_without_value(*condition) != fill.column) return std::nullopt;
    fill.missing_only = true;
  }
  const auto expression = assigned_expression(statement.text);
  if (!expression) return std::nullopt;
  fill.expression = *expression;
  return fill;
}

}  // namespace crossfade::migrations
