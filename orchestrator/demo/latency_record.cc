#include "orchestrator/demo/latency_record.h"

#include <algorithm>
#include <cmath>

namespace crossfade::orchestrator::demo {

void LatencyRecord::add(TrafficClock::time_point ended, std::chrono::nanoseconds latency,
                        bool ends_transaction) {
  constexpr std::int64_t kLongest = 0x7fffffff;  // 35 minutes, what the bit field holds
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(latency).count();
  const auto kept =
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(microseconds, 0, kLongest)) & 0x7fffffffU;
  const std::scoped_lock lock(mutex_);
  samples_.push_back({ended, kept, ends_transaction ? 1U : 0U});
  if (ends_transaction) ++transactions_;
}

LatencyRecord::Totals LatencyRecord::totals() const {
  const std::scoped_lock lock(mutex_);
  return {.queries = samples_.size(), .transactions = transactions_};
}

void LatencyRecord::collect(TrafficClock::time_point from, TrafficClock::time_point to,
                            Window& window) const {
  const std::scoped_lock lock(mutex_);
  auto sample =
      std::lower_bound(samples_.begin(), samples_.end(), from,
                       [](const Sample& left, TrafficClock::time_point right) { return left.ended < right; });
  for (; sample != samples_.end() && sample->ended < to; ++sample) {
    window.microseconds.push_back(sample->microseconds);
    window.transactions += sample->ends_transaction;
  }
}

LatencySummary summarise(LatencyRecord::Window window, std::chrono::nanoseconds length) {
  LatencySummary summary{.queries = window.microseconds.size(), .transactions = window.transactions};
  const double seconds = std::chrono::duration<double>(length).count();
  if (seconds > 0) summary.transactions_per_s = static_cast<double>(window.transactions) / seconds;
  auto& values = window.microseconds;
  if (values.empty()) return summary;
  const auto percentile = [&values](double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
    std::nth_element(values.begin(), nth, values.end());
    return *nth / 1000.0;
  };
  summary.p50_ms = percentile(0.50);
  summary.p99_ms = percentile(0.99);
  summary.max_ms = percentile(1.0);
  return summary;
}

}  // namespace crossfade::orchestrator::demo
