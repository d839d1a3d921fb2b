#include "orchestrator/command_line/result_output.h"

#include <iostream>

#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

boost::json::value problem_document(const Problem& problem) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? boost::json::value(nullptr) : boost::json::value(text);
  };
  return boost::json::object{{"code", problem.code},
                             {"object", or_null(problem.object)},
                             {"message", problem.message},
                             {"expected", or_null(problem.expected)},
                             {"found", or_null(problem.found)},
                             {"next", or_null(problem.next)}};
}

/// What a command that failed before it had anything to show still promises to print.
boost::json::object members_of(const std::string& command) {
  const boost::json::array none;
  const boost::json::value unknown;
  if (command == "status") return {{"current", none}, {"heads", none}, {"runs", none}};
  if (command == "alembic upgrade") return {{"runs", none}};
  if (command == "plan" || command == "alembic plan")
    return {{"fingerprint", unknown}, {"revisions", none}, {"refusals", none}};
  if (command == "alembic current") return {{"table", unknown}, {"exists", unknown}, {"heads", none}};
  if (command == "alembic pending")
    return {
        {"table", unknown}, {"heads", none}, {"heads_after", none}, {"revisions", none}, {"refusals", none}};
  if (command == "init") return {{"changed", false}};
  if (command == "new" || command == "merge") return {{"revision", unknown}, {"path", unknown}};
  if (command == "current" || command == "heads") return {{command, none}};
  if (command == "history") return {{"revisions", none}};
  if (command == "show") {
    return {{"revision", unknown},   {"revises", none},
            {"depends_on", none},    {"labels", none},
            {"applied", unknown},    {"applied_at", unknown},
            {"applied_by", unknown}, {"path", unknown},
            {"is_head", unknown},    {"is_branch_point", unknown},
            {"is_merge", unknown},   {"children", none},
            {"statements", unknown}, {"fingerprint", unknown},
            {"tables", none}};
  }
  if (command == "stamp") return {{"stamped", none}, {"removed", none}};
  if (command == "repair")
    return {{"edited", none}, {"missing", none}, {"out_of_order", none}, {"accepted", none}};
  if (command == "check") return {{"steps", none}};
  if (command == "lint") return {{"findings", none}};
  if (command == "doctor") return {{"findings", none}};
  if (command == "verify") {
    return {{"run", unknown},         {"mode", unknown},   {"left", unknown},          {"right", unknown},
            {"complete", false},      {"exact", unknown},  {"equal", unknown},         {"rows_left", unknown},
            {"rows_right", unknown},  {"chunks", unknown}, {"keys_excluded", unknown}, {"not_compared", none},
            {"differences", unknown}, {"examples", none}};
  }
  if (command == "approve") return {{"approved", none}};
  for (const std::string_view with_runs :
       {"up", "down", "revert", "pause", "resume", "cutover", "contract", "abort"}) {
    if (command == with_runs) return {{"runs", none}};
  }
  return {};
}

}  // namespace

int print(const std::string& command, OutputStyle style, const CommandResult& result) {
  if (result.problem && style.json_lines) {
    std::cerr << boost::json::serialize(
                     boost::json::object{{"event", "error"}, {"error", problem_document(*result.problem)}})
              << '\n';
  } else if (result.problem) {
    std::cerr << describe(*result.problem) << '\n';
  }
  if (style.json) {
    boost::json::object document{
        {"schema", 1},
        {"command", command.empty() ? boost::json::value() : boost::json::value(command)},
        {"exit_code", static_cast<int>(result.exit_code)},
        {"error", result.problem ? problem_document(*result.problem) : nullptr}};
    for (const auto& member : members_of(command)) document[member.key()] = member.value();
    for (const auto& member : result.document) document[member.key()] = member.value();
    std::cout << boost::json::serialize(document) << std::endl;
  } else {
    std::cout << result.text << std::flush;
  }
  return static_cast<int>(result.exit_code);
}

CommandResult guarded(const std::function<CommandResult()>& command) {
  try {
    return command();
  } catch (const Failure& failure) {
    return {.exit_code = failure.exit_code(), .problem = failure.problem()};
  } catch (const postgres::DatabaseError& error) {
    const bool rights = error.sqlstate() == "42501";
    return {.exit_code = rights ? ExitCode::refused : ExitCode::failed,
            .problem =
                Problem{.code = rights ? "missing-privilege" : "database-error",
                        .object = error.query_name(),
                        .message = error.report().message,
                        .expected = "",
                        .found = "SQLSTATE " + error.sqlstate() +
                                 (error.report().detail.empty() ? "" : "; " + error.report().detail),
                        .next = error.report().hint.empty() ? "Correct the cause and run the command again."
                                                            : error.report().hint}};
  } catch (const std::exception& error) {
    return {.exit_code = ExitCode::failed,
            .problem = Problem{.code = "internal-error",
                               .object = "crossfade",
                               .message = error.what(),
                               .expected = "",
                               .found = "",
                               .next = "Run the command again; if it fails again, report it with `crossfade "
                                       "status --format json`."}};
  }
}

}  // namespace crossfade::orchestrator
