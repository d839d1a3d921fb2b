#include <fmt/format.h>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/pending.h"
#include "orchestrator/commands/saved_plan.h"
#include "orchestrator/policy.h"

namespace crossfade::orchestrator {

namespace {

std::string as_script(const strategies::RevisionPlan& plan) {
  std::string out = fmt::format("-- revision {}\n", plan.revision);
  for (const strategies::Step& step : plan.steps) {
    out += fmt::format("\n-- {}. [{}] {}: {}\n", step.number, step.phase, step.name, step.reason);
    if (!step.in_transaction) out += "-- outside a transaction\n";
    for (const std::string& sql : step.sql) out += sql + ";\n";
  }
  return out;
}

std::string as_text(const strategies::RevisionPlan& plan) {
  std::string out = fmt::format("revision {}\n", plan.revision);
  if (!plan.steps.empty()) {
    out +=
        fmt::format("  about {} rows, {} MB of disk while it runs, {} MB of WAL, {} s\n", plan.estimate.rows,
                    plan.estimate.disk_bytes >> 20, plan.estimate.wal_bytes >> 20, plan.estimate.seconds);
  }
  for (const strategies::Step& step : plan.steps) {
    out += fmt::format("\n  {}. [{}] {}\n     {}\n", step.number, step.phase, step.name, step.reason);
    for (const strategies::LockUse& lock : step.locks)
      out += fmt::format("     lock {} on {}\n", lock.mode, lock.relation);
    for (const std::string& sql : step.sql) out += "     | " + sql + "\n";
  }
  for (const Problem& announcement : plan.announcements) out += "\n  note: " + describe(announcement) + "\n";
  for (const Problem& approval : plan.approvals) out += "\n  needs approval: " + describe(approval) + "\n";
  for (const Problem& refusal : plan.refusals) out += "\n  refused: " + describe(refusal) + "\n";
  return out;
}

boost::json::object as_document(const strategies::RevisionPlan& plan) {
  return {{"revision", plan.revision},
          {"estimate", boost::json::value_from(plan.estimate)},
          {"steps", boost::json::value_from(plan.steps)},
          {"announcements", boost::json::value_from(plan.announcements)},
          {"approvals", boost::json::value_from(plan.approvals)}};
}

boost::json::object refusal_document(const Problem& refusal) {
  return {{"code", refusal.code},
          {"object", refusal.object},
          {"message", refusal.message},
          {"next", refusal.next}};
}

}  // namespace

CommandResult show_plans(const CommandEnvironment& environment,
                         const std::vector<migrations::MigrationFile>& files, const PlanOptions& options) {
  CommandResult result;
  boost::json::array revisions;
  boost::json::array refusals;
  std::vector<strategies::RevisionPlan> plans = plan_files(environment, files);
  for (std::size_t index = 0; options.additive_only && index < plans.size(); ++index) {
    if (auto refusal = additive_refusal(files[index], plans[index]))
      plans[index].refusals.push_back(std::move(*refusal));
  }
  for (const strategies::RevisionPlan& plan : plans) {
    revisions.push_back(as_document(plan));
    for (const Problem& refusal : plan.refusals) refusals.push_back(refusal_document(refusal));
    if (!plan.refusals.empty() && !result.problem) result.problem = plan.refusals.front();
    result.text += options.sql ? as_script(plan) : as_text(plan);
  }
  if (revisions.empty()) result.text = "nothing is pending\n";
  if (!refusals.empty()) result.exit_code = ExitCode::refused;
  const PlannedFor planned_for = planned_for_of(environment, files, plans);
  result.document["fingerprint"] = planned_for.fingerprint;
  result.document["revisions"] = std::move(revisions);
  result.document["refusals"] = std::move(refusals);
  if (!options.out.empty()) {
    boost::json::object saved = result.document;
    saved["planned_for"] = document_of(planned_for);
    save_plan(options.out, saved);
  }
  return result;
}

CommandResult run_plan(const CommandEnvironment& environment, const PlanOptions& options) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const auto session = environment.connect().open({.application_name = "crossfade/plan"});
  return show_plans(environment, pending_up_to(*session, directory, options.target), options);
}

}  // namespace crossfade::orchestrator
