// Which changes take something away: columns that go, types that hold less, names and NULLs that are no
// longer allowed. Pure functions, thread-safe.
#pragma once

#include <vector>

#include "postgres/catalog.h"
#include "strategies/in_place.h"
#include "strategies/plan.h"

namespace crossfade::strategies {

/// A plain cast from one type to the other may change a value without an error: 1.25 becomes 1.3, a time of
/// day is lost. Casts that fail on what they cannot hold do not count.
bool loses_silently(const postgres::Column& from, const postgres::Column& to);

/// Whether every value of `from` is one of `to`.
bool widens(const postgres::Column& from, const postgres::Column& to);

/// Of a shadow run: columns that the new table lacks, and types that hold less than the old ones.
std::vector<Problem> narrowings(const ShadowTablePlan& plan, const std::string& where);

/// Columns that a plain cast changes silently; the operator must agree.
std::vector<Problem> lossy_casts(const ShadowTablePlan& plan, const migrations::MigrationFile& file,
                                 const std::vector<migrations::Statement>& statements);

/// Of a statement that is carried out in place.
std::vector<Problem> narrowings(const StatementContext& context);

}  // namespace crossfade::strategies
