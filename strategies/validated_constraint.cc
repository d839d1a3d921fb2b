#include "strategies/validated_constraint.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;

constexpr const char* kStrategy = "validated constraint";

std::string drop_constraint(const postgres::QualifiedName& table, const std::string& name) {
  return alter_table(table, "DROP CONSTRAINT IF EXISTS " + quote_identifier(name));
}

/// "CHECK ((a > 0)) NO INHERIT" gives "(a > 0)".
std::string checked_expression(const std::string& definition) {
  const std::size_t open = definition.find('(');
  const std::size_t close = definition.rfind(')');
  if (open == std::string::npos || close <= open) return "true";
  return definition.substr(open, close - open + 1);
}

void validate(StepList& steps, const postgres::QualifiedName& table, const std::string& name,
              std::string probe) {
  InPlaceStep& step = steps.on(
      table, "SHARE UPDATE EXCLUSIVE", StepKind::validate, "validate constraint " + name,
      {alter_table(table, "VALIDATE CONSTRAINT " + quote_identifier(name))},
      "Reads every row while the application goes on; in a transaction of its own, so that no strong lock is "
      "held.");
  step.probe = std::move(probe);
}

/// From the moment the constraint is there, NOT VALID or not, the application cannot write a row that breaks
/// it, an old one included. So old rows are looked at first, where only the run fails.
void look_for_violations(StepList& steps, const postgres::QualifiedName& table, const std::string& name,
                         const std::string& probe) {
  steps.look(table, "look for rows that break " + name, probe,
             "With the constraint in place the application could not write such a row any more.");
}

/// PostgreSQL's own choice for a foreign key without a name.
std::string foreign_key_name(const StatementContext& context, const migrations::ConstraintClause& clause) {
  if (!clause.name.empty()) return clause.name;
  return chosen_name(context.table->name.name, joined(clause.columns), "fkey", context.names.constraints);
}

/// The clause without its name: FOREIGN KEY (…) REFERENCES …
std::string nameless(const migrations::ConstraintClause& clause) {
  const std::size_t begin = clause.text.find_first_not_of(" \t\r\n");
  std::string text = clause.text.substr(begin);
  if (clause.name.empty()) return text;
  // CONSTRAINT name in front: everything up to the keyword that names the kind.
  const std::string upper = [&] {
    std::string out = text;
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    return out;
  }();
  for (const std::string_view keyword : {"FOREIGN", "REFERENCES"}) {
    const std::size_t at = upper.find(keyword);
    if (at != std::string::npos) return text.substr(at);
  }
  return text;
}

std::vector<std::string> referenced_columns(const StatementContext& context,
                                            const migrations::ConstraintClause& clause) {
  if (!clause.referenced_columns.empty()) return clause.referenced_columns;
  for (const postgres::Index& index : context.referenced->indexes) {
    if (index.primary) return index.key_columns;
  }
  return {};
}

std::string orphans(const StatementContext& context, const migrations::ConstraintClause& clause,
                    const postgres::Table& child) {
  const std::vector<std::string> parents = referenced_columns(context, clause);
  if (parents.size() != clause.columns.size()) return "";
  std::string present;
  std::string equal;
  for (std::size_t index = 0; index < parents.size(); ++index) {
    const std::string column = child.name.quoted() + "." + quote_identifier(clause.columns[index]);
    present += fmt::format("{} IS NOT NULL AND ", column);
    equal +=
        fmt::format("{}parent.{} = {}", index == 0 ? "" : " AND ", quote_identifier(parents[index]), column);
  }
  return rows_in_the_way(child, fmt::format("{}NOT EXISTS (SELECT 1 FROM {} AS parent WHERE {})", present,
                                            context.referenced->name.quoted(), equal));
}

bool has_index_on(const postgres::Table& table, const std::vector<std::string>& columns) {
  return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const postgres::Index& index) {
    if (index.partial || index.key_columns.size() < columns.size()) return false;
    std::vector<std::string> first(index.key_columns.begin(),
                                   index.key_columns.begin() + static_cast<std::ptrdiff_t>(columns.size()));
    return std::is_permutation(first.begin(), first.end(), columns.begin(), columns.end());
  });
}

