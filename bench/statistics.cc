#include "bench/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace crossfade::bench {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

double largest(std::span<const double> values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

std::vector<double> ratios(std::span<const double> first, std::span<const double> second) {
  std::vector<double> out;
  for (std::size_t index = 0; index < std::min(first.size(), second.size()); ++index)
    out.push_back(first[index] / second[index]);
  return out;
}

std::string listed(std::span<const double> values, std::string_view format) {
  std::string out;
  for (const double value : values)
    out += (out.empty() ? "" : ", ") + fmt::format(fmt::runtime(format), value);
  return out;
}

}  // namespace crossfade::bench
