// When each query of one connection ended, and how long it took. One thread adds, any thread may read at the
// same time: every call holds a lock that is practically never contended. About 16 bytes a query; nothing is
// forgotten.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "orchestrator/demo/traffic_clock.h"

namespace crossfade::orchestrator::demo {

/// What the application felt in one period. The latencies are null where no query ended in it.
struct LatencySummary {
  std::uint64_t queries = 0;
  std::uint64_t transactions = 0;
  std::optional<double> transactions_per_s;
  std::optional<double> p50_ms;
  std::optional<double> p99_ms;
  std::optional<double> max_ms;
};
BOOST_DESCRIBE_STRUCT(LatencySummary, (), (queries, transactions, transactions_per_s, p50_ms, p99_ms, max_ms))

class LatencyRecord {
 public:
  /// Calls come in the order of `ended`. `ends_transaction` marks the last query of a committed transaction.
  void add(TrafficClock::time_point ended, std::chrono::nanoseconds latency, bool ends_transaction);

  struct Totals {
    std::uint64_t queries = 0;
    std::uint64_t transactions = 0;
  };
  Totals totals() const;

  struct Window {
    std::vector<std::uint32_t> microseconds;  ///< unordered
    std::uint64_t transactions = 0;
  };
  /// Adds to `window` the queries that ended in [from, to).
  void collect(TrafficClock::time_point from, TrafficClock::time_point to, Window& window) const;

 private:
  struct Sample {
    TrafficClock::time_point ended;
    std::uint32_t microseconds : 31;
    std::uint32_t ends_transaction : 1;
  };

  mutable std::mutex mutex_;
  std::vector<Sample> samples_;
  std::uint64_t transactions_ = 0;
};

/// Nearest-rank percentiles of one window that is `length` long.
LatencySummary summarise(LatencyRecord::Window window, std::chrono::nanoseconds length);

}  // namespace crossfade::orchestrator::demo
