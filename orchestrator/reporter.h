// Where a run shows itself: a terminal, JSON lines, or a recorder in tests. A Reporter is called from the
// run's main thread and from its monitor thread, never from two at once; it must not throw.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace crossfade::orchestrator {

struct ProgressSnapshot {
  std::int64_t run = 0;
  std::string revision;
  std::string table;
  std::string phase;
  std::int64_t rows_done = 0;
  std::int64_t rows_total = 0;
  double rows_per_s = 0;
  std::optional<double> eta_s;
  std::int64_t backlog_keys = 0;
  std::string waiting_for;  ///< empty: not waiting
};
BOOST_DESCRIBE_STRUCT(ProgressSnapshot, (),
                      (run, revision, table, phase, rows_done, rows_total, rows_per_s, eta_s, backlog_keys,
                       waiting_for))

class Reporter {
 public:
  virtual ~Reporter() = default;
  /// About four times a second while work is under way, and at every change of phase or reason.
  virtual void progress(const ProgressSnapshot& snapshot) = 0;
  /// Something that happened, in one sentence.
  virtual void note(const std::string& text) = 0;
};

enum class ProgressStyle { automatic, plain, json, none };

/// Writes to standard error. `automatic` is a redrawn line on a terminal and plain lines elsewhere.
std::unique_ptr<Reporter> make_reporter(ProgressStyle style);

}  // namespace crossfade::orchestrator
