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
#include "strategies/shadow_shape.h"
#include "strategies/shadow_steps.h"
#include "strategies/transform.h"

namespace crossfade::strategies {

namespace {

using postgres::Column;
using postgres::Constraint;
using postgres::Index;
using postgres::QualifiedName;
using postgres::quote_identifier;
using postgres::quote_literal;

void append(std::vector<std::string>& to, std::vector<std::string> from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// A name for an object of our own beside the shadow, whose relations already have theirs.
QualifiedName free_name(const ShadowTablePlan& plan, std::string name) {
  const std::set<std::string> taken = own_names(plan);
  while (taken.contains(name)) name += "_";
  return {plan.run_schema, name};
}

bool not_valid_check(const Constraint& constraint) {
  return constraint.type == "c" && !constraint.validated;
}

bool deferrable(const ShadowTablePlan& plan, const Index& index) {
  const Constraint* constraint =
      index.constraint_name ? find_constraint(plan.target, *index.constraint_name) : nullptr;
  return constraint != nullptr && constraint->deferrable;
}

void plan_set_aside(ShadowTablePlan& plan) {
  const std::string table = plan.shadow.quoted();
  for (const Constraint& constraint : plan.target.constraints) {
    if (constraint.type == "p" || constraint.type == "u" || constraint.type == "x" ||
        not_valid_check(constraint)) {
      plan.set_aside.push_back(
          fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", table, quote_identifier(constraint.name)));
    }
  }
  for (const Index& index : plan.target.indexes) {
    if (!index.constraint_name)
      plan.set_aside.push_back("DROP INDEX " + QualifiedName{plan.run_schema, index.name}.quoted());
  }
  // Nothing is filtered on its way in; it is on again at the swap.
  if (plan.target.row_security || plan.target.row_security_forced) {
    plan.set_aside.push_back(
        fmt::format("ALTER TABLE {} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", table));
  }
  // Autovacuum would hold locks that the build needs; it is on again before the cutover (rule 15).
  plan.set_aside.push_back(fmt::format(
      "ALTER TABLE {} SET (autovacuum_enabled = false, toast.autovacuum_enabled = false)", table));
  // A publication of all tables would refuse the deletes of purge and replay without one.
  plan.set_aside.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table));
  append(plan.set_aside, guard_statements(plan, plan.run_schema, plan.shadow, true));
}

void plan_indexes(ShadowTablePlan& plan, const std::set<std::string>& staying) {
  std::vector<std::string> key;
  for (const KeyMapping& column : plan.key) key.push_back(column.shadow_name);
  std::sort(key.begin(), key.end());
  bool have_key = false;
  for (const Index& index : plan.target.indexes) {
    std::vector<std::string> columns = index.key_columns;
    std::sort(columns.begin(), columns.end());
    const bool serves = !have_key && index.unique && !index.exclusion && !index.partial &&
                        !index.expressions && index.default_operators && index.default_collations &&
                        columns == key;
    have_key = have_key || serves;
    // The rehearsed index stands in the default tablespace: an index's definition does not name its own.
    const Index* original = plan.source.index(index.name);
    plan.indexes.push_back({.name = index.name,
                            .sql = index.exclusion ? exclusion_statement(plan.target, index, plan.shadow)
                                                   : index_statement(index, plan.shadow),
                            .tablespace = original != nullptr ? original->tablespace : index.tablespace,
                            .unique = index.unique,
                            .replay_key = serves});
  }
  if (!have_key) {
    // It is there for a moment after the swap as well, beside those of other tables' runs.
    std::set<std::string> taken = own_names(plan);
    taken.insert(staying.begin(), staying.end());
    const std::string name = first_free_name(fmt::format("crossfade_{}_replay_key", plan.run), taken);
    std::vector<std::string> names;
    for (const KeyMapping& column : plan.key) names.push_back(column.shadow_name);
    plan.indexes.push_back({.name = name,
                            .sql = fmt::format("CREATE UNIQUE INDEX {} ON {} ({})", quote_identifier(name),
                                               plan.shadow.quoted(), postgres::quote_identifiers(names)),
                            .unique = true,
                            .replay_key = true,
                            .temporary = true});
  }
  std::stable_partition(plan.indexes.begin(), plan.indexes.end(),
                        [](const IndexBuild& index) { return index.replay_key; });
}

/// Off during the build, it goes back to what is wanted, and to its place among the other options.
void autovacuum_as_wanted(ShadowTablePlan& plan, const std::vector<std::string>& options,
                          std::string_view prefix) {
  const bool wanted = std::any_of(options.begin(), options.end(), [](const std::string& option) {
    return option.starts_with("autovacuum_enabled=");
  });
  std::string names = fmt::format("{}autovacuum_enabled", prefix);
  if (wanted) {
    names.clear();
    for (const std::string& option : options)
      names += fmt::format("{}{}{}", names.empty() ? "" : ", ", prefix, option.substr(0, option.find('=')));
  }
  plan.finish.push_back(fmt::format("ALTER TABLE {} RESET ({})", plan.shadow.quoted(), names));
  if (wanted) {
    plan.finish.push_back(
        fmt::format("ALTER TABLE {} SET ({})", plan.shadow.quoted(), option_list(options, prefix)));
  }
}

void plan_finish(ShadowTablePlan& plan) {
  const std::string table = plan.shadow.quoted();
  for (const Index& index : plan.target.indexes) {
    if (index.constraint_name && !index.exclusion && !deferrable(plan, index)) {
      plan.finish.push_back(constraint_using_index(plan.target, index, plan.shadow));
    }
  }
  for (const Index& index : plan.target.indexes) {
    const QualifiedName name{plan.run_schema, index.name};
    if (index.comment)
      plan.finish.push_back(
          fmt::format("COMMENT ON INDEX {} IS {}", name.quoted(), quote_literal(*index.comment)));
    for (const std::string& target : index.statistics_targets) {
      const auto equals = target.find('=');
      plan.finish.push_back(fmt::format("ALTER INDEX {} ALTER COLUMN {} SET STATISTICS {}", name.quoted(),
                                        target.substr(0, equals), target.substr(equals + 1)));
    }
    if (index.clustered)
      plan.finish.push_back(fmt::format("ALTER TABLE {} CLUSTER ON {}", table, quote_identifier(index.name)));
    if (index.replica_identity && !deferrable(plan, index)) {
      plan.at_swap.push_back(
          fmt::format("ALTER TABLE {} REPLICA IDENTITY USING INDEX {}", table, quote_identifier(index.name)));
    }
  }
  autovacuum_as_wanted(plan, plan.target.options, "");
  autovacuum_as_wanted(plan, plan.target.toast_options, "toast.");

  // ON CONFLICT cannot use a deferrable index as its arbiter (rule 17), and a NOT VALID check would refuse
  // rows that the source still holds: both wait until nothing more is replayed.
  for (const Index& index : plan.target.indexes) {
    if (deferrable(plan, index))
      plan.at_swap.push_back(constraint_using_index(plan.target, index, plan.shadow));
  }
  for (const Constraint& constraint : plan.target.constraints) {
    if (not_valid_check(constraint)) {
      plan.at_swap.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} {}", table,
                                         quote_identifier(constraint.name), constraint.definition));
    }
    const Index* index = plan.target.index(constraint.name);
    const bool late = not_valid_check(constraint) || (index != nullptr && deferrable(plan, *index));
    if (constraint.comment) {
      (late ? plan.at_swap : plan.finish)
          .push_back(fmt::format("COMMENT ON CONSTRAINT {} ON {} IS {}", quote_identifier(constraint.name),
                                 table, quote_literal(*constraint.comment)));
    }
  }
  if (plan.target.replica_identity == "d")
    plan.at_swap.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY DEFAULT", table));
  if (plan.target.replica_identity == "n")
    plan.at_swap.push_back(fmt::format("ALTER TABLE {} REPLICA IDENTITY NOTHING", table));
  append(plan.at_swap, drop_guard_statements(plan, plan.shadow));
  if (plan.target.row_security)
    plan.at_swap.push_back(fmt::format("ALTER TABLE {} ENABLE ROW LEVEL SECURITY", table));
  if (plan.target.row_security_forced)
    plan.at_swap.push_back(fmt::format("ALTER TABLE {} FORCE ROW LEVEL SECURITY", table));
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
  plan.swap.push_back(fmt::format("ALTER TABLE {} SET SCHEMA {}", plan.source.name.quoted(),
                                  quote_identifier(plan.old_schema)));
  plan.swap.push_back(fmt::format("ALTER TABLE {} SET SCHEMA {}", plan.shadow.quoted(),
                                  quote_identifier(plan.source.name.schema)));
  for (const SequenceMove& move : plan.sequences) {
    if (move.kind == "serial") {
      plan.swap.push_back(fmt::format("ALTER SEQUENCE {} OWNED BY {}.{}", move.source.quoted(),
                                      plan.source.name.quoted(), quote_identifier(move.shadow_column)));
    }
  }
  for (const SequenceMove& move : plan.sequences) {
    if (move.kind == "identity") plan.swap.push_back(take_value_over(plan, move));
  }
  append(plan.swap, guard_statements(plan, plan.old_schema, {plan.old_schema, plan.source.name.name}, false));
}

