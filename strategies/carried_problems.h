// What hangs on a table and cannot go with it, or goes in a way that an operator should know of beforehand.
// Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "postgres/dependents.h"
#include "postgres/problem.h"
#include "strategies/plan.h"

namespace crossfade::strategies {

/// What an operator should know beforehand: materialized views that are built anew, calls that go on with the
/// old table, columns at the far end of a foreign key that stay narrow unless `sql`, the revision, names
/// them.
std::vector<Problem> carried_announcements(const ShadowTablePlan& plan,
                                           const postgres::Dependents& dependents,
                                           const std::vector<postgres::Table>& views, const std::string& sql);

/// One for each object that cannot be carried over as the server stands.
std::vector<Problem> cannot_carry(const postgres::Dependents& dependents, const ShadowTablePlan& plan,
                                  int server_version);

}  // namespace crossfade::strategies
