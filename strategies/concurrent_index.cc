#include "strategies/concurrent_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "migrations/repoint.h"
#include "migrations/tokens.h"
#include "strategies/partitioned_index.h"
#include "strategies/shadow_shape.h"
#include "strategies/step_list.h"
#include "strategies/validated_constraint.h"

namespace crossfade::strategies {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

constexpr const char* kStrategy = "concurrent index";

/// The index that the statement made on the trial's copy.
const postgres::Index* new_index(const StatementContext& context) {
  if (!context.after) return nullptr;
  for (const postgres::Index& index : context.after->indexes) {
    if (context.table->index(index.name) == nullptr) return &index;
  }
  return nullptr;
}

/// The definition as the server prints it, on the live table, concurrently.
std::string build_statement(const postgres::Index& index, const QualifiedName& table) {
  const auto statements = migrations::parse_statements(index_statement(index, table), index.name, 1);
  return migrations::with_concurrently(statements.front());
}

/// Rows with the same key, named before an index build finds them at its end. Empty where the index compares
/// otherwise than GROUP BY does: the build itself names the key then. OFFSET 0: an expression is evaluated
/// for the rows of the predicate alone, as by the build.
std::string duplicates(const postgres::Index& index, const QualifiedName& table) {
  if (!index.default_operators || !index.default_collations) return "";
  std::string computed;
  std::string keys;
  std::string shown;
  std::string present;
  for (std::size_t number = 1; number <= index.keys.size(); ++number) {
    const std::string& key = index.keys[number - 1];
    const char* comma = number == 1 ? "" : ", ";
    computed += fmt::format("{}({}) AS key_{}", comma, key, number);
    keys += fmt::format("{}key_{}", comma, number);
    shown += fmt::format("{}{} || COALESCE(pg_catalog.left(key_{}::pg_catalog.text, 200), 'NULL')",
                         number == 1 ? "" : " || ', ' || ", postgres::quote_literal(key + " = "), number);
    if (!index.nulls_not_distinct)
      present += fmt::format("{}key_{} IS NOT NULL", number == 1 ? " WHERE " : " AND ", number);
  }
  return fmt::format(
      "SELECT {} || ' (' || pg_catalog.count(*) || ' rows)' AS \"row\" FROM (SELECT {} FROM {}{}{} OFFSET 0) "
      "AS keyed{} GROUP BY {} HAVING pg_catalog.count(*) > 1 LIMIT 5",
      shown, computed, table.quoted(), index.predicate.empty() ? "" : " WHERE ", index.predicate, present,
      keys);
}

void look_for_duplicates(StepList& steps, const postgres::Index& index, const QualifiedName& table) {
  steps.look(table, "look for duplicates under " + index.name, duplicates(index, table),
             "A unique index over duplicates would fail only at the end of its build.");
}

void build(StepList& steps, const postgres::Index& index, const QualifiedName& table) {
  InPlaceStep& step = steps.on(table, "SHARE UPDATE EXCLUSIVE", StepKind::index, "build index " + index.name,
                               {build_statement(index, table)},
                               "Writers go on while it is built; it waits for transactions that are older.");
  step.index = index.name;
  step.undo = {"DROP INDEX CONCURRENTLY IF EXISTS " + QualifiedName{table.schema, index.name}.quoted()};
}

/// The trial is in a schema of its own, where the name is free.
bool name_is_taken(const StatementContext& context, const std::string& name) {
  return context.names.relations.contains(name) && !context.invalid_indexes.contains(name);
}

Problem name_taken(const StatementContext& context, const std::string& name) {
  return {.code = "name-taken",
          .object = context.where(),
          .message = fmt::format("there is another relation {}.{} already", context.table->name.schema, name),
          .expected = "a free name for the index",
          .found = context.statement.text.substr(0, 120),
          .next = "Choose another name."};
}

Problem no_trial(const StatementContext& context) {
  return {.code = "unsupported-statement",
          .object = context.where(),
          .message = "the index cannot be tried on an empty copy of its table",
          .expected = "an index on a table that crossfade can copy the shape of",
          .found = context.statement.text.substr(0, 120),
          .next = "Run the statement by hand, with CONCURRENTLY, and stamp the revision."};
}

/// PostgreSQL keeps a unique index of a partitioned table partition by partition.
std::optional<Problem> lacks_partition_key(const StatementContext& context, const postgres::Index& index) {
  for (const std::string& column : context.partition_key) {
    if (std::find(index.key_columns.begin(), index.key_columns.end(), column) != index.key_columns.end())
      continue;
    return Problem{.code = "statement-fails",
                   .object = context.where(),
                   .message = fmt::format("a unique index of the partitioned table {} must include {}",
                                          context.table->name.display(), column),
                   .expected = "all columns that the table is partitioned by",
                   .found = context.statement.text.substr(0, 120),
                   .next = "Add the column to the key."};
  }
  return std::nullopt;
}

}  // namespace

