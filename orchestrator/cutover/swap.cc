#include "orchestrator/cutover/swap.h"

#include "strategies/carried_objects.h"

namespace crossfade::orchestrator {

namespace {

// Definitions are in full, and their words mean what they mean to the server alone.
constexpr std::string_view kServersWords =
    "SET LOCAL search_path = pg_catalog, pg_temp;\nSET LOCAL check_function_bodies = off;\n";

}  // namespace

std::string joined(const std::vector<std::string>& statements) {
  std::string out;
  for (const std::string& statement : statements) out += statement + ";\n";
  return out;
}

std::string swap_statements(const SwapRequest& request) {
  const std::string runs_words = "SET LOCAL search_path = " + request.search_path + ";\n";
  std::string out;
  for (const strategies::ShadowTablePlan* plan : request.plans)
    out += "LOCK TABLE " + plan->shadow.quoted() + " IN ACCESS EXCLUSIVE MODE NOWAIT;\n";
  for (const strategies::ShadowTablePlan* plan : request.plans) {
    for (const std::string& statement : plan->uncapture) {
      if (statement.starts_with("DROP TRIGGER")) out += statement + ";\n";
    }
  }
  out += kServersWords;
  out += joined(strategies::before_swap(request.carried));
  out += runs_words;
  for (const strategies::ShadowTablePlan* plan : request.plans) out += joined(plan->at_swap);
  for (const strategies::ShadowTablePlan* plan : request.plans) out += joined(plan->swap);
  out += kServersWords;
  out += joined(strategies::after_swap(request.carried));
  out += runs_words;
  return out;
}

}  // namespace crossfade::orchestrator
