// What is measured, one function a subject. Each makes its own databases, checks that both sides did the same
// work and throws Failure (exit 1) where they did not. Values are kept in the order in which they were taken.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/laboratory.h"

namespace crossfade::bench {

/// Says what is under way, in one line.
using Announce = std::function<void(const std::string&)>;

struct PhaseTimes {
  std::vector<double> copy;
  std::vector<double> build;
  std::vector<double> verify;
};

/// Milliseconds; the same index is the same round. Crossfade's are from the run's first step to its cutover.
struct RewriteTimes {
  std::vector<double> blocking;
  std::vector<double> unverified;
  std::vector<double> verified;
  PhaseTimes phases;  ///< of the verified runs
  std::vector<double> peak_megabytes;
};
RewriteTimes measure_rewrite(Laboratory& laboratory, std::int64_t rows, int rounds, const Announce& announce);

/// The largest resident set of one verified run, in MB.
double measure_peak_memory(Laboratory& laboratory, std::int64_t rows);

/// Milliseconds.
struct VerificationTimes {
  std::vector<double> count;  ///< count(*) of both tables, one after the other
  std::vector<double> verify;
  std::string count_plan;  ///< the node that count(*) read the table with
};
/// Single-row updates by primary key; per slice: transactions a second and p99 in milliseconds.
struct CaptureSlices {
  std::vector<double> rate_without;
  std::vector<double> rate_with;
  std::vector<double> p99_without;
  std::vector<double> p99_with;
};
struct CaptureOptions {
  std::int64_t rows = 0;
  int slices = 0;   ///< of each kind
  int seconds = 0;  ///< a slice
};

/// Both work on a run that is postponed right before its cutover.
class PostponedRun {
 public:
  PostponedRun(Laboratory& laboratory, std::int64_t rows);
  VerificationTimes measure_verification(int rounds);
  CaptureSlices measure_capture(const CaptureOptions& options, const Announce& announce);

 private:
  Laboratory& laboratory_;
  std::unique_ptr<Database> database_;
};

struct CutoverTimes {
  std::vector<double> hold_ms;
  std::vector<double> wait_ms;
  std::vector<double> longest_transaction_ms;
  std::int64_t transactions = 0;
  std::int64_t failed = 0;
  int clients = 4;
};
CutoverTimes measure_cutover(Laboratory& laboratory, std::int64_t rows, int rounds, const Announce& announce);

inline constexpr const char* kWidenKey =
    "ALTER TABLE public.pgbench_accounts ALTER COLUMN aid TYPE bigint;\n";

}  // namespace crossfade::bench
