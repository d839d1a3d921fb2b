#include "strategies/key_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace crossfade::strategies {

namespace {

// pg_type.dat: these OIDs are fixed for ever.
enum BuiltIn : std::uint32_t {
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kBpchar = 1042,
  kVarchar = 1043,
  kDate = 1082,
  kTimestamp = 1114,
  kTimestampTz = 1184,
  kNumeric = 1700,
  kUuid = 2950,
};

bool integer(std::uint32_t type) {
  return type == kInt2 || type == kInt4 || type == kInt8;
}
bool text(std::uint32_t type) {
  return type == kText || type == kVarchar;
}

/// Digits behind the point that a numeric's modifier keeps; large where there is no modifier.
int numeric_scale(int modifier) {
  return modifier < 0 ? 100000 : (modifier - 4) & 0x7ff;
}

bool is_plain_cast(const std::string& expression, const std::string& column) {
  static const std::regex kCast(R"(^\s*\(?\s*("?)([^"\s:()]+)\1\s*\)?\s*::\s*[\w\s"().,]+$)");
  std::smatch match;
  return std::regex_match(expression, match, kCast) && match[2].str() == column;
}

struct ColumnFate {
  const postgres::Column* target = nullptr;
  std::string why_not;  ///< empty: usable
  bool order_preserved = true;
};

ColumnFate fate_of(const ShapeRehearsal& rehearsal, std::size_t position) {
  const postgres::Column& source = rehearsal.source.columns[position];
  const int number = rehearsal.initial.columns[position].number;
  ColumnFate fate{.target = rehearsal.target().column_number(number)};
  if (fate.target == nullptr) {
    fate.why_not = fmt::format("column {} is dropped", source.name);
    return fate;
  }
  if (!source.generated.empty()) {
    fate.why_not = fmt::format("column {} is generated", source.name);
    return fate;
  }
  for (const BackfillExpression& backfill : rehearsal.backfills) {
    if (backfill.column == fate.target->name)
      fate.why_not = fmt::format("column {} gets new values by a backfill", source.name);
  }
  for (const StatementOutcome& statement : rehearsal.statements) {
    for (const UsingExpression& use : statement.usings) {
      if (use.column_number == number && !is_plain_cast(use.facts.expression, source.name)) {
        fate.why_not =
            fmt::format("column {} gets new values by USING {}", source.name, use.facts.expression);
      }
    }
  }
  const CastQuality quality = cast_quality(source, *fate.target, rehearsal.session_in_utc);
  if (!quality.injective) {
    fate.why_not = fmt::format("column {} changes from {} to {}, which may give two rows the same key",
                               source.name, source.type, fate.target->type);
  }
  fate.order_preserved = quality.order_preserved;
  return fate;
}

bool usable(const postgres::Index& index) {
  return index.unique && index.valid && !index.partial && !index.expressions && !index.exclusion &&
         index.default_operators && index.default_collations;
}

}  // namespace

CastQuality cast_quality(const postgres::Column& from, const postgres::Column& to, bool session_in_utc) {
  const std::uint32_t a = from.base_type_oid;
  const std::uint32_t b = to.base_type_oid;
  // A non-deterministic collation holds different texts for equal. Coming in, it may make one key of two;
  // going away, two of what replay and verification know as one.
  if ((!from.collation_deterministic || !to.collation_deterministic) && from.collation != to.collation)
    return {};
  const bool same_order = from.collation == to.collation;
  if (a == b) {
    if (a == kNumeric) return {numeric_scale(to.type_modifier) >= numeric_scale(from.type_modifier), true};
    if (from.type_modifier != to.type_modifier && !text(a) && a != kBpchar)
      return {to.type_modifier < 0 || to.type_modifier > from.type_modifier, true};
    return {true, same_order};
  }
  if (integer(a) && (integer(b) || b == kNumeric)) return {true, true};
  if (text(a) && text(b)) return {true, same_order};
  if (a == kBpchar && text(b)) return {true, false};
  if ((integer(a) || a == kUuid) && text(b)) return {true, false};
  if (a == kDate && (b == kTimestamp || b == kTimestampTz)) return {true, true};
  if (a == kTimestamp && b == kTimestampTz && session_in_utc) return {true, true};
  if (a == kTimestampTz && b == kTimestamp && session_in_utc) return {true, true};
  return {};
}

KeyChoice choose_key(const ShapeRehearsal& rehearsal) {
  KeyChoice choice;
  std::vector<const postgres::Index*> candidates;
  for (const postgres::Index& index : rehearsal.source.indexes) {
    const bool not_null =
        std::all_of(index.key_columns.begin(), index.key_columns.end(), [&](const std::string& name) {
          const postgres::Column* column = rehearsal.source.column(name);
          return column != nullptr && column->not_null;
        });
    if (usable(index) && not_null) candidates.push_back(&index);
  }
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const postgres::Index* left, const postgres::Index* right) {
                     if (left->primary != right->primary) return left->primary;
                     return left->key_columns.size() < right->key_columns.size();
                   });
  std::string reasons;
  for (const postgres::Index* index : candidates) {
    std::vector<KeyMapping> key;
    std::string why_not;
    for (const std::string& name : index->key_columns) {
      const auto found = std::find_if(rehearsal.source.columns.begin(), rehearsal.source.columns.end(),
                                      [&](const postgres::Column& column) { return column.name == name; });
      const ColumnFate fate =
          fate_of(rehearsal, static_cast<std::size_t>(found - rehearsal.source.columns.begin()));
      if (!fate.why_not.empty()) {
        why_not = fate.why_not;
        break;
      }
      key.push_back({.source_name = name,
                     .source_type = found->bare_type,
                     .source_collation = found->collation,
                     .source_operator_schema = found->operator_schema,
                     .shadow_name = fate.target->name,
                     .shadow_type = fate.target->bare_type,
                     .shadow_collation = fate.target->collation,
                     .shadow_operator_schema = fate.target->operator_schema,
                     .order_preserved = fate.order_preserved});
    }
    if (why_not.empty()) {
      choice.key = std::move(key);
      return choice;
    }
    reasons += fmt::format("{}index {}: {}", reasons.empty() ? "" : "; ", index->name, why_not);
  }
  choice.refusals.push_back(
      {.code = "no-usable-key",
       .object = rehearsal.source.name.display(),
       .message = "no usable key: rows cannot be told apart in both the old and the new table",
       .expected = "a primary key or a unique index over NOT NULL columns that the migration carries over "
                   "unchanged or by a "
                   "cast that keeps different values different",
       .found = candidates.empty() ? "no such index" : reasons,
       .next = "Add a unique index over NOT NULL columns first (CREATE UNIQUE INDEX CONCURRENTLY), or split "
               "the migration."});
  return choice;
}

}  // namespace crossfade::strategies
