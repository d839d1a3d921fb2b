// Plans of what is pending, and a plan on paper: `plan --out` writes what was planned, `up --plan` runs it
// only while files and catalog are still those that were planned for. Reads the catalog; one thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/approved_plan.h"
#include "orchestrator/commands/command.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// One for each file, in order; what cannot be planned has its refusals. Creates nothing.
std::vector<strategies::RevisionPlan> plan_files(const CommandEnvironment& environment,
                                                 const std::vector<migrations::MigrationFile>& files);

/// What plans were made for. The fingerprint (XXH3-128) covers the other two and the plans themselves; it is
/// the same for plans that differ in run numbers and sizes alone.
struct PlannedFor {
  std::string fingerprint;
  std::map<std::string, std::string> files;   ///< each revision's text
  std::map<std::string, std::string> tables;  ///< the definition of each table that a plan is about
};

PlannedFor planned_for_of(const CommandEnvironment& environment,
                          const std::vector<migrations::MigrationFile>& files,
                          const std::vector<strategies::RevisionPlan>& plans);

boost::json::object document_of(const PlannedFor& planned_for);

/// Throws Failure (exit 1) where the file cannot be written.
void save_plan(const std::string& path, const boost::json::object& document);

/// The plan in the file. Of one that `up --plan` has begun before, what is left must be as it was planned
/// for. Throws Failure: exit 2 where the file is no plan; exit 5 ("plan-changed") where it is not the plan of
/// these files and this catalog.
ApprovedPlan saved_plan(const CommandEnvironment& environment,
                        const std::vector<migrations::MigrationFile>& files, const std::string& path);

}  // namespace crossfade::orchestrator
