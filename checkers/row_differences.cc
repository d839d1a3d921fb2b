#include "checkers/row_differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "checkers/comparison_sql.h"
#include "checkers/row_hash.h"
#include "postgres/quoting.h"

namespace crossfade::checkers {

namespace {

// Rows are matched by key and hash together, with the number of copies: what is left over on both sides under
// one key has changed, what is left over on one side is missing or extra.
constexpr std::string_view kDifferences = R"sql(
WITH left_rows AS (
  SELECT {right_keys_of_left}, {left_hash} AS hash, {key_texts} FROM {left} AS side WHERE {left_condition} OFFSET 0
), right_rows AS (
  SELECT {right_keys_of_right}, {right_hash} AS hash, {key_texts} FROM {right} AS side WHERE {right_condition} OFFSET 0
), left_groups AS (
  SELECT {keys}, hash, pg_catalog.count(*) AS copies, {first_texts} FROM left_rows GROUP BY {keys}, hash
), right_groups AS (
  SELECT {keys}, hash, pg_catalog.count(*) AS copies, {first_texts} FROM right_rows GROUP BY {keys}, hash
), unmatched AS (
  SELECT {either_keys}, {either_texts},
         greatest(coalesce(l.copies, 0) - coalesce(r.copies, 0), 0) AS only_left,
         greatest(coalesce(r.copies, 0) - coalesce(l.copies, 0), 0) AS only_right
    FROM left_groups l FULL JOIN right_groups r ON {same_key} AND l.hash = r.hash
   WHERE l.copies IS NULL OR r.copies IS NULL OR l.copies <> r.copies
), by_key AS (
  SELECT {keys}, {texts_of_left_first}, pg_catalog.sum(only_left) AS only_left, pg_catalog.sum(only_right) AS only_right
    FROM unmatched GROUP BY {keys}
), kinds AS (
  SELECT *, least(only_left, only_right) AS changed,
         greatest(only_left - only_right, 0) AS missing, greatest(only_right - only_left, 0) AS extra
    FROM by_key
)
SELECT {texts}, changed, missing, extra, pg_catalog.sum(changed) OVER () AS all_changed,
       pg_catalog.sum(missing) OVER () AS all_missing, pg_catalog.sum(extra) OVER () AS all_extra
  FROM kinds ORDER BY {keys} LIMIT {limit}
)sql";

// Copies of one key are summed up; where there is one on each side this compares the columns one by one.
constexpr std::string_view kColumns = R"sql(
SELECT {ordinals}, {sums}
  FROM (SELECT given.ordinal, {hashes} FROM ({given}) AS given JOIN {rows} AS side ON {same_key} OFFSET 0) hashes
 GROUP BY ordinal
)sql";

std::string listed(const Comparison& comparison, std::string_view pattern) {
  std::string out;
  for (std::size_t number = 1; number <= comparison.keys.size(); ++number) {
    if (number > 1) out += ", ";
    out += fmt::format(fmt::runtime(pattern), number);
  }
  return out;
}

std::string right_keys(const Comparison& comparison, Side side) {
  std::string out;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index) {
    if (index > 0) out += ", ";
    out += right_key(comparison, side, "side", index) + " AS crossfade_key_" + std::to_string(index + 1);
  }
  return out;
}

struct KeyDifference {
  KeyText key;
  DifferenceCounts counts;
};

struct Found {
  DifferenceCounts counts;
  std::vector<KeyDifference> keys;
};

Found find(postgres::Session& session, const Comparison& comparison, const std::string& left_condition,
           const std::string& right_condition, const postgres::Parameters& parameters, int limit) {
  const std::string text = fmt::format(
      kDifferences, fmt::arg("right_keys_of_left", right_keys(comparison, Side::left)),
      fmt::arg("right_keys_of_right", right_keys(comparison, Side::right)),
      fmt::arg("left_hash", row_hash(comparison, Side::left, "side")),
      fmt::arg("right_hash", row_hash(comparison, Side::right, "side")),
      fmt::arg("key_texts", key_texts(comparison, "side")),
      fmt::arg("left", side_rows(comparison, Side::left)),
      fmt::arg("right", side_rows(comparison, Side::right)), fmt::arg("left_condition", left_condition),
      fmt::arg("right_condition", right_condition), fmt::arg("keys", listed(comparison, "crossfade_key_{0}")),
      fmt::arg("first_texts", listed(comparison, "pg_catalog.min(text_{0}) AS text_{0}")),
      fmt::arg("either_keys",
               listed(comparison, "coalesce(l.crossfade_key_{0}, r.crossfade_key_{0}) AS crossfade_key_{0}")),
      fmt::arg("either_texts",
               listed(comparison, "l.text_{0} AS left_text_{0}, r.text_{0} AS right_text_{0}")),
      fmt::arg("same_key", same_key(comparison, Side::right, "l", "r")),
      fmt::arg("texts_of_left_first",
               listed(comparison,
                      "coalesce(pg_catalog.min(left_text_{0}), pg_catalog.min(right_text_{0})) AS text_{0}")),
      fmt::arg("texts", listed(comparison, "text_{0}")), fmt::arg("limit", std::max(limit, 1)));
  Found found;
  const postgres::Rows rows = session.run({"verify.differences", text}, parameters);
  for (const postgres::Row row : rows) {
    found.counts = {row.integer("all_missing"), row.integer("all_extra"), row.integer("all_changed")};
    found.keys.push_back(
        {read_key(comparison, row), {row.integer("missing"), row.integer("extra"), row.integer("changed")}});
  }
  return found;
}

