// docs/performance.md: every figure beside its target and the command that measured it. Pure; the page says
// nothing about where it was measured beyond processor, memory and system.
#pragma once

#include <optional>
#include <string>

#include "bench/measurements.h"

namespace crossfade::bench {

struct Conditions {
  std::string command;  ///< as one would type it
  std::string date;
  std::string server_version;
  Laboratory::Settings settings;
  std::int64_t rows = 0;
  std::int64_t small_rows = 0;
  CaptureOptions capture;
};

/// What was not measured is left out of the page.
struct Results {
  std::optional<RewriteTimes> rewrite;
  std::optional<double> small_peak_megabytes;
  std::optional<VerificationTimes> verification;
  std::optional<CaptureSlices> capture;
  std::optional<CutoverTimes> cutover;
};

/// Processor, cores, memory, system; without names of machines or folders.
std::string describe_machine();

std::string performance_page(const Conditions& conditions, const Results& results);

}  // namespace crossfade::bench
