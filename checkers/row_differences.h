// Names the rows in which two sides differ: how many are missing, extra and changed, and examples with the
// columns that changed. For ranges whose sums differ, so it may be slower than compare_range(), but it uses
// the same hashes. Copies of one key are matched as a multiset: a second copy on the right is extra. Free
// functions without state; any number of threads may call them, each with its own session, which must not be
// in a transaction.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkers/comparison.h"
#include "checkers/snapshot.h"
#include "postgres/session.h"

namespace crossfade::checkers {

struct DifferenceCounts {
  std::int64_t missing = 0;  ///< in the left, not in the right
  std::int64_t extra = 0;    ///< in the right, not in the left
  std::int64_t changed = 0;

  std::int64_t total() const { return missing + extra + changed; }
  DifferenceCounts& operator+=(const DifferenceCounts& other);
};
BOOST_DESCRIBE_STRUCT(DifferenceCounts, (), (missing, extra, changed))

struct DifferenceExample {
  std::map<std::string, std::string> key;  ///< by Comparison::key_names; the values as text
  std::string kind;                        ///< "missing", "extra" or "changed"
  std::vector<std::string> columns;  ///< only of "changed"; never empty there unless the key itself changed
};
BOOST_DESCRIBE_STRUCT(DifferenceExample, (), (key, kind, columns))

struct Differences {
  DifferenceCounts counts;
  std::vector<DifferenceExample> examples;  ///< by key, at most as many as asked for
};
BOOST_DESCRIBE_STRUCT(Differences, (), (counts, examples))

/// In one snapshot of its own, logged keys left out. Throws DatabaseError, and whatever the hook throws.
Differences find_differences(postgres::Session& session, const Comparison& comparison, const KeyRange& range,
                             int example_limit, const SnapshotHook& after_snapshot = {});

/// In the transaction that the session is in; of the given left keys alone, whether logged or not.
Differences find_differences_of_keys(postgres::Session& session, const Comparison& comparison,
                                     const std::vector<KeyText>& keys, int example_limit);

/// One text[] parameter for each key column, for given_keys().
postgres::Parameters key_parameters(const Comparison& comparison, const std::vector<KeyText>& keys);

}  // namespace crossfade::checkers
