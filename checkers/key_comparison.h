// Compares single keys: those that compare_range() left out because they were in the log. Some may be in the
// log still, or again; they come back to be tried later, so that in the end every key has been compared. A
// free function without state; any number of threads may call it, each with its own session, which must not
// be in a transaction.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <vector>

#include "checkers/comparison.h"
#include "checkers/row_differences.h"
#include "checkers/snapshot.h"
#include "postgres/session.h"

namespace crossfade::checkers {

struct KeysOutcome {
  std::vector<KeyText> still_logged;  ///< not compared; give them to a later call
  std::int64_t keys_compared = 0;     ///< of those given, also where neither side has a row (any more)
  std::int64_t rows_left = 0;
  std::int64_t rows_right = 0;
  Differences differences;
};
BOOST_DESCRIBE_STRUCT(KeysOutcome, (), (still_logged, keys_compared, rows_left, rows_right, differences))

/// In one snapshot. `keys` are left keys as text; some 10,000 at a time are fine. Needs an index on both
/// sides' keys to be fast. Throws DatabaseError, and whatever the hook throws.
KeysOutcome compare_keys(postgres::Session& session, const Comparison& comparison,
                         const std::vector<KeyText>& keys, int example_limit,
                         const SnapshotHook& after_snapshot = {});

}  // namespace crossfade::checkers
