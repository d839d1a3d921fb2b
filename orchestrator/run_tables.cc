#include "orchestrator/run_tables.h"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "strategies/plan.h"

namespace crossfade::orchestrator {

namespace {

/// Null for a run with a new table, and for one that another version has planned.
std::optional<strategies::InPlacePlan> in_place_plan(const Run& run) {
  if (run.strategy != "in-place" || !run.plan.is_object()) return std::nullopt;
  try {
    return boost::json::value_to<strategies::InPlacePlan>(run.plan);
  } catch (const boost::system::system_error&) {
    return std::nullopt;
  }
}

bool is_named(const Run& run, const postgres::QualifiedName& table) {
  return run.table_schema == table.schema && run.table_name == table.name;
}

}  // namespace

bool changes_table(const Run& run, const postgres::QualifiedName& table) {
  if (is_named(run, table)) return true;
  const auto plan = in_place_plan(run);
  return plan && std::any_of(plan->tables.begin(), plan->tables.end(),
                             [&](const strategies::ChangedTable& changed) { return changed.name == table; });
}

bool holds_table(const Run& run, const postgres::QualifiedName& table) {
  if (run.phase != Phase::soaking) return changes_table(run, table);
  if (is_named(run, table)) return true;
  const auto plan = in_place_plan(run);
  return plan &&
         std::any_of(plan->steps.begin(), plan->steps.end(), [&](const strategies::InPlaceStep& step) {
           return !step.contract.empty() &&
                  (step.relation == table ||
                   std::any_of(step.replaced.begin(), step.replaced.end(),
                               [&](const postgres::Table& full) { return full.name == table; }));
         });
}

}  // namespace crossfade::orchestrator
