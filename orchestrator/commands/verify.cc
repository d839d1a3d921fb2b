#include <fmt/format.h>

#include "checkers/verification_report.h"
#include "migrations/names.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/runner.h"
#include "orchestrator/verify_tables.h"
#include "postgres/catalog.h"

namespace crossfade::orchestrator {

namespace {

constexpr const char* kReportMembers[] = {
    "run",       "mode",       "left",   "right",         "complete",     "exact",       "equal",
    "rows_left", "rows_right", "chunks", "keys_excluded", "not_compared", "differences", "examples"};

CommandResult from_report(const boost::json::value& report) {
  CommandResult result;
  for (const char* member : kReportMembers) result.document[member] = report.at(member);
  result.text = checkers::describe(boost::json::value_to<checkers::VerificationReport>(report)) + "\n";
  return result;
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Run run_of_subject(postgres::Session& session, const std::string& subject) {
  const auto live = [](const Run& run) { return !finished(run.phase); };
  if (subject.empty()) return choose_run(session, std::nullopt, "verify", live);
  if (is_number(subject)) return choose_run(session, std::stoll(subject), "verify", live);
  const auto table = migrations::parse_table_reference(subject);
  return choose_run(session, std::nullopt, "verify", [&](const Run& run) {
    return live(run) && table && run.table_name == table->name &&
           (!table->schema || run.table_schema == *table->schema);
  });
}

std::optional<boost::json::value> last_report(postgres::Session& session, std::int64_t run) {
  const postgres::Rows rows = session.run({"verify.last_report",
                                           "SELECT document::text AS document FROM crossfade.reports WHERE "
                                           "run = $1 ORDER BY report DESC LIMIT 1"},
                                          {std::to_string(run)});
  if (rows.empty()) return std::nullopt;
  return boost::json::parse(rows[0].text("document"));
}

CommandResult verify_two_tables(const CommandEnvironment& environment,
                                const postgres::SessionFactory& factory, const VerifyOptions& options,
                                const RunOptions& run_options) {
  const checkers::VerificationReport report =
      verify_tables(factory, options.subject, options.against, run_options.verify_workers, environment.stop);
  CommandResult result = from_report(checkers::to_json(report));
  if (!report.equal) {
    result.exit_code = ExitCode::differences;
    result.problem =
        Problem{.code = "differences",
                .object = report.left,
                .message = "differs from " + report.right,
                .expected = "no difference",
                .found = fmt::format("{} missing, {} extra, {} changed", report.differences.missing,
                                     report.differences.extra, report.differences.changed),
                .next = "The examples in the report name keys and columns."};
  }
  return result;
}

}  // namespace

CommandResult run_verify(const CommandEnvironment& environment, const VerifyOptions& options,
                         const RunOptions& run_options) {
  const auto factory = environment.connect();
  if (!options.against.empty()) return verify_two_tables(environment, factory, options, run_options);
  const auto session = factory.open({.application_name = "crossfade/verify"});
  const Run run = run_of_subject(*session, options.subject);
  const auto reporter = make_reporter(environment.options.progress);
  Runner runner(factory, *reporter, environment.stop);
  try {
    const RunResult done = runner.execute({run.run, Goal::verify, run_options});
    return from_report(*done.verification);
  } catch (const Failure& failure) {
    if (failure.exit_code() != ExitCode::differences) throw;
    CommandResult result = from_report(last_report(*session, run.run).value());
    result.exit_code = failure.exit_code();
    result.problem = failure.problem();
    return result;
  }
}

}  // namespace crossfade::orchestrator
