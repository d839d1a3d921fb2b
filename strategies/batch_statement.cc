#include "strategies/batch_statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>
#include <stdexcept>
#include <utility>

#include "migrations/repoint.h"
#include "migrations/tokens.h"

namespace crossfade::strategies {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 6> kSystemColumns = {"ctid", "xmin", "xmax",
                                                            "cmin", "cmax", "tableoid"};
constexpr std::array<std::string_view, 5> kClockFunctions = {
    "now", "transaction_timestamp", "statement_timestamp", "clock_timestamp", "timeofday"};
constexpr std::array<std::string_view, 4> kAggregateMarks = {"agg_star", "agg_distinct", "agg_order",
                                                             "agg_filter"};

template <std::size_t Size>
bool one_of(const std::array<std::string_view, Size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string text(const json::object& node, std::string_view key) {
  const json::value* value = node.if_contains(key);
  return value == nullptr || !value->is_string() ? std::string() : std::string(value->get_string());
}

std::vector<std::string> strings(const json::object& node, std::string_view key) {
  std::vector<std::string> out;
  const json::value* items = node.if_contains(key);
  if (items == nullptr || !items->is_array()) return out;
  for (const json::value& item : items->get_array()) {
    const json::value* string = item.as_object().if_contains("String");
    if (string != nullptr) out.push_back(text(string->as_object(), "sval"));
  }
  return out;
}

json::value parsed(const migrations::Statement& statement) {
  // As deep as the parser itself lets a tree be.
  constexpr std::size_t kDeepestTree = 4000;
  json::parse_options options;
  options.max_depth = kDeepestTree;
  json::error_code error;
  json::value tree = json::parse(statement.tree, error, {}, options);
  if (error) throw std::logic_error("the statement's tree cannot be read: " + error.message());
  return tree;
}

class Reader {
 public:
  Reader(const migrations::Statement& statement, const postgres::QualifiedName& table)
      : table_(table), tree_(parsed(statement)) {
    if (statement.node != "UpdateStmt" && statement.node != "DeleteStmt")
      throw std::logic_error("only UPDATE and DELETE can be batched: " + statement.text);
    out_.deletes = statement.node == "DeleteStmt";
  }

  BatchStatement read() {
    const json::object& fields = tree_.as_object();
    target_ = &fields.at("relation").as_object();
    const json::value* alias = target_->if_contains("alias");
    out_.alias = alias == nullptr ? text(*target_, "relname") : text(alias->as_object(), "aliasname");
    out_.aliased = alias != nullptr;
    out_.only = !target_->contains("inh");
    if (fields.contains("returningList")) {
      refuse("batch-returning", "RETURNING gives its rows to a client, and batches have none",
             "an UPDATE or DELETE without RETURNING", "RETURNING", "Take RETURNING out.");
    }
    read_set_columns(fields);
    collect_queries(tree_);
    walk(tree_, true);
    for (const migrations::TableReference& relation : relations_) add_relation(relation);
    return std::move(out_);
  }

 private:
  /// Each reason once: the second LIMIT says nothing new.
  void refuse(std::string code, std::string message, std::string expected, std::string found,
              std::string next) {
    const bool known = std::any_of(out_.refusals.begin(), out_.refusals.end(),
                                   [&](const Problem& problem) { return problem.code == code; });
    if (known) return;
    out_.refusals.push_back({.code = std::move(code),
                             .object = table_.display(),
                             .message = "cannot be done in batches: " + std::move(message),
                             .expected = std::move(expected),
                             .found = std::move(found),
                             .next = std::move(next)});
  }

  void read_set_columns(const json::object& fields) {
    const json::value* targets = fields.if_contains("targetList");
    if (out_.deletes || targets == nullptr) return;
    for (const json::value& target : targets->as_array())
      out_.set_columns.push_back(text(target.as_object().at("ResTarget").as_object(), "name"));
  }

  /// Names of WITH queries, wherever they stand: a relation called like one is taken for it.
  void collect_queries(const json::value& value) {
    if (const json::array* items = value.if_array()) {
      for (const json::value& item : *items) collect_queries(item);
    }
    const json::object* node = value.if_object();
    if (node == nullptr) return;
    if (node->contains("ctename")) queries_.insert(text(*node, "ctename"));
    for (const json::key_value_pair& field : *node) collect_queries(field.value());
  }

  void walk(const json::value& value, bool outermost) {
    if (const json::array* items = value.if_array()) {
      for (const json::value& item : *items) walk(item, outermost);
    }
    const json::object* node = value.if_object();
    if (node == nullptr) return;
    if (node->contains("relname") && node != target_) {
      migrations::TableReference relation{.schema = {}, .name = text(*node, "relname")};
      if (const std::string schema = text(*node, "schemaname"); !schema.empty()) relation.schema = schema;
      relations_.push_back(std::move(relation));
    }
    if (node->contains("limitCount") || node->contains("limitOffset")) {
      refuse("batch-limit",
             "LIMIT, FETCH and OFFSET take some rows out of many, and would do so in every batch",
             "no LIMIT, FETCH or OFFSET", "a sub-select with one",
             "Name the rows by a condition; for one value of several use min() or max().");
    }
    for (const json::key_value_pair& field : *node) {
      const std::string_view kind = field.key();
      const json::object* inner = field.value().if_object();
      if (inner != nullptr) read_node(kind, *inner, outermost);
      walk(field.value(), outermost && kind != "SelectStmt");
    }
  }

  void read_node(std::string_view kind, const json::object& node, bool outermost) {
    if (kind == "FuncCall") read_function(node, outermost);
    if (kind == "SQLValueFunction") {
      const std::string operation = text(node, "op");
      out_.uses_clock |= operation.find("TIME") != std::string::npos || operation.ends_with("DATE");
    }
    if (kind == "CommonTableExpr") read_query(node);
    if (kind == "CurrentOfExpr") {
      refuse("batch-current-of", "a cursor stands on one row, not on many", "a condition on columns",
             "WHERE CURRENT OF", "Name the rows by a condition.");
    }
    if (kind == "RangeFunction" || kind == "RangeTableFunc") {
      refuse_set_returning("a function in FROM or USING");
    }
    if (kind == "RangeTableSample") {
      refuse("batch-limit", "TABLESAMPLE takes some rows out of many, and would do so in every batch",
             "no TABLESAMPLE", "TABLESAMPLE", "Name the rows by a condition.");
    }
    if (kind == "ParamRef") {
      refuse("batch-parameter", "a migration has no parameters", "constants", "a parameter like $1",
             "Write the value itself.");
    }
    if (kind == "SetToDefault") out_.sets_default = true;
    if (kind == "ColumnRef") read_column(node);
  }

  void read_column(const json::object& node) {
    const std::vector<std::string> parts = strings(node, "fields");
    const bool star = node.at("fields").as_array().back().as_object().contains("A_Star");
    const bool own = !parts.empty() && parts.back() == out_.alias;
    out_.qualifies_columns |= parts.size() + (star ? 1 : 0) > 2;
    out_.whole_row |= (star && (parts.empty() || own)) || (parts.size() == 1 && own);
    if (parts.empty() || !one_of(kSystemColumns, parts.back()) || parts.back() == "tableoid") return;
    refuse("batch-system-column",
           fmt::format("{} changes whenever a row is written, so between batches too", parts.back()),
           "conditions and values over the table's own columns", parts.back(),
           "Name the rows by a column of the table.");
  }

  void read_function(const json::object& node, bool outermost) {
    std::vector<std::string> name = strings(node, "funcname");
    if (name.empty()) return;
    NamedFunction function{
        .schema = name.size() > 1 ? name[name.size() - 2] : "", .name = name.back(), .outermost = outermost};
    out_.uses_clock |= one_of(kClockFunctions, function.name);
    if (node.contains("over")) {
      refuse("batch-window",
             fmt::format("the window function {} counts or compares rows, and would see one batch's alone",
                         function.name),
             "no window functions", function.name + "(…) OVER",
             "Compute the values in a table of their own first, then UPDATE from it.");
    } else if (outermost && std::any_of(kAggregateMarks.begin(), kAggregateMarks.end(),
                                        [&](std::string_view mark) { return node.contains(mark); })) {
      refuse_aggregate(function.name);
    }
    if (std::find(out_.functions.begin(), out_.functions.end(), function) == out_.functions.end())
      out_.functions.push_back(std::move(function));
  }

  void read_query(const json::object& node) {
    const json::value* query = node.if_contains("ctequery");
    if (query == nullptr || query->as_object().contains("SelectStmt")) return;
    refuse("batch-effects", "its WITH query writes, and would do so once for each batch",
           "WITH queries that only read", fmt::format("{} writes", text(node, "ctename")),
           "Make two statements of it.");
  }

  void refuse_aggregate(const std::string& name) {
    refuse("batch-aggregate",
           fmt::format("the aggregate {} is over many rows, and would see one batch's alone", name),
           "no aggregates over the table", name, "Compute the value in a table of its own first.");
  }

  void refuse_set_returning(const std::string& found) {
    refuse("batch-set-returning", "a set-returning function may give other rows for each batch",
           "tables and their columns", found, "Put its rows into a table first, then join that.");
  }

  void add_relation(const migrations::TableReference& relation) {
    const bool target =
        relation.name == table_.name && (!relation.schema || *relation.schema == table_.schema);
    if (target) {
      refuse(
          "batch-same-table",
          "it also reads the table that it changes, and later batches would see what earlier ones have done",
          "sub-selects and joins over other tables", relation.display(),
          "Put what it reads into a table of its own first, then UPDATE or DELETE by that.");
      return;
    }
    if (!relation.schema && queries_.contains(relation.name)) return;
    if (std::find(out_.relations.begin(), out_.relations.end(), relation) == out_.relations.end())
      out_.relations.push_back(relation);
  }

  postgres::QualifiedName table_;
  json::value tree_;
  const json::object* target_ = nullptr;
  std::set<std::string> queries_;
  std::vector<migrations::TableReference> relations_;
  BatchStatement out_;
};

/// Without the places in the text, which every change moves.
json::value without_locations(json::value value) {
  if (json::array* items = value.if_array()) {
    for (json::value& item : *items) item = without_locations(std::move(item));
  } else if (json::object* node = value.if_object()) {
    node->erase("location");
    for (json::key_value_pair& field : *node) field.value() = without_locations(std::move(field.value()));
  }
  return value;
}

/// Takes the condition that was put last into the WHERE out again. False where there is none.
bool take_last_condition(json::object& fields) {
  json::value* where = fields.if_contains("whereClause");
  if (where == nullptr) return false;
  json::value* bools = where->as_object().if_contains("BoolExpr");
  if (bools == nullptr || text(bools->as_object(), "boolop") != "AND_EXPR") return false;
  json::array& conditions = bools->as_object().at("args").as_array();
  conditions.pop_back();
  // The parser lays `(a AND b) AND c` flat; a lone condition stands without AND around it.
  if (conditions.size() == 1) {
    json::value only = conditions.front();
    *where = std::move(only);
  }
  return true;
}

migrations::Statement parse_one(const std::string& sql) {
  std::vector<migrations::Statement> statements = migrations::parse_statements(sql, "batch", 1);
  if (statements.size() != 1) throw std::logic_error("not one statement: " + sql);
  return std::move(statements.front());
}

/// Behind the WHERE of the statement itself; npos where it has none. WITH queries and sub-selects stand in
/// brackets; behind a point the word is a column's name.
std::size_t behind_where(std::string_view sql) {
  const std::vector<migrations::Token> tokens =
      migrations::without_comments(migrations::scan({sql, "batch", 1}));
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const migrations::Token& token = tokens[index];
    if (token.depth > 0 || !migrations::is_keyword(sql, token, "WHERE")) continue;
    if (index > 0 && migrations::is_mark(sql, tokens[index - 1], ".")) continue;
    return token.end;
  }
  return std::string_view::npos;
}

}  // namespace

BatchStatement read_batch_statement(const migrations::Statement& statement,
                                    const postgres::QualifiedName& table) {
  return Reader(statement, table).read();
}

std::string with_condition(const migrations::Statement& statement, const postgres::QualifiedName& table,
                           std::string_view condition) {
  const std::string before = migrations::with_relation(statement, table);
  const std::size_t where = behind_where(before);
  std::string out = where == std::string::npos
                        ? fmt::format("{} WHERE {}", before, condition)
                        : fmt::format("{} ({}) AND ({})", before.substr(0, where),
                                      migrations::trimmed(std::string_view(before).substr(where)), condition);
  json::value expected = without_locations(parsed(parse_one(before)));
  json::value found = without_locations(parsed(parse_one(out)));
  const bool same = where == std::string::npos ? found.as_object().erase("whereClause") == 1
                                               : take_last_condition(found.as_object());
  if (!same || found != expected)
    throw std::logic_error("the condition did not go into the statement's WHERE: " + out);
  return out;
}

}  // namespace crossfade::strategies
