// The shadow-table strategy: plans the rewrite of one table into a new one beside it (docs/protocol.md). It
// decides by the rehearsal, not by the text alone, and executes nothing. Pure functions, thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "postgres/dependents.h"
#include "strategies/name_collisions.h"
#include "strategies/one_partition.h"
#include "strategies/plan.h"
#include "strategies/rehearsal.h"

namespace crossfade::strategies {

std::string run_schema_name(std::int64_t run);
std::string old_schema_name(std::int64_t run);

struct ShadowRequest {
  std::int64_t run = 0;
  const migrations::MigrationFile* file = nullptr;
  const std::vector<migrations::Statement>* statements = nullptr;
  const ShapeRehearsal* rehearsal = nullptr;
  SchemaNames names;
  postgres::Dependents dependents;     ///< of the source
  std::vector<postgres::Table> views;  ///< of dependents.views, in their order
  int server_version = 0;
  PartitionPlace place = {};  ///< of a source that is a partition
};

struct ShadowPlanning {
  std::optional<ShadowTablePlan> plan;  ///< null where there are refusals
  std::vector<Step> steps;
  Estimate estimate;
  std::vector<Problem> refusals;
};

/// Every refusal is listed, not only the first.
ShadowPlanning plan_shadow_table(const ShadowRequest& request);

/// What remains to be dropped once the operator contracts, in order. Never CASCADE (rule 28).
std::vector<std::string> contract_statements(const ShadowTablePlan& plan);
/// What an abort before the cutover removes, after the triggers are gone.
std::vector<std::string> discard_statements(const ShadowTablePlan& plan);

}  // namespace crossfade::strategies
