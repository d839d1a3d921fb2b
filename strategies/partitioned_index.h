// An index on a partitioned table, or a constraint over one, made of its partitions' own. Pure functions,
// thread-safe.
#pragma once

#include "postgres/catalog.h"
#include "strategies/in_place.h"

namespace crossfade::strategies {

/// `index` as the trial has made it, under its final name. On the partitioned tables alone it holds no rows;
/// each leaf gets its own concurrently; then each is attached to its parent's, from the leaves upwards. With
/// the last one the index is valid.
InPlaceSteps plan_partitioned_index(const StatementContext& context, const postgres::Index& index);

/// UNIQUE or PRIMARY KEY, whose columns must be NOT NULL by then: the same with a constraint on each table,
/// which takes its index over.
InPlaceSteps plan_partitioned_constraint(const StatementContext& context, const postgres::Index& index,
                                         const postgres::Constraint& constraint);

/// All tables below `table`, which is partitioned: what a step that is planned for them finds at its time.
std::vector<postgres::QualifiedName> partitions_below(const StatementContext& context,
                                                      const postgres::QualifiedName& table);

}  // namespace crossfade::strategies
