// Compares both sides over one range of keys by count, sum and xor of one hash a row, in one snapshot,
// without the keys that the log of this snapshot holds. Keys left out are reported, so that they can be
// compared later: nothing is ever passed over in silence (docs/protocol.md, rules 21 to 23). A free function
// without state; any number of threads may call it, each with its own session, which must not be in a
// transaction.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <vector>

#include "checkers/comparison.h"
#include "checkers/snapshot.h"
#include "postgres/session.h"

namespace crossfade::checkers {

struct RangeComparisonOptions {
  /// Of distinct keys that are handed back; where there are more, RangeOutcome::excluded_truncated is set.
  std::int64_t excluded_limit = 100'000;
  SnapshotHook after_snapshot;
};

struct RangeOutcome {
  KeyRange range;
  std::int64_t rows_left = 0;  ///< compared, so without the excluded ones
  std::int64_t rows_right = 0;
  std::int64_t excluded_left = 0;  ///< rows whose key was in the log
  std::int64_t excluded_right = 0;
  bool equal = false;
  std::vector<KeyText> excluded_keys;  ///< distinct by the left key's equality
  /// Not all excluded keys are listed: replay some of the log, then compare the range again. It cannot count
  /// as done.
  bool excluded_truncated = false;
};
BOOST_DESCRIBE_STRUCT(RangeOutcome, (),
                      (range, rows_left, rows_right, excluded_left, excluded_right, equal, excluded_keys,
                       excluded_truncated))

/// Throws DatabaseError, and whatever the hook throws.
RangeOutcome compare_range(postgres::Session& session, const Comparison& comparison, const KeyRange& range,
                           const RangeComparisonOptions& options = {});

}  // namespace crossfade::checkers
