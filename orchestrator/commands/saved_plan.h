// Plans of what is pending, and a plan on paper: `plan --out` writes what was planned, `up --plan` runs it
// only while files and catalog are still those that were planned for. Reads the catalog; one thread.
#pragma once

#include <string>
#include <vector>

#include "migrations/migration_file.h"
#include "orchestrator/commands/command.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// One for each file, in order; what cannot be planned has its refusals. Creates nothing.
std::vector<strategies::RevisionPlan> plan_files(const CommandEnvironment& environment,
                                                 const std::vector<migrations::MigrationFile>& files);

/// XXH3-128 over the files, the plans and over the definitions of the tables that they are about; the same
/// for two plans that differ in run numbers and sizes alone.
std::string fingerprint_of(const CommandEnvironment& environment,
                           const std::vector<migrations::MigrationFile>& files,
                           const std::vector<strategies::RevisionPlan>& plans);

/// Throws Failure (exit 1) where the file cannot be written.
void save_plan(const std::string& path, const boost::json::object& document);

/// Throws Failure: exit 2 where the file is no plan; exit 5 ("plan-changed") where it is not the plan of
/// these files and this catalog.
void require_saved_plan(const CommandEnvironment& environment,
                        const std::vector<migrations::MigrationFile>& files, const std::string& path);

}  // namespace crossfade::orchestrator
