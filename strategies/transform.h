// SQL over the transformation of a ShadowTablePlan: the SELECT that turns source rows into shadow rows, and
// the key's conditions on either side. Copy, replay, the drain under the lock and verification all use these,
// so that there is one transformation. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// SELECT the copied columns, in order, from the source. `restriction` is appended to the innermost FROM: a
/// JOIN or a WHERE over source_alias(plan). It stands in a sub-select that yields the source's columns alone,
/// so that none of its names is in scope of the operator's expressions.
/// `from`: one of the source's partitions, where only its rows are wanted.
std::string transform_select(const ShadowTablePlan& plan, std::string_view restriction,
                             const postgres::Table* from = nullptr);

/// The same for a comparison: key columns as crossfade_key_1 … first, every value cast to the column's full
/// type, and generated columns computed from the others.
std::string comparison_select_source(const ShadowTablePlan& plan);
std::string comparison_select_shadow(const ShadowTablePlan& plan);

/// The source's alias inside the restriction of a transform_select; quoted.
std::string source_alias(const ShadowTablePlan& plan);

/// Columns of the source or the target that are called like the ones that a comparison adds to its rows.
std::vector<Problem> reserved_columns(const ShadowTablePlan& plan);

/// "a", "b": the columns that copy and replay write.
std::string copied_columns(const ShadowTablePlan& plan);

/// (SELECT unnest($1::type[]) AS key_1, …) AS ALIAS: keys given as array parameters, one array a column.
std::string keys_from_parameters(const ShadowTablePlan& plan, std::string_view alias);

/// key_1, key_2, … optionally with a table alias in front.
std::string log_key_columns(const ShadowTablePlan& plan, std::string_view alias = "");

/// Conditions that a row is the one of a logged key, by the equality of that side's own unique index. The
/// operator is qualified: with a type outside the search_path the bare sign would find another type's.
std::string source_matches_key(const ShadowTablePlan& plan, std::string_view source, std::string_view keys);
std::string shadow_matches_key(const ShadowTablePlan& plan, std::string_view shadow, std::string_view keys);

}  // namespace crossfade::strategies
