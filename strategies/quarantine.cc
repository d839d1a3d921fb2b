#include "strategies/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "strategies/emptied_table.h"
#include "strategies/shadow_table.h"
#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;

constexpr const char* kStrategy = "quarantine";

Problem approval(const StatementContext& context, const std::string& what, const std::string& until) {
  return {.code = "approval-needed",
          .object = context.where(),
          .message = what,
          .expected = "an operator's approval",
          .found = context.statement.text.substr(0, 120),
          .next = fmt::format("`crossfade approve {}`, or `--approve`. {}", context.file->revision, until)};
}

Problem depended_upon(const StatementContext& context, const std::string& object) {
  std::string list;
  for (const std::string& dependent : context.dependents) list += (list.empty() ? "" : "; ") + dependent;
  return {.code = "has-dependents",
          .object = context.where(),
          .message = object + " is used by other objects",
          .expected = "nothing that depends on it; CASCADE is never used",
          .found = list,
          .next = "Drop or change these objects first, in a statement of their own."};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<const postgres::Constraint*> foreign_keys(const postgres::Table& table) {
  std::vector<const postgres::Constraint*> out;
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type == "f") out.push_back(&constraint);
  }
  return out;
}

/// The table that it is a partition of, or inherits from.
bool is_above(const StatementContext& context, const postgres::Table& table, const QualifiedName& parent) {
  const auto found = context.parents.find(table.oid);
  return found != context.parents.end() && found->second.name == parent;
}

std::vector<QualifiedName> refers_to(const StatementContext& context, const postgres::Table& table) {
  const auto found = context.dropped_refer_to.find(table.oid);
  return found == context.dropped_refer_to.end() ? std::vector<QualifiedName>{} : found->second;
}

/// A table before those that it refers to and is a part of, so that they are there again when it comes back.
/// Shorter than the statement's where tables refer to one another in a circle.
std::vector<const postgres::Table*> in_order_of_keys(const StatementContext& context) {
  std::vector<const postgres::Table*> left;
  for (const postgres::Table& table : context.objects) left.push_back(&table);
  std::vector<const postgres::Table*> out;
  for (;;) {
    const auto next = std::find_if(left.begin(), left.end(), [&](const postgres::Table* table) {
      return std::none_of(left.begin(), left.end(), [&](const postgres::Table* other) {
        const std::vector<QualifiedName> referred = refers_to(context, *other);
        return other != table && (is_above(context, *other, table->name) ||
                                  std::find(referred.begin(), referred.end(), table->name) != referred.end());
      });
    });
    if (next == left.end()) return out;
    out.push_back(*next);
    left.erase(next);
  }
}

void set_table_aside(const StatementContext& context, const postgres::Table& table, InPlaceSteps& result) {
  StepList steps(context, kStrategy, "65");
  const std::string schema = quarantine_schema_name(context.run);
  const QualifiedName aside{schema, table.name.name};
  std::vector<std::string> sql = {"CREATE SCHEMA IF NOT EXISTS " + quote_identifier(schema)};
  std::vector<std::string> undo = {
      fmt::format("ALTER TABLE {} SET SCHEMA {}", aside.quoted(), quote_identifier(table.name.schema))};
  // Attached, it would go on giving its rows to the parent, and taking the parent's new ones.
  const auto parent = context.parents.find(table.oid);
  if (parent != context.parents.end()) {
    const TableParent& above = parent->second;
    const bool partition = !above.bound.empty();
    sql.push_back(partition ? alter_table(above.name, "DETACH PARTITION " + table.name.quoted())
                            : alter_table(table.name, "NO INHERIT " + above.name.quoted()));
    undo.push_back(partition ? alter_table(above.name, fmt::format("ATTACH PARTITION {} {}",
                                                                   table.name.quoted(), above.bound))
                             : alter_table(table.name, "INHERIT " + above.name.quoted()));
  }
  const auto below = context.dropped_partitions.find(table.oid);
  if (below != context.dropped_partitions.end()) {
    for (const QualifiedName& partition : below->second) {
      const QualifiedName kept{schema, partition.name};
      sql.push_back(alter_table(partition, "SET SCHEMA " + quote_identifier(schema)));
      undo.push_back(alter_table(kept, "SET SCHEMA " + quote_identifier(partition.schema)));
    }
  }
  // As in a schema of its own: kept rows must not hold up deletes in the tables that they refer to.
  for (const postgres::Constraint* key : foreign_keys(table)) {
    sql.push_back(alter_table(table.name, "DROP CONSTRAINT " + quote_identifier(key->name)));
    if (parent != context.parents.end() && contains(parent->second.foreign_keys, key->name)) continue;
    // Before PostgreSQL 18 a partitioned table knows no NOT VALID foreign key.
    undo.push_back(alter_table(
        table.name, fmt::format("ADD CONSTRAINT {} {}{}", quote_identifier(key->name), key->definition,
                                table.kind == "p" && context.server_version < 180000 ? "" : " NOT VALID")));
  }
  sql.push_back(fmt::format("ALTER TABLE {} SET SCHEMA {}", table.name.quoted(), quote_identifier(schema)));
  InPlaceStep& step = steps.on(table.name, "ACCESS EXCLUSIVE", StepKind::locked,
                               "set table " + table.name.display() + " aside", std::move(sql),
                               "Moves it out of sight with all of its rows; `contract` drops it.");
  std::string others;
  const auto lock_too = [&](const QualifiedName& other, std::string_view only) {
    others += fmt::format("{}{}{}", others.empty() ? "" : ", ", only, other.quoted());
    step.locks.push_back({other.display(), "ACCESS EXCLUSIVE"});
  };
  // ONLY: the parent's other partitions are nobody's business here.
  if (parent != context.parents.end()) lock_too(parent->second.name, "ONLY ");
  for (const QualifiedName& other : refers_to(context, table)) lock_too(other, "");
  if (!others.empty()) step.lock_first = fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;", others);
  step.undo = std::move(undo);
  step.kept = aside;
  // The schema may hold other tables of the run; the run's end drops it.
  step.contract = {"DROP TABLE IF EXISTS " + aside.quoted()};
  append(result, {.steps = steps.take()});
}

