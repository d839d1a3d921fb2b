// The SQL of change capture: the log, the trigger functions and the triggers (docs/protocol.md, rules 1 to
// 4), and the guards that keep foreign writes off whichever table is not live (rule 18). Pure functions,
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "strategies/plan.h"

namespace crossfade::strategies {

/// The log and the table of truncations.
std::vector<std::string> log_statements(const ShadowTablePlan& plan);

/// Functions, then triggers on the source, or on each of its partitions. The triggers need SHARE ROW
/// EXCLUSIVE on it.
std::vector<std::string> capture_statements(const ShadowTablePlan& plan);

/// No-op function bodies, which need no lock on the table; then DROP TRIGGER. Safe to repeat.
std::vector<std::string> disarm_statements(const ShadowTablePlan& plan);
std::vector<std::string> drop_trigger_statements(const ShadowTablePlan& plan);

/// The guard function and its triggers on `tables`, a table and its partitions. A session with crossfade.run
/// = RUN passes where `own_run_passes`.
std::vector<std::string> guard_statements(const ShadowTablePlan& plan, const std::string& schema,
                                          const std::vector<postgres::QualifiedName>& tables,
                                          bool own_run_passes);
std::string drop_guard_statement(const ShadowTablePlan& plan, const postgres::QualifiedName& table);

}  // namespace crossfade::strategies
