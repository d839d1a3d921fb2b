// The beginning of a run: plans what is left of a revision against the live catalog and journals the plan of
// its next part, all in one transaction, under the locks of the part's tables. From then on the run belongs
// to the journal, and a Runner executes it. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/approved_plan.h"
#include "orchestrator/reporter.h"
#include "postgres/connection.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct StartOptions {
  bool postpone_cutover = false;
  bool approved = false;               ///< on the command line; else the journal's approval counts
  bool additive_only = false;          ///< refuse whatever drops or narrows
  const ApprovedPlan* plan = nullptr;  ///< null: whatever is planned now
  /// Called with the existing tables of the next part where an open run of another revision is about one of
  /// them, while none of them is locked; has to finish that run, or throws.
  std::function<void(const std::vector<strategies::ChangedTable>&)> on_tables = {};
};

/// The number of the next part's run; or of the one that another process has just started for the revision;
/// or null where nothing is left to run: then the revision is applied (or taken back). A postponed run waits
/// for `crossfade cutover`. Throws Failure (exit 5) with every refusal, or where another process holds a
/// table; (exit 4) where an approval is missing; DatabaseError.
std::optional<std::int64_t> start_run(const postgres::SessionFactory& factory, Reporter& reporter,
                                      const migrations::MigrationFile& file, const StartOptions& options);

}  // namespace crossfade::orchestrator
