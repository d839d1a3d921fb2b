#include "orchestrator/commands/saved_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "checkers/table_fingerprint.h"
#include "migrations/fingerprint.h"
#include "orchestrator/carried_objects.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/planning.h"
#include "orchestrator/revision_records.h"
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

/// A table's definition without its sizes, which change all the time.
std::string definition_of(postgres::Session& session, std::uint32_t oid) {
  auto table = postgres::load_table(session, oid);
  if (!table) return "gone";
  for (postgres::Index& index : table->indexes) index.bytes = 0;
  checkers::TableFingerprint beyond = checkers::read_fingerprint(session, oid);
  beyond.filenode.clear();
  // Triggers, rules and policies change what a statement does, and stand in none of these.
  const postgres::Dependents acting = load_live_dependents(session, oid).dependents;
  return boost::json::serialize(boost::json::array{
      boost::json::value_from(beyond), boost::json::value_from(table->name),
      boost::json::value_from(table->columns), boost::json::value_from(table->indexes),
      boost::json::value_from(table->constraints), boost::json::value_from(acting.triggers),
      boost::json::value_from(acting.rules), boost::json::value_from(acting.policies)});
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

PlannedFor planned_for_of(const CommandEnvironment& environment,
                          const std::vector<migrations::MigrationFile>& files,
                          const std::vector<strategies::RevisionPlan>& plans) {
  const auto session = environment.connect().open({.application_name = "crossfade/plan"});
  PlannedFor out;
  std::string all;
  for (const migrations::MigrationFile& file : files) {
    out.files[file.revision] = file.fingerprint;
    all += file.fingerprint + "\n";
  }
  for (const strategies::RevisionPlan& plan : plans) {
    all += plan.revision + "\n";
    for (const strategies::Step& step : plan.steps) all += comparable(step.sql);
    for (const strategies::PartPlan& part : plan.parts) {
      for (const strategies::NumberedStatement& statement : part.statements)
        all += statement.fingerprint + "\n";
      std::vector<strategies::ChangedTable> tables;
      if (part.in_place) tables = part.in_place->tables;
      if (part.shadow) tables.push_back({part.shadow->source.oid, part.shadow->source.name});
      for (const strategies::ChangedTable& table : tables)
        out.tables[table.name.display()] = migrations::fingerprint(definition_of(*session, table.oid));
    }
  }
  for (const auto& [table, definition] : out.tables) all += table + definition + "\n";
  out.fingerprint = migrations::fingerprint(all);
  return out;
}

boost::json::object document_of(const PlannedFor& planned_for) {
  const auto list = [](const std::map<std::string, std::string>& values, std::string_view name) {
    boost::json::array out;
    for (const auto& [key, fingerprint] : values)
      out.push_back(boost::json::object{{name, key}, {"fingerprint", fingerprint}});
    return out;
  };
  return {{"files", list(planned_for.files, "revision")}, {"tables", list(planned_for.tables, "table")}};
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

namespace {

ApprovedPlan read_plan(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw no_plan(path, "no such file");
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  boost::json::error_code error;
  const boost::json::value saved = boost::json::parse(text, error);
  auto plan = error ? std::nullopt : read_approved_plan(path, saved);
  if (!plan) throw no_plan(path, "another document");
  return std::move(*plan);
}

Failure plan_changed(const ApprovedPlan& plan, const std::string& what, const std::string& expected,
                     const std::string& found) {
  return Failure(ExitCode::refused,
                 {.code = "plan-changed",
                  .object = plan.path,
                  .message = what + " is not as it was planned for",
                  .expected = expected,
                  .found = found,
                  .next = "Look at the new plan (`crossfade plan`), and save it with --out once it is "
                          "approved."});
}

/// The first thing that is otherwise than approved. Revisions that are applied by now are no longer there.
void require_same(const ApprovedPlan& approved, const PlannedFor& now,
                  const std::vector<std::string>& changed_tables) {
  for (const auto& [revision, fingerprint] : now.files) {
    const auto file = approved.files.find(revision);
    if (file == approved.files.end())
      throw plan_changed(approved, "revision " + revision, "a file of the plan", "a file that came later");
    if (file->second != fingerprint)
      throw plan_changed(approved, "the text of revision " + revision, "fingerprint " + file->second,
                         "fingerprint " + fingerprint);
  }
  for (const auto& [table, fingerprint] : now.tables) {
    const auto before = approved.tables.find(table);
    const bool ours = std::find(changed_tables.begin(), changed_tables.end(), table) != changed_tables.end();
    if (!ours && before != approved.tables.end() && before->second != fingerprint)
      throw plan_changed(approved, "the table " + table, "the definition that it had",
                         "another one: somebody has altered it since");
  }
}

}  // namespace

ApprovedPlan saved_plan(const CommandEnvironment& environment,
                        const std::vector<migrations::MigrationFile>& files, const std::string& path) {
  ApprovedPlan approved = read_plan(path);
  const PlannedFor now = planned_for_of(environment, files, plan_files(environment, files));
  if (now.fingerprint == approved.fingerprint) return approved;
  const auto session = environment.connect().open({.application_name = "crossfade/plan"});
  const bool begun = journal_exists(*session) && Journal(*session).saved_plan_begun(approved.fingerprint);
  std::vector<std::string> applied;
  std::vector<std::string> changed;
  if (begun) {
    applied = names_of(RevisionRecords(*session).all());
    changed = Journal(*session).tables_changed_by_saved_plan(approved.fingerprint);
  }
  require_same(approved, now, changed);
  for (const auto& [revision, fingerprint] : approved.files) {
    if (!now.files.contains(revision) && std::find(applied.begin(), applied.end(), revision) == applied.end())
      throw plan_changed(approved, "revision " + revision, "a pending file", "none of this name is pending");
  }
  if (!begun)
    throw plan_changed(approved, "the plan", "fingerprint " + approved.fingerprint,
                       "fingerprint " + now.fingerprint);
  return approved;
}

}  // namespace crossfade::orchestrator
