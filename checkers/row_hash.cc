#include "checkers/row_hash.h"

#include <algorithm>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "checkers/comparison_sql.h"
#include "postgres/quoting.h"

namespace crossfade::checkers {

namespace {

constexpr std::string_view kFirstSeed = "CAST(1 AS pg_catalog.int8)";

/// A value's expression with the form that hashes it.
struct HashedValue {
  std::string expression;
  const HashForm* form = nullptr;
};

std::string fill_in(std::string_view text, std::string_view value, std::string_view seed) {
  static constexpr std::pair<std::string_view, int> kPlaceholders[] = {{"$value", 0}, {"$seed", 1}};
  std::string out;
  while (!text.empty()) {
    const auto found =
        std::find_if(std::begin(kPlaceholders), std::end(kPlaceholders),
                     [&](const auto& placeholder) { return text.starts_with(placeholder.first); });
    if (found == std::end(kPlaceholders)) {
      out.push_back(text.front());
      text.remove_prefix(1);
    } else {
      out.append(found->second == 0 ? value : seed);
      text.remove_prefix(found->first.size());
    }
  }
  return out;
}

/// Values of one image type go into one array: its hash takes NULL elements and knows their places. A NULL
/// adds nothing, not even the seed, so every array begins with a constant that carries the seed on.
std::string hash_as_arrays(std::span<const HashedValue> values, std::string seed) {
  std::vector<std::string> types;
  std::map<std::string, std::string> elements;
  for (const HashedValue& value : values) {
    std::string& list = elements[value.form->image_type];
    if (list.empty()) {
      types.push_back(value.form->image_type);
      list = value.form->constant;
    }
    list += ", " + fill_in(value.form->image, value.expression, {});
  }
  for (const std::string& type : types)
    seed = "pg_catalog.hash_array_extended(ARRAY[" + elements[type] + "], " + seed + ")";
  return seed;
}

std::string hash_chained(std::span<const HashedValue> values, std::string seed) {
  for (const HashedValue& value : values) seed = fill_in(value.form->chained, value.expression, seed);
  return seed;
}

std::string compared_value(std::string_view row, std::string_view column) {
  return std::string(row) + "." + postgres::quote_identifier(column);
}

/// The hash of the key in its final form. Key columns are never NULL.
std::string key_seed(const Comparison& comparison, Side side, std::string_view row) {
  std::string seed(kFirstSeed);
  bool first = true;
  for (std::size_t index = 0; index < comparison.keys.size(); ++index) {
    const KeyColumn& key = comparison.keys[index];
    const HashedValue value{key.compared_as.empty() ? right_key(comparison, side, row, index)
                                                    : compared_value(row, key.compared_as),
                            &key.form};
    if (first && !key.form.seed.empty()) {
      // An integer is its own seed without loss; this is the cheapest call that mixes it.
      seed = "pg_catalog.hashint4extended(1, " + fill_in(key.form.seed, value.expression, {}) + ")";
    } else if (!key.form.chained.empty()) {
      seed = hash_chained({&value, 1}, std::move(seed));
    } else {
      seed = hash_as_arrays({&value, 1}, std::move(seed));
    }
    first = false;
  }
  return seed;
}

}  // namespace

std::string row_hash(const Comparison& comparison, Side side, std::string_view row) {
  const std::string seed = key_seed(comparison, side, row);
  std::vector<HashedValue> all;
  std::vector<HashedValue> chained;
  std::vector<HashedValue> others;
  for (const ComparedColumn& column : comparison.columns) {
    // A key column's own value is in the seed already.
    if (std::any_of(comparison.keys.begin(), comparison.keys.end(),
                    [&](const KeyColumn& key) { return key.compared_as == column.name; }))
      continue;
    all.push_back({compared_value(row, column.name), &column.form});
    (column.form.chained.empty() || column.often_null ? others : chained).push_back(all.back());
  }
  // Chained calls cost a fraction of an array, but are NULL as soon as one value is. Then everything goes by
  // arrays.
  const std::string fallback = hash_as_arrays(all, seed);
  if (chained.empty()) return "coalesce(" + fallback + ", CAST(0 AS pg_catalog.int8))";
  return "coalesce(" + hash_as_arrays(others, hash_chained(chained, seed)) + ", " + fallback +
         ", CAST(0 AS pg_catalog.int8))";
}

std::string column_hash(const ComparedColumn& column, std::string_view row) {
  const HashedValue value{compared_value(row, column.name), &column.form};
  return hash_as_arrays({&value, 1}, std::string(kFirstSeed));
}

}  // namespace crossfade::checkers
