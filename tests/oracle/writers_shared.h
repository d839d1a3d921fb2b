// What the writers of one oracle have in common: the unique values that no row holds, the counts, and what
// went wrong. Thread-safe but for `source_oid` and `shared_at_start`, which are set before the writers start.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "tests/oracle/ledger.h"
#include "tests/oracle/random_schema.h"

namespace crossfade::tests {

inline constexpr int kWriters = 6;
inline constexpr int kOwnKeys = 1000;  ///< of each writer, not all in the table at a time
inline constexpr int kSharedKeys = 60;
inline constexpr int kHandedValues = 4000;
inline constexpr int kSlots = 3000;
/// Row numbers of one writer begin at its own multiple.
inline constexpr int kNumbersEach = 5'000'000;

/// Unique values that no row holds, or whose release is committed. Thread-safe.
class ValuePool {
 public:
  void put(std::string value) {
    const std::lock_guard lock(mutex_);
    values_.push_back(std::move(value));
  }
  /// The value that was given back last, so that it wanders soon; nullopt where there is none.
  std::optional<std::string> take() {
    const std::lock_guard lock(mutex_);
    if (values_.empty()) return std::nullopt;
    std::string value = std::move(values_.back());
    values_.pop_back();
    return value;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> values_;
};

/// One write to a shared row; the row's own counter gives the order among all writers.
struct SharedChange {
  int ordinal = 0;
  std::int64_t revision = 0;
  bool in_new = false;
  bool inserted = false;
  std::vector<postgres::Value> values;
};

/// What all writers of one test have in common.
class WritersShared {
 public:
  explicit WritersShared(const RandomSchema& given) : schema(given) {
    for (int number = 0; number < kHandedValues; ++number) handed.put(fmt::format("h{}", number));
    for (int number = 0; number < kSlots; ++number) slots.put(std::to_string(number));
  }

  void fail(std::string text) {
    const std::lock_guard lock(mutex);
    failures.push_back(std::move(text));
  }

  const RandomSchema& schema;
  ValuePool handed;
  ValuePool slots;
  std::string source_oid;
  Ledger shared_at_start;
  std::atomic<std::int64_t> pause_us{0};
  std::atomic<std::int64_t> commits{0}, rollbacks{0}, moved_rows{0}, key_changes{0}, handed_over{0},
      reinserts{0}, commits_in_new{0};
  mutable std::mutex mutex;
  std::vector<std::string> failures;
};

}  // namespace crossfade::tests