void announce(const StatementContext& context, const migrations::ConstraintClause& clause,
              InPlaceSteps& result) {
  if (!has_index_on(*context.table, clause.columns)) {
    result.announcements.push_back(
        {.code = "foreign-key-without-index",
         .object = context.where(),
         .message = fmt::format("{} has no index that begins with the foreign key's columns",
                                context.table->name.display()),
         .expected = "an index, so that a delete in the referenced table finds its rows",
         .found = "none",
         .next = "Add  CREATE INDEX  on these columns to the revision."});
  }
  const std::vector<std::string> parents = referenced_columns(context, clause);
  for (std::size_t index = 0; index < parents.size() && index < clause.columns.size(); ++index) {
    const postgres::Column* from = context.table->column(clause.columns[index]);
    const postgres::Column* to = context.referenced->column(parents[index]);
    if (from == nullptr || to == nullptr || from->base_type_oid == to->base_type_oid) continue;
    result.announcements.push_back({.code = "foreign-key-of-another-type",
                                    .object = context.where(),
                                    .message = fmt::format("{} is {}, and refers to a column of type {}",
                                                           clause.columns[index], from->type, to->type),
                                    .expected = "the same type on both sides",
                                    .found = from->type + " and " + to->type,
                                    .next = "Give both columns one type; the narrower one runs out first."});
  }
}

}  // namespace

InPlaceSteps plan_check(const StatementContext& context, const std::string& name,
                        const std::string& definition) {
  StepList steps(context, kStrategy, "27");
  const postgres::Table& table = *context.table;
  const bool not_valid = definition.ends_with(" NOT VALID");
  const std::string broken = rows_in_the_way(table, "NOT (" + checked_expression(definition) + ")");
  if (!not_valid) look_for_violations(steps, table.name, name, broken);
  InPlaceStep& add =
      steps.on(table.name, "ACCESS EXCLUSIVE", StepKind::locked, "add constraint " + name,
               {alter_table(table.name, fmt::format("ADD CONSTRAINT {} {}{}", quote_identifier(name),
                                                    definition, not_valid ? "" : " NOT VALID"))},
               "Holds for new rows from now on; NOT VALID looks at no old row, so the lock is short.");
  add.undo = {drop_constraint(table.name, name)};
  if (!not_valid) {
    validate(steps, table.name, name, broken);
  }
  return {.steps = steps.take()};
}

