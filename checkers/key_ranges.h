// Cuts a table into key ranges for comparison, one after the other, so that the caller can stop, show
// progress and hand ranges to its workers while later ones are still being found. Boundaries come from the
// statistics where these are fine enough, else from steps through the key's index. Any boundaries are right,
// because together the ranges always cover every key once; only speed depends on them. Not thread-safe;
// borrows nothing but the session of each call.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkers/comparison.h"
#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::checkers {

/// Where the left key stands in its table.
struct KeySource {
  postgres::QualifiedName relation;
  std::vector<std::string>
      columns;  ///< in the order of Comparison::keys; a unique index starts with them in this order
};
BOOST_DESCRIBE_STRUCT(KeySource, (), (relation, columns))

struct RangeOptions {
  std::int64_t rows_per_range = 1'000'000;
  /// Where the rows do not lie in the key's order, each range reads most of the table: few large ones are
  /// faster.
  std::int64_t scattered_rows_per_range = 20'000'000;
};

class KeyRangePlanner {
 public:
  /// Reads the statistics. Throws DatabaseError.
  KeyRangePlanner(postgres::Session& session, const Comparison& comparison, KeySource source,
                  const RangeOptions& options = {});

  /// The next range; null once all are given. There is always at least one, also of an empty table. A step
  /// through the index costs about as much as count(*) of the range.
  std::optional<KeyRange> next(postgres::Session& session);

  /// Roughly how many ranges there are, those already given included; at least 1. For progress only.
  std::int64_t estimated_ranges() const { return estimated_ranges_; }

 private:
  std::optional<KeyText> next_boundary(postgres::Session& session);

  Comparison comparison_;
  KeySource source_;
  std::int64_t rows_per_range_ = 0;
  std::int64_t estimated_ranges_ = 1;
  bool stepping_ = false;
  std::vector<KeyText> boundaries_;  ///< from the statistics; ascending, without duplicates
  std::size_t next_boundary_ = 0;
  std::optional<KeyText> lower_;
  bool finished_ = false;
};

/// All ranges at once.
std::vector<KeyRange> plan_key_ranges(postgres::Session& session, const Comparison& comparison,
                                      const KeySource& source, const RangeOptions& options = {});

/// Marks the compared columns that hold NULLs, by the statistics of a relation that has columns of the same
/// names. Only speed depends on it. Call it before the first hash is taken and journal the result with the
/// comparison.
void mark_often_null(postgres::Session& session, Comparison& comparison,
                     const postgres::QualifiedName& relation);

}  // namespace crossfade::checkers
