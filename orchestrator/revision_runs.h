// Carries out revisions one after the other: whatever is unfinished of one is resumed, what is left of it is
// planned and run part by part, then the next one comes. Used by `up`, `down` and `alembic upgrade`. One
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/approved_plan.h"
#include "orchestrator/commands/command.h"
#include "orchestrator/reporter.h"
#include "orchestrator/run_context.h"
#include "orchestrator/runner.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct ApplyOptions {
  RunOptions run;
  bool approved = false;  ///< what drops data needs no recorded approval
  bool additive_only = false;
  std::optional<ApprovedPlan> plan = {};  ///< of `up --plan`: what is run is what it says
};

class RevisionRuns {
 public:
  RevisionRuns(const CommandEnvironment& environment, const ApplyOptions& options, Reporter& reporter);

  /// The files in order; they are all pending. The result holds the document and text of every run, and the
  /// problem that stopped it. Throws DatabaseError, and Failure where nothing had begun.
  CommandResult apply(const std::vector<migrations::MigrationFile>& files);

 private:
  void prepare(const std::vector<migrations::MigrationFile>& files);
  void require_plannable(const migrations::MigrationFile& file);
  void apply_one(const migrations::MigrationFile& file);
  void require_part_of_plan(const Run& run);
  bool execute(const Run& run, bool resumed, const RunOptions& options);
  void show(const Run& run, double total_ms);
  void finish_cutovers();
  std::optional<Run> unfinished_run(const migrations::MigrationFile& file);
  void free_of_soaking(const migrations::MigrationFile& file,
                       const std::vector<strategies::ChangedTable>& tables);
  void contract_soaking(std::optional<std::int64_t> only);
  void reopen();
  void show_unfinished();

  const ApplyOptions& options_;
  Reporter& reporter_;
  postgres::SessionFactory factory_;
  Runner runner_;
  std::unique_ptr<postgres::Session> session_;
  CommandResult result_;
  boost::json::array documents_;
  std::optional<Run> current_;
  bool resumed_ = false;
};

}  // namespace crossfade::orchestrator
