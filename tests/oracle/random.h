// Random numbers that are the same for a seed on every platform, which the distributions of <random> do not
// promise. A value; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace crossfade::tests {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// From `first` to `last`, both included.
  std::int64_t between(std::int64_t first, std::int64_t last) {
    return first + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(last - first + 1));
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(engine_() % limit); }
  bool chance(int percent) { return between(1, 100) <= percent; }

  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[below(values.size())];
  }

  /// Lower-case hexadecimal digits: hardly compressible, and without a meaning to any quoting.
  std::string digits(std::size_t length) {
    std::string out;
    while (out.size() < length) {
      std::uint64_t bits = engine_();
      for (int digit = 0; digit < 16 && out.size() < length; ++digit, bits >>= 4)
        out.push_back("0123456789abcdef"[bits & 15]);
    }
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace crossfade::tests
