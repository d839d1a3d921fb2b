#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/pending.h"
#include "orchestrator/commands/saved_plan.h"
#include "orchestrator/commands/way_back.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

void refuse_loss(const migrations::MigrationFile& file, const strategies::RevisionPlan& plan) {
  std::vector<std::string> lost;
  std::set<std::string> told;
  for (const Problem& approval : plan.approvals) {
    lost.push_back(approval.message);
    told.insert(approval.object);
  }
  for (const Problem& narrowing : plan.narrowings) {
    if (narrowing.code == "drops" && !told.contains(narrowing.object)) lost.push_back(narrowing.message);
  }
  if (lost.empty()) return;
  throw Failure(ExitCode::refused,
                {.code = "data-loss",
                 .object = file.path,
                 .message = "taking the revision back loses data",
                 .expected = "a down section that keeps every value, or the operator's word",
                 .found = fmt::format("{}", fmt::join(lost, "; ")),
                 .next = "Run `crossfade down` with --allow-data-loss if that is meant."});
}

}  // namespace

CommandResult run_down(const CommandEnvironment& environment, const DownOptions& options) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const auto session = environment.connect().open({.application_name = "crossfade/down"});
  std::vector<migrations::MigrationFile> files;
  for (const migrations::MigrationFile& file : applied_down_to(*session, directory, options.target))
    files.push_back(way_back(file, kept_definitions(*session, file.revision),
                             {.generated = options.generated, .allow_data_loss = options.allow_data_loss}));
  if (options.dry_run) return show_plans(environment, files, {});
  if (!options.allow_data_loss) {
    const std::vector<strategies::RevisionPlan> plans = plan_files(environment, files);
    for (std::size_t index = 0; index < plans.size(); ++index) refuse_loss(files[index], plans[index]);
  }
  ApplyOptions apply = options.apply;
  apply.approved = apply.approved || options.allow_data_loss;
  const auto reporter = make_reporter(environment.options.progress);
  CommandResult result = RevisionRuns(environment, apply, *reporter).apply(files);
  if (files.empty()) result.text = "nothing is applied\n";
  return result;
}

}  // namespace crossfade::orchestrator
