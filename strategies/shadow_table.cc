#include "strategies/shadow_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "migrations/repoint.h"
#include "strategies/capture_statements.h"
#include "strategies/carried_objects.h"
#include "strategies/carried_problems.h"
#include "strategies/column_mapping.h"
#include "strategies/grants.h"
#include "strategies/key_selection.h"
#include "strategies/name_collisions.h"
#include "strategies/sequence_moves.h"
#include "strategies/shadow_build.h"
#include "strategies/shadow_shape.h"
#include "strategies/shadow_steps.h"
#include "strategies/table_tree.h"
#include "strategies/transform.h"

namespace crossfade::strategies {

namespace {

using postgres::Column;
using postgres::QualifiedName;
using postgres::quote_identifier;

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// A name for an object of our own beside the shadow, whose relations already have theirs.
QualifiedName free_name(const ShadowTablePlan& plan, std::string name) {
  const std::set<std::string> taken = own_names(plan);
  while (taken.contains(name)) name += "_";
  return {plan.run_schema, name};
}

void plan_swap(ShadowTablePlan& plan, const migrations::MigrationFile& file) {
  for (const SequenceMove& move : plan.sequences) {
    if (move.kind != "serial") continue;
    plan.swap.push_back("ALTER SEQUENCE " + move.source.quoted() + " OWNED BY NONE");
    for (const migrations::Directive& directive : file.directives) {
      if (directive.name == "sequence")
        plan.swap.push_back("ALTER SEQUENCE " + move.source.quoted() + " " + directive.argument);
    }
  }
  std::vector<QualifiedName> old;
  for (const postgres::Table* table : source_tables(plan)) {
    plan.swap.push_back(
        fmt::format("ALTER TABLE {} SET SCHEMA {}", table->name.quoted(), quote_identifier(plan.old_schema)));
    old.push_back(old_name(plan, *table));
  }
  for (const ShadowTable& table : shadow_tables(plan)) {
    plan.swap.push_back(fmt::format("ALTER TABLE {} SET SCHEMA {}", table.shadow.quoted(),
                                    quote_identifier(table.home.schema)));
  }
  for (const SequenceMove& move : plan.sequences) {
    if (move.kind == "serial") {
      plan.swap.push_back(fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", move.source.quoted(),
                                      plan.source.name.quoted(), quote_identifier(move.shadow_column)));
    }
  }
  for (const SequenceMove& move : plan.sequences) {
    if (move.kind == "identity") plan.swap.push_back(take_value_over(plan, move));
  }
  append(plan.swap, guard_statements(plan, plan.old_schema, old, false));
}

ShadowTablePlan assemble(const ShadowRequest& request, KeyChoice key, ColumnMapping mapping) {
  const ShapeRehearsal& rehearsal = *request.rehearsal;
  ShadowTablePlan plan;
  plan.run = request.run;
  plan.source = rehearsal.source;
  plan.target = rehearsal.target();
  plan.source_partitions = rehearsal.source_partitions;
  plan.target_partitions = rehearsal.target_partitions;
  plan.run_schema = run_schema_name(request.run);
  plan.old_schema = old_schema_name(request.run);
  plan.shadow = {plan.run_schema, plan.source.name.name};
  plan.key = std::move(key.key);
  plan.layers = std::move(mapping.layers);
  plan.not_compared = std::move(mapping.not_compared);
  plan.log = free_name(plan, "crossfade_log");
  plan.truncations = free_name(plan, "crossfade_truncations");
  for (std::size_t position = 0; position < rehearsal.source.columns.size(); ++position) {
    const Column* target = plan.target.column_number(rehearsal.initial.columns[position].number);
    if (target != nullptr)
      plan.carried_columns.emplace_back(rehearsal.source.columns[position].name, target->name);
  }
  const std::set<std::string> staying = staying_relations(plan, request.names);
  plan.binary_copy = std::all_of(plan.target.columns.begin(), plan.target.columns.end(),
                                 [](const Column& column) { return column.has_binary_format; });

  plan.create.push_back("CREATE SCHEMA " + quote_identifier(plan.run_schema));
  plan.create.push_back("CREATE SCHEMA " + quote_identifier(plan.old_schema));
  // So that the owner can contract what a member of its role has run.
  plan.create.push_back(fmt::format("GRANT USAGE, CREATE ON SCHEMA {} TO {}",
                                    quote_identifier(plan.old_schema), quote_identifier(plan.source.owner)));
  append(plan.create, plan.source.kind == "p"
                          ? partitioned_shape_statements(plan.source, plan.source_partitions, plan.shadow)
                          : shape_statements(plan.source, plan.shadow));
  for (const migrations::Statement& statement : *request.statements) {
    plan.create.push_back(migrations::with_relation(statement, plan.shadow));
  }
  append(plan.create, rehearsal.partitioning);
  plan_sequences(plan);
  rename_new_sequences(plan, staying);
  append(plan.create, log_statements(plan));
  const std::vector<ShadowTable> tables = shadow_tables(plan);
  const bool unlogged = std::any_of(tables.begin(), tables.end(), [](const ShadowTable& table) {
    return table.target->persistence == "u" || (table.source != nullptr && table.source->persistence == "u");
  });
  if (unlogged) {
    plan.sentinel = free_name(plan, "crossfade_sentinel");
    plan.create.push_back(
        fmt::format("CREATE UNLOGGED TABLE {} AS SELECT true AS alive", plan.sentinel->quoted()));
  }
  plan.capture = capture_statements(plan);
  plan.uncapture = disarm_statements(plan);
  append(plan.uncapture, drop_trigger_statements(plan));
  plan_build(plan, staying);
  plan_swap(plan, *request.file);
  if (plan.source.partition_of) plan_one_partition(plan, request.place);
  for (const migrations::Directive& directive : request.file->directives) {
    if (directive.name == "allow") plan.allowed.push_back(directive.argument);
  }
  plan.carried = carry_objects({&plan, &plan.source, &request.dependents, request.views});
  return plan;
}

}  // namespace

