// What hangs on a run's table, as the server has it now: read for the plan, made over the shadow before the
// cutover (each statement of CarriedObjects::prepare, in one transaction), and dropped again with a table
// that goes. One thread.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/run_context.h"
#include "postgres/dependents.h"
#include "strategies/carried_objects.h"

namespace crossfade::orchestrator {

struct LiveDependents {
  postgres::Dependents dependents;
  std::vector<postgres::Table> views;  ///< in the order of dependents.views
};

/// Every name in the definitions is in full. Throws DatabaseError.
LiveDependents load_live_dependents(postgres::Session& session, std::uint32_t table_oid);

/// One of the tables that are cut over together.
struct CarriedMember {
  const RunContext* context = nullptr;
  const strategies::ShadowTablePlan* plan = nullptr;  ///< the context's, or that of one of its partitions
  postgres::Table source;                             ///< as it is now
};

/// Makes the counterparts of views and functions over the shadows, unless that was done for the same `digest`
/// (of all members, read before). Locks nothing that the application uses. Returns each member's statements
/// for the cutover. Throws Failure (exit 5) where the server refuses one of them.
std::vector<strategies::CarriedObjects> prepare_carried_objects(const std::vector<CarriedMember>& group,
                                                                postgres::Session& session,
                                                                const std::string& digest);

/// Drops the views and functions that runs have made over a table of theirs or moved aside with it, those in
/// this run's schemas, and its schemas for them. What the application has made over the table stays, and
/// keeps the table from being dropped. In the caller's transaction. Never CASCADE (rule 28).
void drop_bound_objects(postgres::Session& session, const postgres::QualifiedName& table, std::int64_t run);

/// Whether nothing is left of what validate_foreign_keys does.
bool validated(postgres::Session& session, const Run& run);

/// VALIDATE CONSTRAINT of what the cutover has left NOT VALID, each in a transaction of its own. May be
/// repeated. Throws Failure (exit 5) where rows violate one: they had come in past it.
void validate_foreign_keys(const RunContext& context, const Run& run);

}  // namespace crossfade::orchestrator
