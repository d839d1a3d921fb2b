#include "orchestrator/planning/in_place_estimate.h"

namespace crossfade::orchestrator {

namespace {

/// Rough rates of a pass over a table and of an index build, for estimates only.
constexpr std::int64_t kScanBytesPerSecond = std::int64_t{300} * 1024 * 1024;
constexpr std::int64_t kBatchRowsPerSecond = 20000;
constexpr std::int64_t kIndexBytesPerRow = 24;

}  // namespace

void add_estimate(strategies::Estimate& estimate, const postgres::Table& table,
                  const std::vector<strategies::InPlaceStep>& steps) {
  for (const strategies::InPlaceStep& step : steps) {
    const std::int64_t scan = 1 + table.heap_bytes / kScanBytesPerSecond;
    switch (step.kind) {
      case strategies::StepKind::index:
        estimate.disk_bytes += table.estimated_rows * kIndexBytesPerRow;
        estimate.wal_bytes += table.estimated_rows * kIndexBytesPerRow;
        estimate.rows += table.estimated_rows;
        estimate.seconds += 2 * scan;
        break;
      case strategies::StepKind::validate:
      case strategies::StepKind::look:
        estimate.rows += table.estimated_rows;
        estimate.seconds += scan;
        break;
      case strategies::StepKind::batched:
        // Of a partitioned table each partition has its own step.
        estimate.rows += step.batched->estimated_rows;
        estimate.wal_bytes += table.heap_bytes * 2;
        estimate.disk_bytes += table.heap_bytes;
        estimate.seconds += 1 + step.batched->estimated_rows / kBatchRowsPerSecond;
        break;
      default:
        break;
    }
  }
}

}  // namespace crossfade::orchestrator
