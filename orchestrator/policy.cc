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

std::optional<Problem> additive_refusal(const migrations::MigrationFile& file,
                                        const strategies::RevisionPlan& plan) {
  if (plan.narrowings.empty()) return std::nullopt;
  return Problem{.code = "additive-only",
                 .object = file.path,
                 .message = "the revision drops or narrows something, which the settings forbid",
                 .expected = "additions alone (additive-only is set)",
                 .found = joined(plan.narrowings),
                 .next = "Take these statements out, or run without --additive-only."};
}

void require_policy(Journal* journal, const migrations::MigrationFile& file,
                    const strategies::RevisionPlan& plan, const Policy& policy) {
  if (policy.additive_only) {
    if (auto refusal = additive_refusal(file, plan)) throw Failure(ExitCode::refused, std::move(*refusal));
  }
  if (plan.approvals.empty() || policy.approved) return;
  if (journal != nullptr && journal->approved(file.revision, file.direction, file.fingerprint)) return;
  // Their text is not in a file that `approve` could read.
  const bool of_alembic = file.revision.starts_with("alembic:");
  throw Failure(
      ExitCode::resumable,
      {.code = "approval-needed",
       .object = file.path,
       .message = "the revision " + plan.approvals.front().message,
       .expected = "an operator's approval of this text of the file",
       .found = "none; asked for by " + joined(plan.approvals),
       .next = of_alembic ? "Run the command with --approve."
                          : fmt::format("`crossfade approve {}`, or run the command with --approve.",
                                        file.revision)});
}

}  // namespace crossfade::orchestrator
