// Collects what neighbouring statements do in place into one part of a revision, which becomes one run. A
// value that grows segment by segment; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "orchestrator/planning/segment_plan.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

class InPlacePart {
 public:
  /// `run` is the number that the run will have.
  explicit InPlacePart(std::int64_t run);

  /// The steps, statements, tables and estimate of a segment without a shadow table.
  void add(SegmentPlan segment);
  void add_nothing_to_do(strategies::NumberedStatement statement, const std::string& reason);

  /// As `plan` shows them; to be asked before finish().
  std::vector<strategies::Step> printed() const;
  strategies::PartPlan finish();

 private:
  void add_step(strategies::InPlaceStep step);

  strategies::PartPlan part_;
};

}  // namespace crossfade::orchestrator