std::string run_schema_name(std::int64_t run) {
  return fmt::format("crossfade_{}", run);
}
std::string old_schema_name(std::int64_t run) {
  return fmt::format("crossfade_{}_old", run);
}

ShadowPlanning plan_shadow_table(const ShadowRequest& request) {
  ShadowPlanning result;
  const std::string table = request.rehearsal->source.name.display();
  for (const postgres::Index& index : request.rehearsal->target().indexes) {
    if (!index.exclusion || index.immediate) continue;
    result.refusals.push_back({.code = "exclusion-constraint",
                               .object = table,
                               .message = "the exclusion constraint " +
                                          index.constraint_name.value_or(index.name) +
                                          " is deferrable, and rows cannot be replayed against such a one",
                               .expected = "an exclusion constraint that is checked at once",
                               .found = index.definition,
                               .next = "Make it not deferrable for the time of the run."});
  }
  if (request.rehearsal->source.partition_of)
    result.refusals = one_partition_refusals(request.rehearsal->source, request.place);
  KeyChoice key = choose_key(*request.rehearsal);
  ColumnMapping mapping = map_columns(*request.rehearsal);
  result.refusals.insert(result.refusals.end(), key.refusals.begin(), key.refusals.end());
  result.refusals.insert(result.refusals.end(), mapping.refusals.begin(), mapping.refusals.end());
  if (!result.refusals.empty()) return result;
  ShadowTablePlan plan = assemble(request, std::move(key), std::move(mapping));
  for (std::vector<Problem> found : {name_collisions(plan, request.names), reserved_columns(plan),
                                     cannot_carry(request.dependents, plan, request.server_version)}) {
    result.refusals.insert(result.refusals.end(), std::make_move_iterator(found.begin()),
                           std::make_move_iterator(found.end()));
  }
  if (!result.refusals.empty()) return result;
  result.plan = std::move(plan);
  result.steps = shadow_steps(*result.plan);
  result.estimate = shadow_estimate(*result.plan);
  return result;
}

std::vector<std::string> contract_statements(const ShadowTablePlan& plan) {
  std::vector<std::string> out = {
      "DROP TABLE IF EXISTS " + QualifiedName{plan.old_schema, plan.source.name.name}.quoted(),
      "DROP FUNCTION IF EXISTS " + quote_identifier(plan.old_schema) + ".crossfade_guard()"};
  out.push_back("DROP SCHEMA IF EXISTS " + quote_identifier(plan.old_schema));
  append(out, discard_statements(plan));
  return out;
}

std::vector<std::string> discard_statements(const ShadowTablePlan& plan) {
  std::vector<std::string> out;
  for (const QualifiedName& name : {plan.shadow, plan.log, plan.truncations}) {
    out.push_back("DROP TABLE IF EXISTS " + name.quoted());
  }
  if (plan.sentinel) out.push_back("DROP TABLE IF EXISTS " + plan.sentinel->quoted());
  for (const std::string_view function :
       {"crossfade_capture_insert", "crossfade_capture_update", "crossfade_capture_delete",
        "crossfade_capture_truncate", "crossfade_guard"}) {
    out.push_back(
        fmt::format("DROP FUNCTION IF EXISTS {}.{}()", quote_identifier(plan.run_schema), function));
  }
  out.push_back("DROP SCHEMA IF EXISTS " + quote_identifier(plan.run_schema));
  out.push_back("DROP SCHEMA IF EXISTS " + quote_identifier(plan.old_schema));
  return out;
}

}  // namespace crossfade::strategies
