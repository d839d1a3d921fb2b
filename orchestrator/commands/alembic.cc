#include "orchestrator/commands/alembic.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/alembic/pending_revisions.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/revision_records.h"
#include "orchestrator/revision_runs.h"
#include "orchestrator/role_settings.h"

namespace crossfade::orchestrator {

namespace {

boost::json::array names(const std::set<std::string>& from) {
  return boost::json::array(from.begin(), from.end());
}

std::string joined(const std::set<std::string>& from) {
  std::string out;
  for (const std::string& name : from) out += (out.empty() ? "" : ", ") + name;
  return out.empty() ? "<base>" : out;
}

boost::json::value or_null(const std::string& text) {
  return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
}

boost::json::object document_of(const PendingRevision& pending) {
  return {{"revision", pending.alembic.revision},
          {"journal_name", pending.file.revision},
          {"message", or_null(pending.message)},
          {"source", or_null(pending.source)},
          {"fingerprint", pending.file.fingerprint},
          {"statements", boost::json::value_from(pending.alembic.statements)},
          {"version", boost::json::value_from(pending.file.completion)}};
}

std::string text_of(const PendingRevision& pending) {
  std::string out = fmt::format("revision {}{}{}\n", pending.alembic.revision,
                                pending.message.empty() ? "" : "  ", pending.message);
  for (const std::string& statement : pending.alembic.statements) {
    out += "  | ";
    for (const char c : statement) out += c == '\n' ? "\n  | " : std::string(1, c);
    out += ";\n";
  }
  for (const std::string& statement : pending.file.completion) out += "  version: " + statement + "\n";
  return out;
}

/// What is pending, where nothing speaks against running it.
PendingRevisions judged(const CommandEnvironment& environment, const AlembicOptions& options) {
  PendingRevisions pending = pending_revisions(environment.connect(), options, environment.stop);
  if (pending.refusals.empty()) return pending;
  Problem problem = pending.refusals.front();
  for (std::size_t index = 1; index < pending.refusals.size(); ++index)
    problem.found += (problem.found.empty() ? "also: " : "; also: ") + describe(pending.refusals[index]);
  throw Failure(ExitCode::refused, std::move(problem));
}

std::vector<migrations::MigrationFile> files_of(const PendingRevisions& pending) {
  std::vector<migrations::MigrationFile> out;
  for (const PendingRevision& revision : pending.revisions) out.push_back(revision.file);
  return out;
}

/// The live version table decides what is applied: what Alembic itself has taken back since is to be carried
/// out again.
void forget_taken_back(postgres::Session& session, const PendingRevisions& pending) {
  if (!journal_exists(session)) return;
  initialise_journal(session);
  postgres::Transaction transaction(session, "alembic.forget");
  RevisionRecords records(session);
  records.hold();
  for (const std::string& name : names_of(records.all())) {
    const bool is_pending =
        std::any_of(pending.revisions.begin(), pending.revisions.end(),
                    [&](const PendingRevision& revision) { return revision.file.revision == name; });
    if (is_pending) records.remove(name);
  }
  transaction.commit();
}

}  // namespace

CommandResult run_alembic_current(const CommandEnvironment& environment, const AlembicOptions& options) {
  const VersionTable table = live_versions(environment.connect(), options);
  CommandResult result;
  result.document = {
      {"table", table.name.display()}, {"exists", table.exists}, {"heads", names(table.heads)}};
  for (const std::string& head : table.heads) result.text += head + "\n";
  if (table.heads.empty())
    result.text = fmt::format("{} {}: nothing is applied\n", table.name.display(),
                              table.exists ? "has no row" : "does not exist");
  return result;
}

CommandResult run_alembic_pending(const CommandEnvironment& environment, const AlembicOptions& options) {
  const postgres::SessionFactory factory = environment.connect();
  const PendingRevisions pending = pending_revisions(factory, options, environment.stop);
  CommandResult result;
  boost::json::array revisions;
  for (const PendingRevision& revision : pending.revisions) {
    revisions.push_back(document_of(revision));
    result.text += text_of(revision);
  }
  if (revisions.empty())
    result.text = fmt::format("nothing is pending; {} has {}\n", pending.table.name.display(),
                              joined(pending.table.heads));
  result.document = {{"table", pending.table.name.display()},
                     {"heads", names(pending.table.heads)},
                     {"heads_after", names(pending.heads_after)},
                     {"revisions", std::move(revisions)},
                     {"refusals", boost::json::value_from(pending.refusals)}};
  for (const Problem& refusal : pending.refusals) {
    if (!result.problem) {
      result.problem = refusal;
    } else {
      result.text += "refused: " + describe(refusal) + "\n";
    }
  }
  if (result.problem) result.exit_code = ExitCode::refused;
  return result;
}

CommandResult run_alembic_plan(const CommandEnvironment& environment, const AlembicOptions& options,
                               const PlanOptions& plan) {
  const PendingRevisions pending = judged(environment, options);
  return show_plans(environment, files_of(pending), plan);
}

CommandResult run_alembic_upgrade(const CommandEnvironment& environment, const AlembicOptions& options,
                                  const ApplyOptions& apply) {
  const postgres::SessionFactory factory = environment.connect();
  const PendingRevisions pending = judged(environment, options);
  if (!pending.revisions.empty()) {
    if (!pending.table.exists)
      create_version_table(*open_as_role(factory, "crossfade/alembic"), pending.table,
                           pending.create_version_table);
    forget_taken_back(*factory.open({.application_name = "crossfade/alembic"}), pending);
  }
  const auto reporter = make_reporter(environment.options.progress);
  return RevisionRuns(environment, apply, *reporter).apply(files_of(pending));
}

}  // namespace crossfade::orchestrator
