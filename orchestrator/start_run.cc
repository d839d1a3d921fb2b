#include "orchestrator/start_run.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "checkers/table_fingerprint.h"
#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/planning.h"
#include "orchestrator/role_settings.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

Failure changed_while_planning(const FileTarget& target, const checkers::FingerprintChange& change) {
  return Failure(ExitCode::resumable,
                 {.code = "table-changed",
                  .object = target.name.display(),
                  .message = "the table changed while it was planned for: it " + change.reason,
                  .expected = "a table that nobody alters at the same time",
                  .found = change.component + " changed",
                  .next = "Run `crossfade up` again."});
}

}  // namespace

std::optional<std::int64_t> start_run(const postgres::SessionFactory& factory, Reporter& reporter,
                                      const migrations::MigrationFile& file, bool postpone_cutover) {
  const auto session = factory.open({.application_name = "crossfade/plan"});
  Journal journal(*session);
  Run run{.revision = file.revision, .file_fingerprint = file.fingerprint, .strategy = "shadow"};
  run.session_settings = read_role_settings(*session);
  run.system_identifier = postgres::read_server_facts(*session).system_identifier;

  // Planned under the run's own settings: names and expressions mean what they will mean while rows are
  // copied.
  const auto planner = open_as_role(factory, "crossfade/plan");
  const FileTarget target = resolve_target(*planner, file);
  hold_table(*session, target.oid, target.name.display());
  // Another process may have done the same, to the end, while this one waited for the table.
  for (const AppliedRevision& applied : journal.applied_revisions()) {
    if (applied.revision == file.revision) return std::nullopt;
  }
  for (const Run& open : journal.open_runs()) {
    if (open.revision == file.revision) return open.run;
  }
  run.table_schema = target.name.schema;
  run.table_name = target.name.name;
  run.table_oid = target.oid;

  // The journal row gives the number that names the schemas; a refusal rolls it back.
  postgres::Transaction transaction(*session, "start");
  const std::int64_t number = journal.create_run(run);
  const checkers::TableFingerprint before = checkers::read_fingerprint(*planner, target.oid);
  const strategies::RevisionPlan plan = plan_revision(*planner, file, number);
  if (!plan.refusals.empty()) throw refusal_of(plan);
  if (auto change = checkers::compare(before, checkers::read_fingerprint(*planner, target.oid))) {
    throw changed_while_planning(target, *change);
  }
  for (const Problem& announcement : plan.announcements) reporter.note(describe(announcement));
  journal.save_plan(number, boost::json::value_from(*plan.shadow), plan.estimate.rows);
  journal.save_fingerprint(number, boost::json::value_from(before));
  // With the run itself, so that a crash before its first phase does not forget the wish.
  if (postpone_cutover) journal.set_postponed(number, true);
  journal.event(number, "planned", {{"revision", file.revision}, {"table", target.name.display()}});
  transaction.commit();
  return number;
}

}  // namespace crossfade::orchestrator