/// Constraints that a plain DROP COLUMN would drop with it.
std::vector<const postgres::Constraint*> constraints_over(const postgres::Table& table,
                                                          const std::string& column) {
  std::vector<const postgres::Constraint*> out;
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type == "n") continue;
    if (std::find(constraint.columns.begin(), constraint.columns.end(), column) != constraint.columns.end())
      out.push_back(&constraint);
  }
  return out;
}

/// The same word that silences lint.
bool allows_loss(const migrations::MigrationFile& file) {
  return std::any_of(file.directives.begin(), file.directives.end(),
                     [](const migrations::Directive& directive) {
                       return directive.name == "allow" && directive.argument == "truncate";
                     });
}

}  // namespace

std::string quarantine_schema_name(std::int64_t run) {
  return old_schema_name(run);
}

InPlaceSteps plan_drop_table(const StatementContext& context) {
  InPlaceSteps result;
  if (!context.dependents.empty()) {
    result.refusals.push_back(depended_upon(context, "what is dropped"));
    return result;
  }
  std::set<std::string> names;
  for (const postgres::Table& table : context.objects) {
    if (names.insert(table.name.name).second) continue;
    return {.refusals = {{.code = "name-taken",
                          .object = context.where(),
                          .message = "two tables are called " + table.name.name +
                                     ", and those that are dropped together are kept in one schema",
                          .expected = "tables of different names",
                          .found = context.statement.text.substr(0, 120),
                          .next = "Drop one of them in a revision of its own."}}};
  }
  const std::vector<const postgres::Table*> tables = in_order_of_keys(context);
  if (tables.size() < context.objects.size()) {
    return {.refusals = {{.code = "has-dependents",
                          .object = context.where(),
                          .message = "the tables refer to one another in a circle, and are kept one by one",
                          .expected = "foreign keys that lead from one table to the next",
                          .found = context.statement.text.substr(0, 120),
                          .next = "Drop one of the foreign keys first, in a statement of its own."}}};
  }
  for (const postgres::Table* table : tables) {
    set_table_aside(context, *table, result);
    result.approvals.push_back(approval(context, "drops the table " + table->name.display() + " and its rows",
                                        "Until `contract` the table is kept aside."));
  }
  return result;
}

