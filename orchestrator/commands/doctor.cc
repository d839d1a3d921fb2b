#include <fmt/format.h>

#include "checkers/doctor_findings.h"
#include "orchestrator/commands/commands.h"

namespace crossfade::orchestrator {

CommandResult run_doctor(const CommandEnvironment& environment) {
  const auto session = environment.connect().open({.application_name = "crossfade/doctor"});
  const std::vector<Problem> findings = checkers::find_leftovers(*session);
  CommandResult result;
  result.document["findings"] = boost::json::value_from(findings);
  for (const Problem& finding : findings) result.text += describe(finding) + "\n";
  if (findings.empty()) {
    result.text = "nothing is left over\n";
    return result;
  }
  result.exit_code = ExitCode::failed;
  result.problem =
      Problem{.code = "left-overs",
              .object = fmt::format("{} finding{}", findings.size(), findings.size() == 1 ? "" : "s"),
              .message = "something needs attention",
              .expected = "nothing left over",
              .found = findings.front().object,
              .next = "Each finding says what to do."};
  return result;
}

}  // namespace crossfade::orchestrator