/// By the key's place among `keys`, the summed-up hash of every column.
std::map<std::int64_t, std::vector<postgres::Value>> column_sums(postgres::Session& session,
                                                                 const Comparison& comparison, Side side,
                                                                 const std::vector<KeyText>& keys) {
  std::string hashes;
  std::string sums;
  for (std::size_t index = 0; index < comparison.columns.size(); ++index) {
    const std::string name = "hash_" + std::to_string(index + 1);
    if (index > 0) hashes += ", ", sums += ", ";
    hashes += column_hash(comparison.columns[index], "side") + " AS " + name;
    sums += "pg_catalog.sum(" + name + ")::pg_catalog.text AS " + name;
  }
  std::string given;
  for (std::size_t ordinal = 0; ordinal < keys.size(); ++ordinal) {
    given += ordinal == 0 ? "SELECT " : " UNION ALL SELECT ";
    for (std::size_t index = 0; index < comparison.keys.size(); ++index)
      given += key_literal(comparison, side, index, keys[ordinal].at(index)) + " AS crossfade_key_" +
               std::to_string(index + 1) + ", ";
    given += std::to_string(ordinal) + "::pg_catalog.int8 AS ordinal";
  }
  const postgres::Rows rows = session.run(
      {side == Side::left ? "verify.differences.left_columns" : "verify.differences.right_columns",
       fmt::format(kColumns, fmt::arg("ordinals", "ordinal"), fmt::arg("sums", sums),
                   fmt::arg("hashes", hashes), fmt::arg("given", given),
                   fmt::arg("rows", side_rows(comparison, side)),
                   fmt::arg("same_key", same_key(comparison, side, "side", "given")))});
  std::map<std::int64_t, std::vector<postgres::Value>> by_ordinal;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const auto values = rows.values(row);
    by_ordinal[std::stoll(values.front().value())].assign(values.begin() + 1, values.end());
  }
  return by_ordinal;
}

/// The names of the changed columns, one list for each of `keys`.
std::vector<std::vector<std::string>> changed_columns(postgres::Session& session,
                                                      const Comparison& comparison,
                                                      const std::vector<KeyText>& keys) {
  std::vector<std::vector<std::string>> names(keys.size());
  if (keys.empty() || comparison.columns.empty()) return names;
  auto left = column_sums(session, comparison, Side::left, keys);
  auto right = column_sums(session, comparison, Side::right, keys);
  for (std::size_t ordinal = 0; ordinal < keys.size(); ++ordinal) {
    const auto& before = left[static_cast<std::int64_t>(ordinal)];
    const auto& after = right[static_cast<std::int64_t>(ordinal)];
    for (std::size_t index = 0; index < std::min(before.size(), after.size()); ++index) {
      if (before[index] != after[index]) names[ordinal].push_back(comparison.columns[index].name);
    }
  }
  return names;
}

Differences with_examples(postgres::Session& session, const Comparison& comparison, Found found,
                          int example_limit) {
  Differences differences{.counts = found.counts, .examples = {}};
  if (example_limit <= 0) return differences;
  std::vector<KeyText> changed_keys;
  for (const KeyDifference& difference : found.keys) {
    if (difference.counts.changed > 0) changed_keys.push_back(difference.key);
  }
  const auto columns = changed_columns(session, comparison, changed_keys);
  std::size_t next_changed = 0;
  for (const KeyDifference& difference : found.keys) {
    std::map<std::string, std::string> key;
    for (std::size_t index = 0; index < comparison.key_names.size(); ++index)
      key[comparison.key_names[index]] = difference.key.at(index);
    const auto add = [&](std::string kind, std::vector<std::string> names) {
      if (differences.examples.size() < static_cast<std::size_t>(example_limit))
        differences.examples.push_back({key, std::move(kind), std::move(names)});
    };
    if (difference.counts.changed > 0) add("changed", columns[next_changed++]);
    if (difference.counts.missing > 0) add("missing", {});
    if (difference.counts.extra > 0) add("extra", {});
  }
  return differences;
}

std::string of_given_keys(const Comparison& comparison, Side side) {
  return "EXISTS (SELECT FROM (" + given_keys(comparison, side) + ") AS given WHERE " +
         same_key(comparison, side, "side", "given") + ")";
}

}  // namespace

DifferenceCounts& DifferenceCounts::operator+=(const DifferenceCounts& other) {
  missing += other.missing;
  extra += other.extra;
  changed += other.changed;
  return *this;
}

Differences find_differences(postgres::Session& session, const Comparison& comparison, const KeyRange& range,
                             int example_limit, const SnapshotHook& after_snapshot) {
  const auto condition = [&](Side side) {
    std::string text = in_range(comparison, side, "side", range);
    if (!comparison.log) return text;
    return text + " AND NOT EXISTS (SELECT FROM (" + logged_keys(comparison, side, range) +
           ") AS logged_key WHERE " + same_key(comparison, side, "side", "logged_key") + ")";
  };
  Snapshot snapshot(session, comparison, after_snapshot);
  Found found = find(session, comparison, condition(Side::left), condition(Side::right), {}, example_limit);
  Differences differences = with_examples(session, comparison, std::move(found), example_limit);
  snapshot.end();
  return differences;
}

Differences find_differences_of_keys(postgres::Session& session, const Comparison& comparison,
                                     const std::vector<KeyText>& keys, int example_limit) {
  Found found = find(session, comparison, of_given_keys(comparison, Side::left),
                     of_given_keys(comparison, Side::right), key_parameters(comparison, keys), example_limit);
  return with_examples(session, comparison, std::move(found), example_limit);
}

postgres::Parameters key_parameters(const Comparison& comparison, const std::vector<KeyText>& keys) {
  postgres::Parameters parameters;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index) {
    std::vector<std::string> values;
    for (const KeyText& key : keys) values.push_back(key.at(index));
    parameters.emplace_back(postgres::array_literal(values));
  }
  return parameters;
}

}  // namespace crossfade::checkers
