// What stands between a plan and its execution beside the plan itself: an operator's approval of what drops
// data, and a team's wish that nothing be dropped or narrowed at all. Reads the journal; one thread.
#pragma once

#include <optional>

#include "migrations/migration_file.h"
#include "orchestrator/journal.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct Policy {
  bool approved = false;  ///< given on the command line
  bool additive_only = false;
};

/// What additive-only has against the plan, if anything.
std::optional<Problem> additive_refusal(const migrations::MigrationFile& file,
                                        const strategies::RevisionPlan& plan);

/// `journal` is null where there is none yet. Throws Failure: exit 4 ("approval-needed") where the plan wants
/// an approval that nobody has given for this text of the file; exit 5 ("additive-only") where it drops or
/// narrows and must not.
void require_policy(Journal* journal, const migrations::MigrationFile& file,
                    const strategies::RevisionPlan& plan, const Policy& policy);

}  // namespace crossfade::orchestrator