InPlaceSteps plan_foreign_key(const StatementContext& context, const migrations::ConstraintClause& clause) {
  InPlaceSteps result;
  const postgres::Table& table = *context.table;
  if (!context.referenced) {
    result.refusals.push_back({.code = "no-such-table",
                               .object = context.where(),
                               .message = "the foreign key refers to a table that does not exist",
                               .expected = "a table that the current role can see",
                               .found = clause.references ? clause.references->display() : "none",
                               .next = "Correct the name, or create the table first."});
    return result;
  }
  const std::string name = foreign_key_name(context, clause);
  const std::string columns = postgres::quote_identifiers(clause.columns);
  std::string body = nameless(clause);
  // REFERENCES of a column that was added before becomes a constraint of the table.
  if (body.size() >= 10 && (body[0] == 'R' || body[0] == 'r'))
    body = fmt::format("FOREIGN KEY ({}) {}", columns, body);
  const std::string not_valid = clause.not_valid ? "" : " NOT VALID";
  StepList steps(context, kStrategy, "29");
  const auto add = [&](const postgres::QualifiedName& on) -> InPlaceStep& {
    InPlaceStep& step = steps.on(
        on, "SHARE ROW EXCLUSIVE", StepKind::locked, "add constraint " + name + " on " + on.display(),
        {alter_table(on, fmt::format("ADD CONSTRAINT {} {}{}", quote_identifier(name), body, not_valid))},
        "Checks new rows from now on; NOT VALID looks at no old row. Both tables are locked for a moment.");
    step.lock_first = "LOCK TABLE " + context.referenced->name.quoted() + " IN SHARE ROW EXCLUSIVE MODE;";
    step.locks.push_back({context.referenced->name.display(), "SHARE ROW EXCLUSIVE"});
    step.undo = {drop_constraint(on, name)};
    return step;
  };
  const auto add_and_check = [&](const postgres::QualifiedName& on) {
    if (clause.not_valid) {
      add(on);
      return;
    }
    postgres::Table child = table;
    child.name = on;
    const std::string probe = orphans(context, clause, child);
    look_for_violations(steps, on, name, probe);
    add(on);
    validate(steps, on, name, probe);
  };
  if (context.facts.target_partitioned && context.server_version < 180000) {
    // Before PostgreSQL 18 a partitioned table knows no NOT VALID foreign key: each partition gets its own,
    // and the parent takes them over.
    for (const Partition& partition : context.partitions) {
      if (!partition.leaf) continue;
      add_and_check(partition.name);
    }
    InPlaceStep& parent =
        steps.on(table.name, "SHARE ROW EXCLUSIVE", StepKind::locked, "add constraint " + name,
                 {alter_table(table.name, fmt::format("ADD CONSTRAINT {} {}", quote_identifier(name), body))},
                 "The partitions have the constraint, validated, so no row is read.");
    parent.lock_first = "LOCK TABLE " + context.referenced->name.quoted() + " IN SHARE ROW EXCLUSIVE MODE;";
    parent.locks.push_back({context.referenced->name.display(), "SHARE ROW EXCLUSIVE"});
    parent.undo = {drop_constraint(table.name, name)};
  } else {
    add_and_check(table.name);
  }
  result.steps = steps.take();
  announce(context, clause, result);
  return result;
}

InPlaceSteps plan_not_null(const StatementContext& context, const std::string& column) {
  const postgres::Table& table = *context.table;
  const postgres::Column* found = table.column(column);
  const std::string quoted = quote_identifier(column);
  StepList steps(context, kStrategy, "24");
  const std::string set = fmt::format("ALTER COLUMN {} SET NOT NULL", quoted);
  const auto proves = [&](const postgres::Constraint& constraint) {
    return constraint.type == "c" && constraint.validated && !constraint.no_inherit &&
           constraint.definition == fmt::format("CHECK (({} IS NOT NULL))", column);
  };
  if ((found != nullptr && found->not_null) ||
      std::any_of(table.constraints.begin(), table.constraints.end(), proves)) {
    steps.on(table.name, "ACCESS EXCLUSIVE", StepKind::locked, "set not null on " + column,
             {alter_table(table.name, set)},
             "A validated check proves it, so no row is read under the lock.");
    return {.steps = steps.take()};
  }
  const std::string check =
      first_free_name(fmt::format("crossfade_{}_{}_{}_not_null", context.run, context.number, column), {});
  const std::string nulls = rows_in_the_way(table, quoted + " IS NULL");
  look_for_violations(steps, table.name, "NOT NULL of " + column, nulls);
  InPlaceStep& add = steps.on(
      table.name, "ACCESS EXCLUSIVE", StepKind::locked, "check that " + column + " is not null",
      {alter_table(table.name, fmt::format("ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
                                           quote_identifier(check), quoted))},
      "New rows must have a value from now on; NOT VALID looks at no old row, so the lock is short.");
  add.undo = {drop_constraint(table.name, check)};
  validate(steps, table.name, check, nulls);
  InPlaceStep& take_over =
      steps.on(table.name, "ACCESS EXCLUSIVE", StepKind::locked, "set not null on " + column,
               {alter_table(table.name, set), drop_constraint(table.name, check)},
               "The validated check proves it, so no row is read under the lock; then the check is not "
               "needed any more.");
  take_over.undo = {alter_table(table.name, fmt::format("ALTER COLUMN {} DROP NOT NULL", quoted))};
  return {.steps = steps.take()};
}

}  // namespace crossfade::strategies
