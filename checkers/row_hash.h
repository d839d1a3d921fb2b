// SQL expressions for the 64-bit hash of a row. It is keyed by the row's key and chained over the columns, so
// that sums over many rows see which row holds a value (docs/protocol.md, rule 21), and it is made of bit
// images, so that values which are only equal are told apart (rule 22). Both sides hash alike where their
// rows are identical, because the expression depends on nothing but the row's values. Pure functions,
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "checkers/comparison.h"

namespace crossfade::checkers {

enum class Side { left, right };

/// A bigint, never NULL; `row` is the alias, quoted where it has to be, under which the side's SELECT stands
/// in FROM.
std::string row_hash(const Comparison& comparison, Side side, std::string_view row);

/// A bigint, never NULL, of one value without any key: for finding the columns in which two rows differ.
std::string column_hash(const ComparedColumn& column, std::string_view row);

}  // namespace crossfade::checkers
