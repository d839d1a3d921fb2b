// The outcome of a whole verification: what `verify` prints and what the journal keeps. A VerificationTally
// gathers the outcomes of ranges and deferred keys in any order and draws the conclusion; it can only say
// "equal" where everything was compared and nothing was left over (docs/protocol.md, rule 23). Plain values,
// to be guarded by the caller where several threads add to one.
#pragma once

#include <boost/describe.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkers/comparison.h"
#include "checkers/key_comparison.h"
#include "checkers/range_comparison.h"
#include "checkers/row_differences.h"

namespace crossfade::checkers {

struct VerificationReport {
  std::optional<std::int64_t> run;
  std::string mode = "full";
  std::string left;
  std::string right;
  bool complete = false;  ///< every range, and every key that was left out at first, was compared
  /// Every range was compared, bit by bit and row by row; none differed without its rows being found. Columns
  /// in not_compared are excepted, and keys that are still to be compared.
  bool exact = false;
  bool equal = false;
  std::int64_t rows_left = 0;
  std::int64_t rows_right = 0;
  std::int64_t chunks = 0;
  std::int64_t keys_excluded = 0;  ///< left out of their range because they were in the log
  std::vector<std::string> not_compared;
  DifferenceCounts differences;
  std::vector<DifferenceExample> examples;
};
BOOST_DESCRIBE_STRUCT(VerificationReport, (),
                      (run, mode, left, right, complete, exact, equal, rows_left, rows_right, chunks,
                       keys_excluded, not_compared, differences, examples))

class VerificationTally {
 public:
  /// Of one range, once. `differences` are find_differences()'s where the range is not equal.
  void add(const RangeOutcome& outcome, const Differences& differences = {});
  /// Of keys that ranges left out. Each is added once as compared; calls that found it still logged do not
  /// count.
  void add(const KeysOutcome& outcome);

  /// Keys that were left out and not compared since.
  std::int64_t deferred_keys() const { return keys_excluded_ - keys_compared_; }

  /// `all_ranges_added`: the caller has added every range that KeyRangePlanner gave, to its end.
  VerificationReport report(const Comparison& comparison, std::optional<std::int64_t> run,
                            bool all_ranges_added, std::size_t example_limit = 20) const;

 private:
  void add(const Differences& differences);

  std::int64_t ranges_ = 0;
  std::int64_t unequal_ranges_ = 0;
  std::int64_t unexplained_ranges_ = 0;  ///< unequal, but the rows could not be found afterwards
  bool truncated_ = false;
  std::int64_t rows_left_ = 0;
  std::int64_t rows_right_ = 0;
  std::int64_t keys_excluded_ = 0;
  std::int64_t keys_compared_ = 0;
  DifferenceCounts differences_;
  std::vector<DifferenceExample> examples_;
};

/// The members of the `verify` document; the command adds its own.
boost::json::value to_json(const VerificationReport& report);

/// For a terminal, several lines, the verdict first.
std::string describe(const VerificationReport& report);

}  // namespace crossfade::checkers
