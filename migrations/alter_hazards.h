// The hazards of one command of an ALTER TABLE, INDEX or VIEW. Private to this folder. Pure functions,
// thread-safe.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/hazards.h"

namespace crossfade::migrations {

/// With the row's own lock, cost and class.
Hazard met(std::string_view number, bool certain = true);

/// `definition` is the AlterTableCmd node's "def", or null.
std::vector<Hazard> column_hazards(const AlterCommand& command, const boost::json::object& column,
                                   const HazardFacts& facts);
std::vector<Hazard> type_hazards(const AlterCommand& command, const boost::json::object& column,
                                 const HazardFacts& facts);
std::vector<Hazard> constraint_hazards(const ConstraintClause& constraint, const HazardFacts& facts);

/// `tree_command` is an AlterTableCmd node. Before the facts of a trial are applied.
std::vector<Hazard> alter_hazards(const AlterCommand& command, const boost::json::object& tree_command,
                                  const HazardFacts& facts);

/// With what a trial has shown: costs that did not come up are taken off, and the rest is certain.
void apply_trial(const HazardFacts& facts, std::vector<Hazard>& hazards);

}  // namespace crossfade::migrations
