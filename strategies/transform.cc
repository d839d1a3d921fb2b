#include "strategies/transform.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;

std::string key_alias(std::size_t index) {
  return fmt::format("crossfade_key_{}", index + 1);
}

template <class Range, class Render>
std::string joined(const Range& range, std::string_view separator, Render render) {
  std::string out;
  for (std::size_t index = 0; index < range.size(); ++index) {
    if (index > 0) out.append(separator);
    out.append(render(index));
  }
  return out;
}

std::string collated(std::string expression, const std::string& collation) {
  return collation.empty() ? expression : expression + " COLLATE " + collation;
}

/// What the operator's expressions may call the row.
std::string row_alias(const ShadowTablePlan& plan) {
  return quote_identifier(plan.source.name.name);
}

std::string restricted_source(const ShadowTablePlan& plan, std::string_view restriction,
                              const postgres::Table* from) {
  if (restriction.empty()) return plan.source.name.quoted();
  const std::string alias = source_alias(plan);
  if (from == nullptr || from->oid == plan.source.oid)
    return fmt::format("(SELECT {0}.* FROM {1} AS {0} {2})", alias, plan.source.name.quoted(), restriction);
  // A partition may have its columns in another order.
  return fmt::format("(SELECT {} FROM {} AS {} {})",
                     joined(plan.source.columns, ", ",
                            [&](std::size_t index) {
                              return alias + "." + quote_identifier(plan.source.columns[index].name);
                            }),
                     from->name.quoted(), alias, restriction);
}

std::string equals(const std::string& operator_schema) {
  return "OPERATOR(" + quote_identifier(operator_schema) + ".=)";
}

/// `keys` carries the key columns under crossfade_key_n through every layer.
std::string layered_select(const ShadowTablePlan& plan, std::string_view restriction, bool keys,
                           const postgres::Table* partition = nullptr) {
  std::string sql;
  for (std::size_t level = 0; level < plan.layers.size(); ++level) {
    const Layer& layer = plan.layers[level];
    std::string list;
    if (keys) {
      list = joined(plan.key, ", ", [&](std::size_t index) {
        return level == 0 ? row_alias(plan) + "." + quote_identifier(plan.key[index].source_name) + " AS " +
                                key_alias(index)
                          : key_alias(index);
      });
      list += ", ";
    }
    list += joined(layer.columns, ", ", [&](std::size_t index) {
      return layer.columns[index].expression + " AS " + quote_identifier(layer.columns[index].name);
    });
    const std::string from =
        (level == 0 ? restricted_source(plan, restriction, partition) : "(" + sql + ")") + " AS " +
        row_alias(plan);
    sql = "SELECT " + list + " FROM " + from;
  }
  return sql;
}

bool compared(const ShadowTablePlan& plan, const std::string& column) {
  return std::find(plan.not_compared.begin(), plan.not_compared.end(), column) == plan.not_compared.end();
}

}  // namespace

std::string source_alias(const ShadowTablePlan&) {
  return quote_identifier("crossfade_source");
}

std::vector<Problem> reserved_columns(const ShadowTablePlan& plan) {
  std::set<std::string> names;
  for (const postgres::Table* table : {&plan.source, &plan.target}) {
    for (const postgres::Column& column : table->columns) names.insert(column.name);
  }
  std::vector<Problem> out;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    if (!names.contains(key_alias(index))) continue;
    out.push_back({.code = "reserved-column",
                   .object = plan.source.name.display() + "." + key_alias(index),
                   .message = "has a name that the comparison of both tables uses itself",
                   .expected = "no column called " + key_alias(index),
                   .found = "one",
                   .next = "Rename the column."});
  }
  return out;
}

std::string transform_select(const ShadowTablePlan& plan, std::string_view restriction,
                             const postgres::Table* from) {
  return layered_select(plan, restriction, false, from);
}

std::string comparison_select_source(const ShadowTablePlan& plan) {
  const std::string typed_keys = joined(plan.key, ", ", [](std::size_t index) { return key_alias(index); });
  std::string typed = typed_keys;
  for (const MappedColumn& column : plan.layers.back().columns) {
    const postgres::Column* target = plan.target.column(column.name);
    typed += fmt::format(", CAST({0} AS {1}) AS {0}", quote_identifier(column.name), target->type);
  }
  const std::string rows =
      fmt::format("SELECT {} FROM ({}) AS mapped", typed, layered_select(plan, "", true));
  std::string outer = typed_keys;
  for (const postgres::Column& column : plan.target.columns) {
    if (!compared(plan, column.name)) continue;
    if (column.generated.empty()) {
      outer += ", " + quote_identifier(column.name);
    } else {
      outer += fmt::format(", CAST(({}) AS {}) AS {}", column.default_expression.value_or("NULL"),
                           column.type, quote_identifier(column.name));
    }
  }
  return fmt::format("SELECT {} FROM ({}) AS {}", outer, rows, quote_identifier(plan.target.name.name));
}

std::string comparison_select_shadow(const ShadowTablePlan& plan) {
  std::string list = joined(plan.key, ", ", [&](std::size_t index) {
    return quote_identifier(plan.key[index].shadow_name) + " AS " + key_alias(index);
  });
  for (const postgres::Column& column : plan.target.columns) {
    if (compared(plan, column.name)) list += ", " + quote_identifier(column.name);
  }
  return fmt::format("SELECT {} FROM {}", list, plan.shadow.quoted());
}

std::string copied_columns(const ShadowTablePlan& plan) {
  const auto& columns = plan.layers.back().columns;
  return joined(columns, ", ", [&](std::size_t index) { return quote_identifier(columns[index].name); });
}

std::string keys_from_parameters(const ShadowTablePlan& plan, std::string_view alias) {
  // Not in FROM: there a composite type would be taken apart, and several arrays need an unqualified name.
  return fmt::format("(SELECT {}) AS {}",
                     joined(plan.key, ", ",
                            [&](std::size_t index) {
                              return fmt::format("pg_catalog.unnest(${0}::{1}[]) AS key_{0}", index + 1,
                                                 plan.key[index].source_type);
                            }),
                     alias);
}

std::string log_key_columns(const ShadowTablePlan& plan, std::string_view alias) {
  return joined(plan.key, ", ", [&](std::size_t index) {
    return alias.empty() ? fmt::format("key_{}", index + 1) : fmt::format("{}.key_{}", alias, index + 1);
  });
}

std::string source_matches_key(const ShadowTablePlan& plan, std::string_view source, std::string_view keys) {
  return joined(plan.key, " AND ", [&](std::size_t index) {
    const KeyMapping& column = plan.key[index];
    return fmt::format("{}.{} {} {}", source, quote_identifier(column.source_name),
                       equals(column.source_operator_schema),
                       collated(fmt::format("{}.key_{}", keys, index + 1), column.source_collation));
  });
}

std::string shadow_matches_key(const ShadowTablePlan& plan, std::string_view shadow, std::string_view keys) {
  return joined(plan.key, " AND ", [&](std::size_t index) {
    const KeyMapping& column = plan.key[index];
    return fmt::format("{}.{} {} {}", shadow, quote_identifier(column.shadow_name),
                       equals(column.shadow_operator_schema),
                       collated(fmt::format("CAST({}.key_{} AS {})", keys, index + 1, column.shadow_type),
                                column.shadow_collation));
  });
}

}  // namespace crossfade::strategies
