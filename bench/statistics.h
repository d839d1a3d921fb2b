// Medians and percentiles of few measurements. Pure, thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::bench {

/// The middle value, or the mean of the two in the middle; 0 without values.
double median(std::vector<double> values);
/// Nearest rank; `share` in (0, 1]; 0 without values.
double percentile(std::vector<double> values, double share);
double largest(std::span<const double> values);
/// first[i] / second[i]: each pair is compared with itself, so that a machine that drifts does not matter.
std::vector<double> ratios(std::span<const double> first, std::span<const double> second);
/// "0.84, 0.91, 0.88"
std::string listed(std::span<const double> values, std::string_view format = "{:.2f}");

}  // namespace crossfade::bench
