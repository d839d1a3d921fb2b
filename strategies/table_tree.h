// A table with all of its partitions, as the pieces of a run see it: lists of the plan's tables, parents
// first. Of an ordinary table they have one element. The values point into the plan, which must outlive them.
// Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// The new table, or one of its partitions.
struct ShadowTable {
  const postgres::Table* target = nullptr;
  const postgres::Table* source = nullptr;  ///< whose place it takes; null: there is none
  postgres::QualifiedName shadow;           ///< in the run's schema
  postgres::QualifiedName home;             ///< where it will stand
};

/// Whether the table holds no rows of its own.
bool is_partitioned(const postgres::Table& table);

/// The new table first, then its partitions.
std::vector<ShadowTable> shadow_tables(const ShadowTablePlan& plan);

/// The source first, then its partitions.
std::vector<const postgres::Table*> source_tables(const ShadowTablePlan& plan);

/// Those of them that hold rows.
std::vector<const postgres::Table*> source_leaves(const ShadowTablePlan& plan);

/// The oids of source_tables().
std::vector<std::uint32_t> source_oids(const ShadowTablePlan& plan);

/// The old name of the table or partition while it soaks.
postgres::QualifiedName old_name(const ShadowTablePlan& plan, const postgres::Table& source);

/// For each partition that is on both sides a plan that is about it alone, as far as what hangs on it is
/// concerned: its own triggers, policies, grants, views.
std::vector<ShadowTablePlan> partition_plans(const ShadowTablePlan& plan);

}  // namespace crossfade::strategies
