// What a quick run leaves out: of a long list of cases it takes every SHARE-th, CROSSFADE_TEST_LONG=1 all of
// them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <vector>

namespace crossfade::tests {

inline bool long_run() {
  return std::getenv("CROSSFADE_TEST_LONG") != nullptr;
}

template <class Cases>
auto one_of_each(std::size_t share, const Cases& cases) {
  std::vector<std::decay_t<decltype(*std::begin(cases))>> out;
  std::size_t index = 0;
  for (const auto& each : cases) {
    if (long_run() || index % share == 0) out.push_back(each);
    ++index;
  }
  return out;
}

}  // namespace crossfade::tests
