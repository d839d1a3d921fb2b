#include "checkers/verification_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <boost/json.hpp>

namespace crossfade::checkers {

namespace {

std::string verdict(const VerificationReport& report) {
  if (report.differences.total() > 0) return "different";
  if (!report.complete) return "not complete, so nothing is proven";
  return report.equal ? "equal" : "different, but no longer so when the rows were looked for; verify again";
}

std::string example_line(const DifferenceExample& example) {
  std::string key;
  for (const auto& [name, value] : example.key)
    key += fmt::format("{}{}={}", key.empty() ? "" : ", ", name, value);
  std::string line = fmt::format("\n  {:<8} {}", example.kind, key);
  if (!example.columns.empty()) line += fmt::format(": {}", fmt::join(example.columns, ", "));
  return line;
}

}  // namespace

void VerificationTally::add(const RangeOutcome& outcome, const Differences& differences) {
  ++ranges_;
  if (!outcome.equal) ++unequal_ranges_;
  if (!outcome.equal && differences.counts.total() == 0) ++unexplained_ranges_;
  truncated_ = truncated_ || outcome.excluded_truncated;
  rows_left_ += outcome.rows_left;
  rows_right_ += outcome.rows_right;
  keys_excluded_ += static_cast<std::int64_t>(outcome.excluded_keys.size());
  add(differences);
}

void VerificationTally::add(const KeysOutcome& outcome) {
  keys_compared_ += outcome.keys_compared;
  rows_left_ += outcome.rows_left;
  rows_right_ += outcome.rows_right;
  add(outcome.differences);
}

void VerificationTally::add(const Differences& differences) {
  differences_ += differences.counts;
  examples_.insert(examples_.end(), differences.examples.begin(), differences.examples.end());
}

VerificationReport VerificationTally::report(const Comparison& comparison, std::optional<std::int64_t> run,
                                             bool all_ranges_added, std::size_t example_limit) const {
  VerificationReport report{.run = run,
                            .left = comparison.left_name,
                            .right = comparison.right_name,
                            .rows_left = rows_left_,
                            .rows_right = rows_right_,
                            .chunks = ranges_,
                            .keys_excluded = keys_excluded_,
                            .not_compared = comparison.not_compared,
                            .differences = differences_,
                            .examples = examples_};
  // Even an empty table has one range, so none at all means that nothing was looked at.
  const bool all_ranges = all_ranges_added && ranges_ > 0 && !truncated_;
  report.exact = all_ranges && unexplained_ranges_ == 0;
  report.complete = all_ranges && deferred_keys() == 0;
  report.equal =
      report.complete && unequal_ranges_ == 0 && differences_.total() == 0 && rows_left_ == rows_right_;
  if (report.examples.size() > example_limit) report.examples.resize(example_limit);
  return report;
}

boost::json::value to_json(const VerificationReport& report) {
  return boost::json::value_from(report);
}

std::string describe(const VerificationReport& report) {
  std::string text = fmt::format(
      "{} and {}: {}\n  {} rows against {}, in {} range{}; {} key{} compared later because {} in the log",
      report.left, report.right, verdict(report), report.rows_left, report.rows_right, report.chunks,
      report.chunks == 1 ? "" : "s", report.keys_excluded, report.keys_excluded == 1 ? "" : "s",
      report.keys_excluded == 1 ? "it was" : "they were");
  if (!report.not_compared.empty())
    text += fmt::format("\n  not compared: {}", fmt::join(report.not_compared, ", "));
  if (report.differences.total() > 0) {
    text += fmt::format("\n  {} missing, {} extra, {} changed", report.differences.missing,
                        report.differences.extra, report.differences.changed);
  }
  for (const DifferenceExample& example : report.examples) text += example_line(example);
  return text;
}

}  // namespace crossfade::checkers
