#include <fmt/format.h>

#include "migrations/revision_directory.h"
#include "orchestrator/applied_files.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/planning.h"
#include "orchestrator/role_settings.h"

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
  for (const Problem& refusal : plan.refusals) out += "\n  refused: " + describe(refusal) + "\n";
  return out;
}

boost::json::object as_document(const strategies::RevisionPlan& plan) {
  return {{"revision", plan.revision},
          {"estimate", boost::json::value_from(plan.estimate)},
          {"steps", boost::json::value_from(plan.steps)},
          {"announcements", boost::json::value_from(plan.announcements)}};
}

boost::json::object refusal_document(const Problem& refusal) {
  return {{"code", refusal.code},
          {"object", refusal.object},
          {"message", refusal.message},
          {"next", refusal.next}};
}

}  // namespace

CommandResult run_plan(const CommandEnvironment& environment, const PlanOptions& options) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  directory.only_head();
  const auto factory = environment.connect();
  const auto session = factory.open({.application_name = "crossfade/plan"});
  const auto planner = open_as_role(factory, "crossfade/plan");

  std::int64_t run = journal_exists(*session) ? Journal(*session).next_run_number() : 1;
  CommandResult result;
  boost::json::array revisions;
  boost::json::array refusals;
  std::string fingerprints;
  for (const migrations::MigrationFile* file : pending_files(*session, directory)) {
    strategies::RevisionPlan plan{.revision = file->revision};
    try {
      plan = plan_revision(*planner, *file, run++);
    } catch (const Failure& failure) {
      if (failure.exit_code() != ExitCode::refused) throw;
      plan.refusals.push_back(failure.problem());
    }
    fingerprints += plan_fingerprint(plan);
    revisions.push_back(as_document(plan));
    for (const Problem& refusal : plan.refusals) refusals.push_back(refusal_document(refusal));
    if (!plan.refusals.empty() && !result.problem) result.problem = plan.refusals.front();
    result.text += options.sql ? as_script(plan) : as_text(plan);
  }
  if (revisions.empty()) result.text = "nothing is pending\n";
  if (!refusals.empty()) result.exit_code = ExitCode::refused;
  result.document["fingerprint"] = fingerprints.substr(0, 32);
  result.document["revisions"] = std::move(revisions);
  result.document["refusals"] = std::move(refusals);
  return result;
}

}  // namespace crossfade::orchestrator
