// Whether what hangs on a table fits its new shape: everything is made over an empty copy, in a transaction
// that is rolled back. Locks nothing but the catalog's rows; one thread.
#pragma once

#include <vector>

#include "orchestrator/carried_objects.h"
#include "postgres/problem.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// One for each kind of object that the server refuses, with the server's own words. The plan's `carried` is
/// what is tried. Throws DatabaseError where the connection is lost.
std::vector<Problem> try_carried_objects(postgres::Session& session, const strategies::ShadowTablePlan& plan,
                                         const LiveDependents& live);

}  // namespace crossfade::orchestrator
