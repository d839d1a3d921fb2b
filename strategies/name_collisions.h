// Names that the new table's indexes and sequences have in the run's schema, and that are taken in the
// source's schema, into which they move at the swap. Found while the plan is made: at the swap it would be
// too late, under the lock. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "postgres/problem.h"
#include "strategies/plan.h"
#include "strategies/rehearsal.h"

namespace crossfade::strategies {

/// What the source's schema holds while the plan is made.
struct SchemaNames {
  std::set<std::string> relations;  ///< tables, indexes, sequences, views: the source's own among them
  /// The new table's array type will be called like this, and a type that is not the source's has the name.
  std::optional<std::string> taken_array_type;
  std::set<std::string> constraints;  ///< of the schema; read only where one is added
};

/// What the source, the shadow and their indexes and sequences are called, and what they may be called at the
/// swap.
std::set<std::string> own_names(const ShadowTablePlan& plan);

/// Relations that are still in the source's schema once the source has moved out of it.
std::set<std::string> staying_relations(const ShadowTablePlan& plan, const SchemaNames& names);

/// One for each index of the target whose name the operator must change, or the type.
std::vector<Problem> name_collisions(const ShadowTablePlan& plan, const SchemaNames& names);

/// `base`, or `base` with the first number that makes it free, cut so that it fits into a name.
std::string first_free_name(const std::string& base, const std::set<std::string>& taken);

/// Names of columns as they stand in such a name.
std::string joined(const std::vector<std::string>& columns);

/// What PostgreSQL calls an index or constraint without a name: table_columns_label, the longer of the first
/// two cut until it fits (makeObjectName), with the first number behind the label that makes it free.
std::string chosen_name(const std::string& table, const std::string& columns, const std::string& label,
                        const std::set<std::string>& taken);

}  // namespace crossfade::strategies
