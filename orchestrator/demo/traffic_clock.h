// The clock of the demo's traffic, and a sleep that a stop request ends. Functions without state,
// thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace crossfade::orchestrator::demo {

using TrafficClock = std::chrono::steady_clock;

/// Sleeps until `due`; false where the stop request came first. At once where `due` has passed.
inline bool wait_until(TrafficClock::time_point due, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any condition;
  std::unique_lock lock(mutex);
  condition.wait_until(lock, stop, due, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace crossfade::orchestrator::demo
