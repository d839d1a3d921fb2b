#include "strategies/carried_problems.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/tokens.h"

namespace crossfade::strategies {

namespace {

using postgres::ForeignKey;

/// From here on a partitioned table may get a foreign key without a scan.
constexpr int kKeysNotValidOnPartitioned = 180000;

bool mentions(const std::string& sql, const std::string& column) {
  const std::vector<migrations::Token> tokens = migrations::without_comments(migrations::scan({sql, "", 1}));
  return std::any_of(tokens.begin(), tokens.end(), [&](const migrations::Token& token) {
    return (token.kind == migrations::TokenKind::word || token.kind == migrations::TokenKind::quoted) &&
           migrations::identifier(sql, token) == column;
  });
}

}  // namespace

std::vector<Problem> carried_announcements(const ShadowTablePlan& plan,
                                           const postgres::Dependents& dependents,
                                           const std::vector<postgres::Table>& views,
                                           const std::string& sql) {
  std::vector<Problem> out;
  for (const postgres::Table& view : views) {
    if (view.kind != "m") continue;
    out.push_back(
        {.code = "materialized-view-rebuilt",
         .object = view.name.display(),
         .message =
             "is built anew over the new table right before the cutover, and holds the content of that "
             "moment then; the old one can be read until the swap",
         .expected = "",
         .found = "",
         .next = "REFRESH it afterwards as usual."});
  }
  for (const postgres::Rebinding& rebinding : dependents.rebindings) {
    if (rebinding.function.name.empty()) continue;
    out.push_back(
        {.code = "parsed-body",
         .object = rebinding.object,
         .message =
             "has its body bound to the table; a call that waits at the cutover goes on with the old table: "
             "what it reads is what its statement may see, what it writes is refused",
         .expected = "",
         .found = "",
         .next = "Repeat a call that fails with 55000 at that moment."});
  }
  for (const ForeignKey& key : dependents.foreign_keys) {
    if (key.referenced != plan.source.name || key.table == plan.source.name) continue;
    for (std::size_t index = 0; index < key.referenced_columns.size() && index < key.columns.size();
         ++index) {
      const postgres::Column* before = plan.source.column(key.referenced_columns[index]);
      const auto carried =
          std::find_if(plan.carried_columns.begin(), plan.carried_columns.end(),
                       [&](const auto& pair) { return pair.first == key.referenced_columns[index]; });
      if (before == nullptr || carried == plan.carried_columns.end()) continue;
      const postgres::Column* after = plan.target.column(carried->second);
      const bool same = after == nullptr || after->type == before->type;
      if (same || mentions(sql, key.columns[index])) continue;
      out.push_back(
          {.code = "referencing-column",
           .object = key.table.display() + "." + key.columns[index],
           .message = fmt::format("refers to {}.{}, which becomes {}, and stays as it is",
                                  plan.source.name.display(), key.referenced_columns[index], after->type),
           .expected = "a column of the same type",
           .found = "constraint " + key.name,
           .next = "Change it in the same file, right behind: both tables are then cut over in one "
                   "transaction."});
    }
  }
  return out;
}

std::vector<Problem> cannot_carry(const postgres::Dependents& dependents, const ShadowTablePlan& plan,
                                  int server_version) {
  std::vector<Problem> out;
  for (const ForeignKey& key : dependents.foreign_keys) {
    if (!key.table_is_partitioned || key.table == plan.source.name ||
        server_version >= kKeysNotValidOnPartitioned)
      continue;
    out.push_back({.code = "incoming-foreign-key",
                   .object = "constraint " + key.name + " on " + key.table.display(),
                   .message = fmt::format("refers to {} out of a partitioned table, which cannot get it back "
                                          "without a scan under the lock",
                                          plan.source.name.display()),
                   .expected = "PostgreSQL 18, or a key that each partition has for itself",
                   .found = key.definition,
                   .next = "Drop the constraint for the time of the run, and add it again after contract."});
  }
  return out;
}

}  // namespace crossfade::strategies
