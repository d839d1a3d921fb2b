// Neighbouring statements on one table, planned: as one shadow run where one of them makes PostgreSQL rewrite
// the table, else each in place. Reads only; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/partitioning.h"
#include "orchestrator/planning/earlier_changes.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct SegmentRequest {
  const migrations::MigrationFile* file = nullptr;
  std::int64_t shadow_run = 0;    ///< the number of the run where the segment becomes a shadow run
  std::int64_t in_place_run = 0;  ///< and where it is carried out in place
  std::vector<RevisionStatement> statements;
  const migrations::Partitioning* partitioning = nullptr;  ///< that the table gets; null: none
};

/// Exactly one of `shadow` and `steps` is filled; neither where there are refusals.
struct SegmentPlan {
  std::vector<strategies::NumberedStatement> statements;
  std::optional<strategies::ShadowTablePlan> shadow;
  std::vector<strategies::Step> printed;  ///< of the shadow run
  std::vector<strategies::InPlaceStep> steps;
  std::vector<strategies::ChangedTable> tables;
  strategies::Estimate estimate;
  std::vector<Problem> refusals;
  std::vector<Problem> announcements;
  std::vector<Problem> approvals;
  std::vector<Problem> narrowings;
};

SegmentPlan plan_segment(postgres::Session& session, const EarlierChanges& earlier,
                         const SegmentRequest& request);

/// A rewrite of a table that only a directive names.
SegmentPlan plan_rewrite(postgres::Session& session, const EarlierChanges& earlier,
                         const SegmentRequest& request, std::uint32_t table);

}  // namespace crossfade::orchestrator