InPlaceSteps plan_drop_column(const StatementContext& context) {
  InPlaceSteps result;
  const postgres::Table& table = *context.table;
  const std::string& name = context.statement.commands.front().name;
  const postgres::Column* column = table.column(name);
  if (column == nullptr) {
    StepList none(context, kStrategy, "11");
    none.add(StepKind::plain, "column " + name + " is gone already", {},
             "IF EXISTS: there is nothing to drop.");
    result.steps = none.take();
    return result;
  }
  if (!context.dependents.empty()) {
    result.refusals.push_back(depended_upon(context, "column " + name + " of " + table.name.display()));
    return result;
  }
  const std::string aside =
      first_free_name(fmt::format("crossfade_{}_{}_dropped", context.run, context.number), {});
  std::vector<std::string> sql;
  std::vector<std::string> back;
  for (const postgres::Constraint* constraint : constraints_over(table, name)) {
    // A foreign key may have gone by an earlier command of the same statement.
    const bool key = constraint->type == "f";
    const bool not_valid =
        (key || constraint->type == "c") && !constraint->definition.ends_with(" NOT VALID");
    sql.push_back(alter_table(table.name, fmt::format("DROP CONSTRAINT {}{}", key ? "IF EXISTS " : "",
                                                      quote_identifier(constraint->name))));
    back.push_back(
        alter_table(table.name, fmt::format("ADD CONSTRAINT {} {}{}", quote_identifier(constraint->name),
                                            constraint->definition, not_valid ? " NOT VALID" : "")));
  }
  const std::string alter = "ALTER COLUMN " + quote_identifier(name) + " ";
  // What gives new rows a value stays, so that the column can come back as it was after any number of them.
  const bool supplied =
      !column->identity.empty() || !column->generated.empty() || column->default_expression.has_value();
  if (column->not_null && !supplied) sql.push_back(alter_table(table.name, alter + "DROP NOT NULL"));
  sql.push_back(alter_table(
      table.name, fmt::format("RENAME COLUMN {} TO {}", quote_identifier(name), quote_identifier(aside))));
  back.insert(back.begin(),
              alter_table(table.name, fmt::format("RENAME COLUMN {} TO {}", quote_identifier(aside),
                                                  quote_identifier(name))));
  StepList steps(context, kStrategy, "11");
  InPlaceStep& step = steps.on(
      table.name, "ACCESS EXCLUSIVE", StepKind::locked, "set column " + name + " aside", std::move(sql),
      "Renamed, and new rows need no value for it; `contract` drops it with its values.");
  std::string others;
  for (const QualifiedName& other : context.foreign_keys_to) {
    others += (others.empty() ? "" : ", ") + other.quoted();
    step.locks.push_back({other.display(), "ACCESS EXCLUSIVE"});
  }
  if (!others.empty()) step.lock_first = fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;", others);
  step.undo = std::move(back);
  step.kept = table.name;
  step.contract = {alter_table(table.name, "DROP COLUMN IF EXISTS " + quote_identifier(aside))};
  result.steps = steps.take();
  result.approvals.push_back(
      approval(context, fmt::format("drops the column {} of {} and its values", name, table.name.display()),
               "Until `contract` the values are kept under another name."));
  return result;
}

InPlaceSteps plan_truncate(const StatementContext& context) {
  if (context.objects.empty()) return {};
  std::string tables;
  std::string quoted;
  for (const postgres::Table& table : context.objects) {
    tables += (tables.empty() ? "" : ", ") + table.name.display();
    quoted += (quoted.empty() ? "" : ", ") + table.name.quoted();
  }
  if (!context.made_over_objects.empty()) {
    return {.refusals = {{.code = "dependent-made-before",
                          .object = context.where(),
                          .message =
                              "a statement before this one makes something over the table that an empty one "
                              "in its place would lack",
                          .expected = "TRUNCATE first, then what hangs on the table",
                          .found = context.made_over_objects,
                          .next = "Put that statement behind TRUNCATE."}}};
  }
  if (context.not_copied.empty()) {
    InPlaceSteps result = plan_emptied_tables(context);
    result.approvals.push_back(
        approval(context, "removes every row of " + tables, "Until `contract` the rows are kept aside."));
    return result;
  }
  std::string reasons;
  for (const std::string& reason : context.not_copied) reasons += (reasons.empty() ? "" : "; ") + reason;
  InPlaceSteps result;
  if (!allows_loss(*context.file)) {
    result.refusals.push_back(
        {.code = "rows-not-kept",
         .object = context.where(),
         .message = fmt::format("removes every row of {}, and they cannot be kept aside", tables),
         .expected = "a table that an empty one of the same shape can replace",
         .found = reasons,
         .next = "Remove what stands in the way, or write `-- crossfade:allow truncate REASON` into the "
                 "file: the rows are lost then."});
    return result;
  }
  StepList steps(context, "instant DDL", "64");
  InPlaceStep& step = steps.on(context.objects.front().name, "ACCESS EXCLUSIVE", StepKind::locked, "truncate",
                               {context.statement.text},
                               "Empties the files at once; the lock is asked for by short attempts.");
  if (context.objects.size() > 1)
    step.lock_first = fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE;", quoted);
  result.steps = steps.take();
  result.approvals.push_back(
      approval(context, fmt::format("removes every row of {}, and nothing is kept: {}", tables, reasons),
               "It cannot be taken back."));
  return result;
}

InPlaceSteps plan_drop_type(const StatementContext& context) {
  StepList steps(context, kStrategy, "65");
  const std::string schema = quarantine_schema_name(context.run);
  InPlaceSteps result;
  for (const QualifiedName& type : context.types_of_kept) {
    const QualifiedName aside{schema, type.name};
    InPlaceStep& step =
        steps.add(StepKind::plain, "set type " + type.display() + " aside",
                  {"CREATE SCHEMA IF NOT EXISTS " + quote_identifier(schema),
                   fmt::format("ALTER TYPE {} SET SCHEMA {}", type.quoted(), quote_identifier(schema))},
                  "What is kept aside still uses it; `contract` drops it behind that.");
    step.undo = {fmt::format("ALTER TYPE {} SET SCHEMA {}", aside.quoted(), quote_identifier(type.schema))};
    step.contract = {"DROP TYPE IF EXISTS " + aside.quoted()};
    result.approvals.push_back(approval(context, "drops the type " + type.display(),
                                        "Until `contract` it is kept aside with what uses it."));
  }
  result.steps = steps.take();
  return result;
}

}  // namespace crossfade::strategies
