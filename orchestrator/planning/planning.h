// From a migration file to a plan against the live catalog: parse, resolve the tables, try the statements on
// empty copies, choose a strategy for each. Reads only. Refusals are collected in the plan, all of them; only
// what makes the file meaningless is thrown.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/planning/earlier_changes.h"
#include "postgres/problem.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// A statement of the revision that is done, as journalled.
struct FinishedStatement {
  int number = 0;
  std::string fingerprint;

  bool operator==(const FinishedStatement&) const = default;
};

struct PlanningRequest {
  const migrations::MigrationFile* file = nullptr;
  std::int64_t first_run = 1;  ///< names the first part's schemas; the parts behind it count on
  std::vector<FinishedStatement> finished;
};

/// `earlier` is what revisions before this one were planned to do; it gets this one's statements too. Throws
/// Failure: exit 2 for a syntax error; exit 5 where a finished statement was edited.
strategies::RevisionPlan plan_revision(postgres::Session& session, const PlanningRequest& request,
                                       EarlierChanges& earlier);

/// The existing relation that the first statement not yet finished is about: a guess at what the next part is
/// about, without planning it. Throws Failure (exit 2) for a syntax error.
std::optional<strategies::ChangedTable> subject_of_next_statement(postgres::Session& session,
                                                                  const PlanningRequest& request);

/// A plan's refusals as one Failure (exit 5): the first, and all others named with it.
Failure refusal_of(const strategies::RevisionPlan& plan);

}  // namespace crossfade::orchestrator
