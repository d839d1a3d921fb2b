#include "strategies/batch_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "migrations/statement.h"

namespace crossfade::strategies {

namespace {

namespace json = boost::json;

/// Whether a scan of the index, forwards or backwards, gives ORDER BY a, b, …: all of its columns ascend or
/// all descend, with NULLs where they are by default.
bool gives_key_order(const postgres::Index& index) {
  std::size_t descending = 0;
  try {
    const std::vector<migrations::Statement> parsed =
        migrations::parse_statements(index.definition, index.name, 1);
    if (parsed.size() != 1) return false;
    const json::value tree = json::parse(parsed.front().tree);
    for (const json::value& element : tree.at("indexParams").as_array()) {
      const json::object& column = element.at("IndexElem").as_object();
      if (column.at("nulls_ordering").as_string() != "SORTBY_NULLS_DEFAULT") return false;
      if (column.at("ordering").as_string() == "SORTBY_DESC") ++descending;
    }
  } catch (const Failure&) {
    return false;  // a newer server's syntax
  }
  return descending == 0 || descending == index.key_columns.size();
}

std::string why_not(const postgres::Table& table, const postgres::Index& index,
                    const std::vector<std::string>& set_columns) {
  if (!index.valid) return "is not valid";
  if (index.partial) return "is partial";
  if (index.expressions) return "has expressions";
  if (!index.default_operators) return "has an operator class that is not its type's default";
  if (!index.default_collations) return "is ordered by another collation than its column's";
  for (const std::string& name : index.key_columns) {
    const postgres::Column* column = table.column(name);
    if (column == nullptr || !column->not_null) return fmt::format("column {} may be NULL", name);
    if (!column->generated.empty()) return fmt::format("column {} is generated", name);
    if (std::find(set_columns.begin(), set_columns.end(), name) != set_columns.end())
      return fmt::format("the statement sets column {}, and a row could be visited twice", name);
  }
  if (!gives_key_order(index)) return "mixes ascending and descending columns";
  return {};
}

}  // namespace

BatchKeyChoice choose_batch_key(const postgres::Table& table, const std::vector<std::string>& set_columns) {
  std::vector<const postgres::Index*> candidates;
  for (const postgres::Index& index : table.indexes) {
    if (index.unique && !index.exclusion) candidates.push_back(&index);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const postgres::Index* left, const postgres::Index* right) {
                     if (left->primary != right->primary) return left->primary;
                     return left->key_columns.size() < right->key_columns.size();
                   });
  std::string reasons;
  for (const postgres::Index* index : candidates) {
    const std::string reason = why_not(table, *index, set_columns);
    if (reason.empty()) {
      BatchKeyChoice choice{.index = index->name};
      for (const std::string& name : index->key_columns) {
        const postgres::Column& column = *table.column(name);
        choice.columns.push_back({.name = name,
                                  .type = column.bare_type,
                                  .collation = column.collation,
                                  .operator_schema = column.operator_schema});
      }
      return choice;
    }
    reasons += fmt::format("{}index {}: {}", reasons.empty() ? "" : "; ", index->name, reason);
  }
  return {.refusal = Problem{
              .code = "no-usable-key",
              .object = table.name.display(),
              .message = "cannot be done in batches: no usable key gives the rows an order that stays",
              .expected = "a primary key or a unique index over NOT NULL columns that the statement "
                          "does not set",
              .found = candidates.empty() ? "no such index" : reasons,
              .next = "Add a unique index over NOT NULL columns first (CREATE UNIQUE INDEX "
                      "CONCURRENTLY)."}};
}

}  // namespace crossfade::strategies
