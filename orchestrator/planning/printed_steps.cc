#include "orchestrator/planning/printed_steps.h"

namespace crossfade::orchestrator {

namespace {

using strategies::InPlaceStep;
using strategies::StepKind;

std::vector<std::string> sql_of(const InPlaceStep& step) {
  std::vector<std::string> out;
  if (!step.lock_first.empty()) out.push_back(step.lock_first.substr(0, step.lock_first.size() - 1));
  if (step.kind == StepKind::locked && !step.lock.empty())
    out.push_back("LOCK TABLE " + step.relation.quoted() + " IN " + step.lock + " MODE");
  if (step.kind == StepKind::look) out.push_back(step.probe);
  if (step.batched) out.push_back(step.batched->next_change);
  out.insert(out.end(), step.sql.begin(), step.sql.end());
  return out;
}

}  // namespace

std::vector<strategies::Step> printed_steps(const strategies::InPlacePlan& plan) {
  std::vector<strategies::Step> out;
  std::vector<std::string> contract;
  for (const InPlaceStep& step : plan.steps) {
    out.push_back({.phase = step.kind == StepKind::batched ? "copying" : "expanding",
                   .name = step.name,
                   .strategy = step.strategy,
                   .table = step.relation.name.empty() ? "" : step.relation.display(),
                   .sql = sql_of(step),
                   .locks = step.locks,
                   .in_transaction = step.kind != StepKind::autocommit && step.kind != StepKind::detach &&
                                     step.kind != StepKind::index,
                   .hazard = step.hazard,
                   .reason = step.reason});
    contract.insert(contract.end(), step.contract.begin(), step.contract.end());
  }
  if (!contract.empty()) {
    out.push_back(
        {.phase = "soaking",
         .name = "contract",
         .strategy = "quarantine",
         .sql = std::move(contract),
         .reason = "Only with `up --contract` or `contract`: what was set aside is dropped for good."});
  }
  return out;
}

}  // namespace crossfade::orchestrator
