// `crossfade alembic …`: an Alembic or Flask-Migrate project's revisions, run by crossfade. See
// docs/alembic.md for what they promise.
#pragma once

#include "orchestrator/alembic/options.h"
#include "orchestrator/commands/command.h"
#include "orchestrator/commands/commands.h"

namespace crossfade::orchestrator {

CommandResult run_alembic_current(const CommandEnvironment& environment, const AlembicOptions& options);
CommandResult run_alembic_pending(const CommandEnvironment& environment, const AlembicOptions& options);
CommandResult run_alembic_plan(const CommandEnvironment& environment, const AlembicOptions& options,
                               const PlanOptions& plan);
CommandResult run_alembic_upgrade(const CommandEnvironment& environment, const AlembicOptions& options,
                                  const ApplyOptions& apply);

}  // namespace crossfade::orchestrator
