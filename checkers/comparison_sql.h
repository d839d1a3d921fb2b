// The pieces of SQL that the comparisons of this folder share: keys of either side, conditions on them, and
// the set of logged keys. Pure functions, thread-safe. Every result is SQL text in which all names are quoted
// and qualified.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "checkers/comparison.h"
#include "checkers/row_hash.h"
#include "postgres/query.h"

namespace crossfade::checkers {

/// The side's SELECT in parentheses.
std::string side_rows(const Comparison& comparison, Side side);

/// "row"."crossfade_key_N"; `index` counts from 0.
std::string key_of(std::string_view row, std::size_t index);

/// The same, cast to the right key's type where it is the left key.
std::string right_key(const Comparison& comparison, Side side, std::string_view row, std::size_t index);

/// The key columns of `row`, each as text, as "text_1", "text_2", …
std::string key_texts(const Comparison& comparison, std::string_view row);

/// Reads them back. `row` is a result row that has them.
KeyText read_key(const Comparison& comparison, const postgres::Row& row);

/// A condition on `row` of this side; "true" for the range of everything.
std::string in_range(const Comparison& comparison, Side side, std::string_view row, const KeyRange& range);

/// row.key = other.key, by the equality of the side's key. Both have columns crossfade_key_1 ….
std::string same_key(const Comparison& comparison, Side side, std::string_view row, std::string_view other);

/// A SELECT of the distinct logged keys in the range, as crossfade_key_1 … in the side's key types.
std::string logged_keys(const Comparison& comparison, Side side, const KeyRange& range);

/// A SELECT of the distinct keys given as parameters $1 …, one text[] for each key column, likewise.
std::string given_keys(const Comparison& comparison, Side side);

/// A FROM item: the given left keys one by one, as crossfade_key_1 …, with their place from 1 as
/// `ordinality`.
std::string given_keys_in_order(const Comparison& comparison, std::string_view alias);

/// Compares two lists of expressions, each a key of this side, as rows. `sign` is >=, >, <= or <.
std::string compare_rows(const Comparison& comparison, Side side, const std::vector<std::string>& first,
                         std::string_view sign, const std::vector<std::string>& second);

/// Text (an expression in SQL) in the left key's type, as the key of one side.
std::string as_key(const KeyColumn& key, Side side, std::string_view expression);

/// A literal of one key column in the side's type; the text is in the left key's type.
std::string key_literal(const Comparison& comparison, Side side, std::size_t index, std::string_view text);

}  // namespace crossfade::checkers
