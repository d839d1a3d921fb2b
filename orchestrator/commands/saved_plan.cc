#include "orchestrator/commands/saved_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "migrations/fingerprint.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/planning.h"
#include "orchestrator/role_settings.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

Failure no_plan(const std::string& path, const std::string& found) {
  return Failure(ExitCode::usage, {.code = "no-plan",
                                   .object = path,
                                   .message = "the file holds no plan",
                                   .expected = "a file that `crossfade plan --out` has written",
                                   .found = found,
                                   .next = "Make one with `crossfade plan --out FILE`."});
}

std::vector<FinishedStatement> finished_statements(postgres::Session& session,
                                                   const migrations::MigrationFile& file) {
  std::vector<FinishedStatement> out;
  if (!journal_exists(session)) return out;
  for (const strategies::NumberedStatement& statement :
       Journal(session).finished_statements(file.revision, file.direction))
    out.push_back({statement.number, statement.fingerprint});
  return out;
}

bool has_begun(const CommandEnvironment& environment, const std::vector<migrations::MigrationFile>& files) {
  const auto session = environment.connect().open({.application_name = "crossfade/plan"});
  if (!journal_exists(*session)) return false;
  const std::vector<Run> open = Journal(*session).open_runs();
  return std::any_of(files.begin(), files.end(), [&](const migrations::MigrationFile& file) {
    return !finished_statements(*session, file).empty() ||
           std::any_of(open.begin(), open.end(),
                       [&](const Run& run) { return run.revision == file.revision; });
  });
}

/// A table's definition without its sizes, which change all the time.
std::string definition_of(postgres::Session& session, std::uint32_t oid) {
  auto table = postgres::load_table(session, oid);
  if (!table) return "gone";
  for (postgres::Index& index : table->indexes) index.bytes = 0;
  return boost::json::serialize(boost::json::array{
      boost::json::value_from(table->name), boost::json::value_from(table->columns),
      boost::json::value_from(table->indexes), boost::json::value_from(table->constraints)});
}

}  // namespace

std::vector<strategies::RevisionPlan> plan_files(const CommandEnvironment& environment,
                                                 const std::vector<migrations::MigrationFile>& files) {
  const auto factory = environment.connect();
  const auto session = factory.open({.application_name = "crossfade/plan"});
  const auto planner = open_as_role(factory, "crossfade/plan");
  std::int64_t run = 1;
  if (journal_exists(*session)) {
    require_current_journal(*session);
    run = Journal(*session).next_run_number();
  }
  EarlierChanges earlier(default_schema(*planner));
  std::vector<strategies::RevisionPlan> out;
  for (const migrations::MigrationFile& file : files) {
    strategies::RevisionPlan plan{.revision = file.revision};
    try {
      plan = plan_revision(*planner, {&file, run, finished_statements(*session, file)}, earlier);
    } catch (const Failure& failure) {
      if (failure.exit_code() != ExitCode::refused) throw;
      plan.refusals.push_back(failure.problem());
    }
    run += std::max<std::int64_t>(1, static_cast<std::int64_t>(plan.parts.size()));
    out.push_back(std::move(plan));
  }
  return out;
}

std::string fingerprint_of(const CommandEnvironment& environment,
                           const std::vector<migrations::MigrationFile>& files,
                           const std::vector<strategies::RevisionPlan>& plans) {
  static const std::regex run_number("crossfade_[0-9]+");
  const auto session = environment.connect().open({.application_name = "crossfade/plan"});
  std::string all;
  for (const migrations::MigrationFile& file : files) all += file.fingerprint + "\n";
  std::set<std::uint32_t> tables;
  for (const strategies::RevisionPlan& plan : plans) {
    all += plan.revision + "\n";
    for (const strategies::Step& step : plan.steps) {
      for (const std::string& sql : step.sql)
        all += std::regex_replace(sql, run_number, "crossfade_N") + "\n";
    }
    for (const strategies::PartPlan& part : plan.parts) {
      for (const strategies::NumberedStatement& statement : part.statements)
        all += statement.fingerprint + "\n";
      if (part.shadow) tables.insert(part.shadow->source.oid);
      if (!part.in_place) continue;
      for (const strategies::ChangedTable& table : part.in_place->tables) tables.insert(table.oid);
    }
  }
  for (const std::uint32_t table : tables) all += definition_of(*session, table) + "\n";
  return migrations::fingerprint(all);
}

void save_plan(const std::string& path, const boost::json::object& document) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << boost::json::serialize(document) << '\n';
  file.close();
  if (file) return;
  throw Failure(ExitCode::failed, {.code = "cannot-write",
                                   .object = path,
                                   .message = "the plan cannot be written",
                                   .expected = "a file that you may write to, with space left",
                                   .found = "an error while writing",
                                   .next = "Check the path, its permissions and the disk."});
}

void require_saved_plan(const CommandEnvironment& environment,
                        const std::vector<migrations::MigrationFile>& files, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw no_plan(path, "no such file");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  boost::json::error_code error;
  const boost::json::value saved = boost::json::parse(text, error);
  const boost::json::value* fingerprint =
      !error && saved.is_object() ? saved.as_object().if_contains("fingerprint") : nullptr;
  if (fingerprint == nullptr || !fingerprint->is_string()) throw no_plan(path, "another document");
  const std::string wanted(fingerprint->as_string());
  const std::string found = fingerprint_of(environment, files, plan_files(environment, files));
  if (wanted == found) return;
  const bool begun = has_begun(environment, files);
  throw Failure(
      ExitCode::refused,
      {.code = "plan-changed",
       .object = path,
       .message = "the files or the catalog are not those that were planned for",
       .expected = "fingerprint " + wanted,
       .found = "fingerprint " + found,
       .next = begun
                   ? "A part of it has run. Look at what is left (`crossfade plan`), then `crossfade up` "
                     "goes on; or save "
                     "that plan with --out once it is approved."
                   : "Look at the new plan (`crossfade plan`), and save it with --out once it is approved."});
}

}  // namespace crossfade::orchestrator
