// The hazards of every statement but ALTER TABLE and its relatives, which alter_hazards.h knows. Private to
// this folder. Pure function, thread-safe.
#pragma once

#include <boost/json.hpp>
#include <vector>

#include "migrations/hazards.h"

namespace crossfade::migrations {

/// `fields` is the statement's tree.
std::vector<Hazard> statement_hazards(const Statement& statement, const boost::json::object& fields,
                                      const HazardFacts& facts);

}  // namespace crossfade::migrations
