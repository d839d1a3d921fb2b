#include "strategies/batched_update.h"

#include <fmt/format.h>

#include "strategies/batch_key.h"
#include "strategies/batch_refusals.h"

namespace crossfade::strategies {

namespace {

/// Where the keys of a range stand among a query's parameters.
struct RangeParameters {
  std::size_t upper = 0;  ///< the first one's index from 0
  std::size_t lower = 0;
};

std::string column_of(std::string_view alias, const BatchKeyColumn& column) {
  return postgres::quote_identifier(alias) + "." + postgres::quote_identifier(column.name);
}

std::string parameter(const BatchKeyColumn& column, std::size_t index) {
  const std::string cast = fmt::format("CAST(${} AS {})", index + 1, column.type);
  return column.collation.empty() ? cast : fmt::format("({} COLLATE {})", cast, column.collation);
}

std::string compare(const BatchKeyColumn& column, std::string_view alias, std::string_view sign,
                    std::size_t index) {
  return fmt::format("{} OPERATOR({}.{}) {}", column_of(alias, column),
                     postgres::quote_identifier(column.operator_schema), sign, parameter(column, index));
}

bool one_operator_schema(const std::vector<BatchKeyColumn>& key) {
  for (const BatchKeyColumn& column : key) {
    if (column.operator_schema != key.front().operator_schema) return false;
  }
  return true;
}

/// The key compared with the parameters from `first` on, as rows.
std::string compare_key(const std::vector<BatchKeyColumn>& key, std::string_view alias, std::string_view sign,
                        std::size_t first) {
  if (key.size() == 1) return compare(key.front(), alias, sign, first);
  if (one_operator_schema(key)) {
    std::string left;
    std::string right;
    for (std::size_t index = 0; index < key.size(); ++index) {
      left += (index == 0 ? "" : ", ") + column_of(alias, key[index]);
      right += (index == 0 ? "" : ", ") + parameter(key[index], first + index);
    }
    return fmt::format("ROW({}) OPERATOR({}.{}) ROW({})", left,
                       postgres::quote_identifier(key.front().operator_schema), sign, right);
  }
  // A row comparison takes all its operators from one schema; spelled out, every column can have its own.
  const std::string strict(1, sign.front());
  std::string condition = compare(key.back(), alias, sign, first + key.size() - 1);
  for (std::size_t index = key.size() - 1; index-- > 0;) {
    condition = fmt::format("{} AND ({} OR {})", compare(key[index], alias, strict + "=", first + index),
                            compare(key[index], alias, strict, first + index), condition);
  }
  return "(" + condition + ")";
}

/// The first column's own bounds are implied by those of a composite key. Two row comparisons say little to
/// the optimizer, which would read the whole table for a range in its middle.
std::string range(const std::vector<BatchKeyColumn>& key, std::string_view alias, bool has_lower,
                  const RangeParameters& at) {
  std::string out;
  if (has_lower) {
    out += compare_key(key, alias, ">", at.lower) + " AND ";
    if (key.size() > 1) out += compare(key.front(), alias, ">=", at.lower) + " AND ";
  }
  out += compare_key(key, alias, "<=", at.upper);
  if (key.size() > 1) out += " AND " + compare(key.front(), alias, "<=", at.upper);
  return out;
}

std::string end_key_query(const BatchedUpdatePlan& plan) {
  std::string texts;
  std::string order;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    const std::string column = column_of("t", plan.key[index]);
    texts +=
        fmt::format("{}CAST({} AS pg_catalog.text) AS text_{}", index == 0 ? "" : ", ", column, index + 1);
    order += fmt::format("{}{} DESC", index == 0 ? "" : ", ", column);
  }
  return fmt::format("SELECT {} FROM ONLY {} AS t ORDER BY {} LIMIT 1", texts, plan.table.quoted(), order);
}

std::string bound_query(const BatchedUpdatePlan& plan, bool has_lower, const RangeParameters& at) {
  std::string texts;
  std::string columns;
  std::string ascending;
  std::string descending;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    const char* comma = index == 0 ? "" : ", ";
    const std::string column = column_of("t", plan.key[index]);
    texts += fmt::format("CAST(batch.key_{0} AS pg_catalog.text) AS text_{0}, ", index + 1);
    columns += fmt::format("{}{} AS key_{}", comma, column, index + 1);
    ascending += comma + column;
    descending += fmt::format("{}batch.key_{} DESC", comma, index + 1);
  }
  const std::size_t limit = plan.key.size() * (has_lower ? 2 : 1);
  return fmt::format(
      "SELECT {}pg_catalog.count(*) OVER () AS passed FROM (SELECT {} FROM ONLY {} AS t WHERE {} ORDER BY {} "
      "LIMIT "
      "CAST(${} AS pg_catalog.int8)) AS batch ORDER BY {} LIMIT 1",
      texts, columns, plan.table.quoted(), range(plan.key, "t", has_lower, at), ascending, limit + 1,
      descending);
}

}  // namespace

BatchedUpdateChoice plan_batched_update(const migrations::Statement& statement, const postgres::Table& table,
                                        const BatchFacts& facts) {
  const BatchStatement read = read_batch_statement(statement, table.name);
  BatchedUpdateChoice choice;
  choice.refusals = batch_refusals(read, table, facts);
  BatchKeyChoice key = choose_batch_key(table, read.set_columns);
  if (key.refusal) choice.refusals.push_back(std::move(*key.refusal));
  if (!choice.refusals.empty()) return choice;
  choice.announcements = batch_announcements(read, table, facts);

  BatchedUpdatePlan plan{.table = table.name,
                         .table_oid = table.oid,
                         .deletes = read.deletes,
                         .statement = statement.text,
                         .index = std::move(key.index),
                         .key = std::move(key.columns),
                         .estimated_rows = table.estimated_rows};
  const RangeParameters at{.upper = 0, .lower = plan.key.size()};
  plan.end_key = end_key_query(plan);
  plan.first_bound = bound_query(plan, false, at);
  plan.next_bound = bound_query(plan, true, at);
  plan.first_change = with_condition(statement, table.name, range(plan.key, read.alias, false, at));
  plan.next_change = with_condition(statement, table.name, range(plan.key, read.alias, true, at));
  choice.plan = std::move(plan);
  return choice;
}

migrations::Statement fill_statement(const postgres::QualifiedName& table, const std::string& column,
                                     std::string_view expression_sql) {
  const std::string name = postgres::quote_identifier(column);
  // The expression may end in a comment.
  const std::string sql =
      fmt::format("UPDATE {0} SET {1} = ({2}\n) WHERE {1} IS NULL", table.quoted(), name, expression_sql);
  std::vector<migrations::Statement> statements = migrations::parse_statements(sql, table.display(), 1);
  if (statements.size() != 1 || statements.front().node != "UpdateStmt") {
    throw Failure(ExitCode::refused, {.code = "malformed-expression",
                                      .object = table.display() + "." + column,
                                      .message = "the value is not one SQL expression",
                                      .expected = "an expression over the table's columns",
                                      .found = std::string(expression_sql),
                                      .next = "Correct the expression."});
  }
  return std::move(statements.front());
}

}  // namespace crossfade::strategies
