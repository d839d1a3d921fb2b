// The ends of a run: contract drops the old table after the soak, abort undoes everything before the cutover.
// Both go by the lock attempts of rule 25, drop by name and never with CASCADE, and may be repeated after any
// crash.
#pragma once

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Gives capture's functions bodies that do nothing: no table lock is needed, and from then on no write of
/// the application can fail on them (docs/protocol.md, rule 4). The run's main thread and its monitor may do
/// it at once.
void disarm_capture(postgres::Session& session, const strategies::ShadowTablePlan& plan);

/// Soaking to contracted, in one transaction.
void contract_run(RunContext& context);

/// To aborted. Disarms capture first, without any table lock, so that the application's writes cannot fail on
/// it.
void abort_run(RunContext& context, Phase from);

/// Throws the copy away and starts the run over: capture off, shadow dropped, steps forgotten, phase planned.
void restart_run(RunContext& context, Phase from, const std::string& reason);

}  // namespace crossfade::orchestrator
