#include "checkers/key_ranges.h"

#include <algorithm>
#include <set>
#include <utility>

#include "checkers/comparison_sql.h"

namespace crossfade::checkers {

namespace {

constexpr std::string_view kRelation = R"sql(
SELECT greatest(class.reltuples, 0)::pg_catalog.int8 AS rows,
       coalesce(pg_catalog.abs(stats.correlation), 1)::pg_catalog.float8 AS correlation,
       coalesce(pg_catalog.array_length(stats.histogram_bounds::pg_catalog.text::pg_catalog.text[], 1), 0) AS bounds
  FROM pg_catalog.pg_class class
  JOIN pg_catalog.pg_namespace schema ON schema.oid = class.relnamespace
  LEFT JOIN pg_catalog.pg_stats stats
         ON stats.schemaname = schema.nspname AND stats.tablename = class.relname AND stats.attname = $3
        AND NOT stats.inherited
 WHERE schema.nspname = $1 AND class.relname = $2
)sql";

constexpr std::string_view kHistogram = R"sql(
SELECT bound::pg_catalog.text AS text_1
  FROM (SELECT DISTINCT %KEY% AS bound
          FROM pg_catalog.pg_stats stats,
               pg_catalog.unnest(stats.histogram_bounds::pg_catalog.text::pg_catalog.text[]) AS element
         WHERE stats.schemaname = $1 AND stats.tablename = $2 AND stats.attname = $3 AND NOT stats.inherited) bounds
 ORDER BY bound
)sql";

constexpr std::string_view kNullFractions = R"sql(
SELECT attname FROM pg_catalog.pg_stats WHERE schemaname = $1 AND tablename = $2 AND null_frac > 0 AND NOT inherited
)sql";

/// Below this the rows of a key range are all over the table.
constexpr double kOrdered = 0.5;

std::string replaced(std::string_view text, std::string_view placeholder, const std::string& value) {
  std::string out(text);
  out.replace(out.find(placeholder), placeholder.size(), value);
  return out;
}

}  // namespace

KeyRangePlanner::KeyRangePlanner(postgres::Session& session, const Comparison& comparison, KeySource source,
                                 const RangeOptions& options)
    : comparison_(comparison),
      source_(std::move(source)),
      rows_per_range_(std::max<std::int64_t>(options.rows_per_range, 1)) {
  if (!comparison_.key_order_preserved) return;
  const postgres::Parameters relation = {source_.relation.schema, source_.relation.name,
                                         source_.columns.front()};
  const postgres::Rows facts = session.run({"verify.ranges.relation", std::string(kRelation)}, relation);
  if (facts.empty()) return;
  const std::int64_t rows = facts.only().integer("rows");
  if (facts.only().real("correlation") < kOrdered)
    rows_per_range_ = std::max(rows_per_range_, options.scattered_rows_per_range);
  estimated_ranges_ = std::max<std::int64_t>(1, (rows + rows_per_range_ / 2) / rows_per_range_);

  const std::int64_t bins = facts.only().integer("bounds") - 1;
  if (comparison_.keys.size() == 1 && bins >= estimated_ranges_) {
    const std::string key = as_key(comparison_.keys.front(), Side::left, "element");
    const postgres::Rows bounds =
        session.run({"verify.ranges.histogram", replaced(kHistogram, "%KEY%", key)}, relation);
    // The outermost bounds are the smallest and largest sampled keys; the first and the last range go beyond
    // them.
    for (std::int64_t cut = 1; cut < estimated_ranges_; ++cut) {
      const auto at =
          static_cast<std::size_t>(cut) * bounds.size() / static_cast<std::size_t>(estimated_ranges_);
      KeyText bound = {bounds[at].text("text_1")};
      if (boundaries_.empty() || boundaries_.back() != bound) boundaries_.push_back(std::move(bound));
    }
    estimated_ranges_ = static_cast<std::int64_t>(boundaries_.size()) + 1;
  } else {
    stepping_ = true;
  }
}

std::optional<KeyText> KeyRangePlanner::next_boundary(postgres::Session& session) {
  if (!stepping_) {
    if (next_boundary_ == boundaries_.size()) return std::nullopt;
    return boundaries_[next_boundary_++];
  }
  std::string list;
  std::vector<std::string> columns;
  std::string order;
  for (const std::string& name : source_.columns) {
    columns.push_back("step." + postgres::quote_identifier(name));
    if (columns.size() > 1) list += ", ", order += ", ";
    list += columns.back() + "::pg_catalog.text AS text_" + std::to_string(columns.size());
    order += columns.back();
  }
  std::string condition = "true";
  if (lower_) {
    std::vector<std::string> bound;
    for (std::size_t index = 0; index < lower_->size(); ++index)
      bound.push_back(key_literal(comparison_, Side::left, index, (*lower_)[index]));
    condition = compare_rows(comparison_, Side::left, columns, ">=", bound);
  }
  postgres::Transaction transaction(session, "verify.ranges", postgres::Isolation::repeatable_read_read_only);
  // Without these a large OFFSET tempts the planner to sort the table.
  session.run({"verify.ranges.settings",
               "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL jit = off"});
  const postgres::Rows rows =
      session.run({"verify.ranges.step", "SELECT " + list + " FROM " + source_.relation.quoted() +
                                             " AS step WHERE " + condition + " ORDER BY " + order +
                                             " OFFSET " + std::to_string(rows_per_range_) + " LIMIT 1"});
  transaction.commit();
  if (rows.empty()) return std::nullopt;
  return read_key(comparison_, rows.only());
}

std::optional<KeyRange> KeyRangePlanner::next(postgres::Session& session) {
  if (finished_) return std::nullopt;
  std::optional<KeyText> upper;
  if (comparison_.key_order_preserved && !source_.columns.empty()) upper = next_boundary(session);
  finished_ = !upper.has_value();
  KeyRange range{.lower = lower_, .upper = upper};
  lower_ = std::move(upper);
  return range;
}

std::vector<KeyRange> plan_key_ranges(postgres::Session& session, const Comparison& comparison,
                                      const KeySource& source, const RangeOptions& options) {
  KeyRangePlanner planner(session, comparison, source, options);
  std::vector<KeyRange> ranges;
  while (std::optional<KeyRange> range = planner.next(session)) ranges.push_back(std::move(*range));
  return ranges;
}

void mark_often_null(postgres::Session& session, Comparison& comparison,
                     const postgres::QualifiedName& relation) {
  const postgres::Rows rows =
      session.run({"verify.null_fractions", std::string(kNullFractions)}, {relation.schema, relation.name});
  std::set<std::string> names;
  for (const postgres::Row row : rows) names.insert(row.text("attname"));
  for (ComparedColumn& column : comparison.columns) column.often_null = names.contains(column.name);
}

}  // namespace crossfade::checkers
