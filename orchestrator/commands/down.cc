#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "migrations/inverse.h"
#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/pending.h"
#include "orchestrator/commands/saved_plan.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

std::string script(const std::vector<migrations::Inverse>& inverse) {
  std::string out;
  for (const migrations::Inverse& each : inverse) out += each.sql + ";\n";
  return out;
}

/// The down section, or the inverse that the statements themselves tell.
migrations::MigrationFile way_back(const migrations::MigrationFile& file, const DownOptions& options) {
  if (file.has_down) return migrations::down_of(file);
  const auto inverse =
      migrations::inverse_of(migrations::parse_statements(file.up_sql, file.path, file.up_first_line));
  const bool lossless = inverse && std::all_of(inverse->begin(), inverse->end(),
                                               [](const migrations::Inverse& each) { return each.lossless; });
  if (inverse && options.generated && (lossless || options.allow_data_loss)) {
    migrations::MigrationFile generated = file;
    generated.has_down = true;
    generated.down_sql = script(*inverse);
    return migrations::down_of(generated);
  }
  if (!inverse) return migrations::down_of(file);  // says that there is none
  throw Failure(ExitCode::refused,
                {.code = "no-down-section",
                 .object = file.path,
                 .message = "the file has no down section; crossfade knows the inverse of its statements",
                 .expected = "SQL behind a line  -- migrate:down",
                 .found = script(*inverse),
                 .next = lossless ? "`crossfade down --generated` runs this."
                                  : "`crossfade down --generated --allow-data-loss` runs this; it loses what "
                                    "was written since."});
}

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
    files.push_back(way_back(file, options));
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
