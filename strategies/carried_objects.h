// What becomes of the objects that hang on a table when a new one takes its place. Views and functions that
// are bound to the table by its oid get a counterpart over the new table, made beside it before the lock and
// moved in with it; triggers, rules, policies, foreign keys and publications leave the old table and are made
// again on the new one under the lock, from the server's own definitions (docs/fidelity.md). Plain values and
// pure functions, thread-safe; nothing here executes.
#pragma once

#include <string>
#include <vector>

#include "migrations/moved_names.h"
#include "postgres/dependents.h"
#include "strategies/plan.h"

namespace crossfade::strategies {

struct CarryRequest {
  const ShadowTablePlan* plan = nullptr;
  const postgres::Table* source = nullptr;           ///< as it is now
  const postgres::Dependents* dependents = nullptr;  ///< of the source, as they are now
  std::vector<postgres::Table> views;                ///< of dependents->views, in their order
  std::vector<const ShadowTablePlan*> mates = {};    ///< of the tables that are cut over with it
};

/// Of several tables that are cut over together: a view over two of them is one of the first's. Levels are
/// those of the whole group.
void join_dependents(std::vector<CarryRequest>& group, std::vector<postgres::Dependents>& dependents);

CarriedObjects carry_objects(const CarryRequest& request);

/// Adds what belongs to a partition of the table to what belongs to the table itself.
void add_partition(CarriedObjects& table, CarriedObjects partition);

/// What a definition calls an object, and where its counterpart stands while the run is under way.
std::vector<migrations::MovedName> shadow_names(const CarryRequest& request, const CarriedObjects& carried);

/// The name of a view's or function's counterpart before the swap.
postgres::QualifiedName shadow_name(const CarriedObjects& carried, const postgres::QualifiedName& name);

/// What lies before the SET SCHEMA of the plans and what behind it, as they run under the lock. A foreign key
/// between two tables of the group is dropped and made once.
std::vector<std::string> before_swap(const std::vector<CarriedObjects>& group);
std::vector<std::string> after_swap(const std::vector<CarriedObjects>& group);

}  // namespace crossfade::strategies
