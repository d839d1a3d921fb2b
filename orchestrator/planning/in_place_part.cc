#include "orchestrator/planning/in_place_part.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "orchestrator/planning/printed_steps.h"

namespace crossfade::orchestrator {

InPlacePart::InPlacePart(std::int64_t run) : part_{.in_place = strategies::InPlacePlan{.run = run}} {}

void InPlacePart::add(SegmentPlan segment) {
  for (strategies::NumberedStatement& statement : segment.statements)
    part_.statements.push_back(std::move(statement));
  for (strategies::InPlaceStep& step : segment.steps) add_step(std::move(step));
  std::vector<strategies::ChangedTable>& tables = part_.in_place->tables;
  for (const strategies::ChangedTable& table : segment.tables) {
    const bool known = std::any_of(tables.begin(), tables.end(), [&](const strategies::ChangedTable& other) {
      return other.oid == table.oid;
    });
    if (!known) tables.push_back(table);
  }
  part_.estimate += segment.estimate;
}

void InPlacePart::add_nothing_to_do(strategies::NumberedStatement statement, const std::string& reason) {
  part_.in_place->steps.push_back({.statement = statement.number,
                                   .name = fmt::format("{}. {}", statement.number, strategies::kNothingToDo),
                                   .kind = strategies::StepKind::plain,
                                   .strategy = "plain statement",
                                   .reason = reason});
  part_.statements.push_back(std::move(statement));
}

/// The journal knows a step by its name.
void InPlacePart::add_step(strategies::InPlaceStep step) {
  std::vector<strategies::InPlaceStep>& steps = part_.in_place->steps;
  const std::string name = step.name;
  for (int again = 2;
       std::any_of(steps.begin(), steps.end(), [&](const auto& other) { return other.name == step.name; });
       ++again)
    step.name = fmt::format("{} ({})", name, again);
  steps.push_back(std::move(step));
}

std::vector<strategies::Step> InPlacePart::printed() const {
  return printed_steps(*part_.in_place);
}

strategies::PartPlan InPlacePart::finish() {
  strategies::InPlacePlan& plan = *part_.in_place;
  std::sort(plan.tables.begin(), plan.tables.end(),
            [](const strategies::ChangedTable& left, const strategies::ChangedTable& right) {
              return left.oid < right.oid;
            });
  plan.keeps_dropped =
      std::any_of(plan.steps.begin(), plan.steps.end(),
                  [](const strategies::InPlaceStep& step) { return !step.contract.empty(); });
  return std::move(part_);
}

}  // namespace crossfade::orchestrator
