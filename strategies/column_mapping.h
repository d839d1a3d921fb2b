// Works out, for every column of the new table, its expression over the old row: carried, renamed, cast,
// computed by USING or by a backfill directive, or the default of an added column. Follows attribute numbers
// through the rehearsal, so that RENAME and re-used names cannot confuse it. Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "postgres/problem.h"
#include "strategies/plan.h"
#include "strategies/rehearsal.h"

namespace crossfade::strategies {

struct ColumnMapping {
  std::vector<Layer> layers;
  std::vector<std::string> not_compared;
  std::vector<Problem> refusals;
};

ColumnMapping map_columns(const ShapeRehearsal& rehearsal);

}  // namespace crossfade::strategies
