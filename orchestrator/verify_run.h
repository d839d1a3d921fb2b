// Full verification of a run: key ranges on worker threads, one snapshot each, logged keys left out and
// compared later, while replay goes on beside it (docs/protocol.md, "Verify").
#pragma once

#include "checkers/comparison.h"
#include "checkers/verification_report.h"
#include "orchestrator/run_context.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// The comparison of a run's source, transformed, with its shadow.
checkers::Comparison comparison_of(const strategies::ShadowTablePlan& plan, postgres::Session& session);

/// Compares everything. With `replay`, this process's replayers run beside the comparison; without, keys in
/// the log stay out and the report is not complete. Throws SourceChanged, Failure (exit 4 on stop),
/// DatabaseError.
checkers::VerificationReport verify_run(RunContext& context, bool replay);

/// Journals the report. Returns whether a cutover may follow.
bool record_verification(RunContext& context, const checkers::VerificationReport& report);

/// The refusal (exit 5) of a comparison in a phase that has nothing to compare.
Failure nothing_to_compare(const Run& run);

/// The stop (exit 3) after a difference, with keys and columns.
Failure differences_found(const strategies::ShadowTablePlan& plan,
                          const checkers::VerificationReport& report);

}  // namespace crossfade::orchestrator
