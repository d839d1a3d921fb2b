// The comparison of two tables that exist side by side and belong to no run: `verify LEFT --against RIGHT`.
// Columns are paired by name, and the left values are cast to the right column's type. Reads only what it is
// given; thread-safe.
#pragma once

#include "checkers/comparison.h"
#include "checkers/key_ranges.h"
#include "postgres/catalog.h"
#include "postgres/session.h"

namespace crossfade::checkers {

struct TableComparison {
  Comparison comparison;
  KeySource source;  ///< of the left table, for KeyRangePlanner
};

/// Throws Failure (exit 5) where no usable unique index of the left table has a counterpart on the right, and
/// (exit 2) where the tables do not have the same columns. Throws DatabaseError.
TableComparison comparison_of_tables(postgres::Session& session, const postgres::Table& left,
                                     const postgres::Table& right);

/// The key and compared column of one right column, from the facts about its type.
ComparedColumn compared_column(postgres::Session& session, const postgres::Column& column);
KeyColumn key_column(postgres::Session& session, const postgres::Column& left, const postgres::Column& right);

}  // namespace crossfade::checkers
