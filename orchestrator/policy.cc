#include "orchestrator/policy.h"

#include <fmt/format.h>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

std::string joined(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems)
    out += fmt::format("{}{}: {}", out.empty() ? "" : "; ", problem.object, problem.message);
  return out;
}

}  // namespace

void require_policy(Journal* journal, const migrations::MigrationFile& file,
                    const strategies::RevisionPlan& plan, const Policy& policy) {
  if (policy.additive_only && !plan.narrowings.empty()) {
    throw Failure(ExitCode::refused,
                  {.code = "additive-only",
                   .object = file.path,
                   .message = "the revision drops or narrows something, which the settings forbid",
                   .expected = "additions alone (additive-only is set)",
                   .found = joined(plan.narrowings),
                   .next = "Take these statements out, or run without --additive-only."});
  }
  if (plan.approvals.empty() || policy.approved) return;
  if (journal != nullptr && journal->approved(file.revision, file.direction, file.fingerprint)) return;
  throw Failure(
      ExitCode::resumable,
      {.code = "approval-needed",
       .object = file.path,
       .message = "the revision " + plan.approvals.front().message,
       .expected = "an operator's approval of this text of the file",
       .found = "none; asked for by " + joined(plan.approvals),
       .next = fmt::format("`crossfade approve {}`, or run the command with --approve.", file.revision)});
}

}  // namespace crossfade::orchestrator