ShadowTablePlan assemble(const ShadowRequest& request, KeyChoice key, ColumnMapping mapping) {
  const ShapeRehearsal& rehearsal = *request.rehearsal;
  ShadowTablePlan plan;
  plan.run = request.run;
  plan.source = rehearsal.source;
  plan.target = rehearsal.target();
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
  append(plan.create, shape_statements(plan.source, plan.shadow));
  for (const migrations::Statement& statement : *request.statements) {
    plan.create.push_back(migrations::with_relation(statement, plan.shadow));
  }
  plan_sequences(plan);
  rename_new_sequences(plan, staying);
  append(plan.create, log_statements(plan));
  if (plan.source.persistence == "u" || plan.target.persistence == "u") {
    plan.sentinel = free_name(plan, "crossfade_sentinel");
    plan.create.push_back(
        fmt::format("CREATE UNLOGGED TABLE {} AS SELECT true AS alive", plan.sentinel->quoted()));
  }
  plan_set_aside(plan);
  plan.capture = capture_statements(plan);
  plan.uncapture = disarm_statements(plan);
  append(plan.uncapture, drop_trigger_statements(plan));
  plan_indexes(plan, staying);
  plan_finish(plan);
  plan_swap(plan, *request.file);
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
  for (const Index& index : request.rehearsal->target().indexes) {
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
