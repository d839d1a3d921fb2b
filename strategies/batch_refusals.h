// What of a table and its surroundings forbids batches, and what an operator should know where they are
// allowed. Pure functions, thread-safe.
#pragma once

#include <vector>

#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "strategies/batched_update.h"

namespace crossfade::strategies {

/// Those of the statement's text included; all of them at once.
std::vector<Problem> batch_refusals(const BatchStatement& statement, const postgres::Table& table,
                                    const BatchFacts& facts);

std::vector<Problem> batch_announcements(const BatchStatement& statement, const postgres::Table& table,
                                         const BatchFacts& facts);

}  // namespace crossfade::strategies