InPlaceSteps plan_create_index(const StatementContext& context) {
  InPlaceSteps result;
  const postgres::Index* index = new_index(context);
  if (index == nullptr && context.statement.if_exists &&
      context.table->index(context.statement.index) != nullptr) {
    // IF NOT EXISTS, and it is there with this definition: planning has compared.
    StepList steps(context, kStrategy, "36");
    steps.add(StepKind::plain, "index " + context.statement.index + " is there already", {},
              "The table has this index; nothing is to be done.");
    result.steps = steps.take();
    return result;
  }
  if (index == nullptr) {
    result.refusals.push_back(no_trial(context));
    return result;
  }
  postgres::Index named = *index;
  if (named.unique) {
    if (auto problem = lacks_partition_key(context, named)) return {.refusals = {std::move(*problem)}};
  }
  if (name_is_taken(context, named.name)) {
    if (!context.statement.index.empty()) return {.refusals = {name_taken(context, named.name)}};
    named.name =
        chosen_name(context.table->name.name, joined(named.attributes), "idx", context.names.relations);
    named.definition = with_index_name(named.definition, named.name);
  }
  StepList steps(context, kStrategy, context.statement.unique ? "44" : "36");
  if (named.unique) look_for_duplicates(steps, named, context.table->name);
  if (!context.facts.target_partitioned) build(steps, named, context.table->name);
  result.steps = steps.take();
  if (context.facts.target_partitioned) append(result, plan_partitioned_index(context, named));
  return result;
}

InPlaceSteps plan_drop_index(const StatementContext& context) {
  InPlaceSteps result;
  if (!context.index_constraint.empty()) {
    result.refusals.push_back({.code = "has-dependents",
                               .object = context.where(),
                               .message = "the index belongs to the constraint " + context.index_constraint,
                               .expected = "an index that no constraint needs",
                               .found = context.statement.text.substr(0, 120),
                               .next = fmt::format("Drop the constraint: ALTER TABLE {} DROP CONSTRAINT {}.",
                                                   context.table ? context.table->name.quoted() : "…",
                                                   quote_identifier(context.index_constraint))});
    return result;
  }
  StepList steps(context, kStrategy, "41");
  for (const migrations::TableReference& index : context.statement.objects) {
    const std::string name = index.quoted();
    if (context.facts.target_partitioned) {
      steps.on(context.table->name, "ACCESS EXCLUSIVE", StepKind::locked, "drop index " + index.display(),
               {"DROP INDEX " + name},
               "A partitioned index cannot be dropped concurrently; catalog changes only.");
      continue;
    }
    // May be repeated after a crash, which IF EXISTS makes harmless.
    InPlaceStep& step = steps.add(StepKind::autocommit, "drop index " + index.display(),
                                  {"DROP INDEX CONCURRENTLY IF EXISTS " + name},
                                  "Waits for transactions that still use it, and nobody waits for that.");
    if (context.table) step.locks.push_back({context.table->name.display(), "SHARE UPDATE EXCLUSIVE"});
  }
  result.steps = steps.take();
  return result;
}

InPlaceSteps plan_reindex(const StatementContext& context) {
  StepList steps(context, kStrategy, "43");
  InPlaceStep& step =
      steps.add(StepKind::autocommit, "reindex", {migrations::with_concurrently(context.statement)},
                "Builds the new index beside the old one; writers go on.");
  if (context.table) {
    step.relation = context.table->name;
    step.locks.push_back({context.table->name.display(), "SHARE UPDATE EXCLUSIVE"});
  }
  return {.steps = steps.take()};
}

InPlaceSteps plan_unique(const StatementContext& context, const postgres::Constraint& constraint) {
  InPlaceSteps result;
  const postgres::Index* index = context.after ? context.after->index(constraint.name) : nullptr;
  if (index == nullptr) {
    result.refusals.push_back(no_trial(context));
    return result;
  }
  if (name_is_taken(context, index->name)) return {.refusals = {name_taken(context, index->name)}};
  if (auto problem = lacks_partition_key(context, *index)) return {.refusals = {std::move(*problem)}};
  const bool primary = constraint.type == "p";
  if (primary) {
    for (const std::string& column : index->key_columns) {
      const postgres::Column* found = context.table->column(column);
      if (found == nullptr || !found->not_null) append(result, plan_not_null(context, column));
    }
  }
  const std::string hazard = primary ? "33" : "32";
  StepList steps(context, "unique constraint over an index", hazard);
  look_for_duplicates(steps, *index, context.table->name);
  if (context.facts.target_partitioned) {
    append(result, {.steps = steps.take()});
    append(result, plan_partitioned_constraint(context, *index, constraint));
    return result;
  }
  build(steps, *index, context.table->name);
  InPlaceStep& add =
      steps.on(context.table->name, "ACCESS EXCLUSIVE", StepKind::locked, "add constraint " + constraint.name,
               {constraint_using_index(*context.after, *index, context.table->name)},
               "The index is there, so this is a change of the catalog.");
  add.undo = {
      alter_table(context.table->name, "DROP CONSTRAINT IF EXISTS " + quote_identifier(constraint.name))};
  append(result, {.steps = steps.take()});
  return result;
}

}  // namespace crossfade::strategies
