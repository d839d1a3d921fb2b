#include "strategies/added_column.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "strategies/concurrent_index.h"
#include "strategies/partitioned_index.h"
#include "strategies/step_list.h"
#include "strategies/validated_constraint.h"

namespace crossfade::strategies {

namespace {

using migrations::AlterCommand;
using migrations::ConstraintClause;
using postgres::quote_identifier;

constexpr std::array<std::string_view, 4> kApart = {"CONSTR_UNIQUE", "CONSTR_PRIMARY", "CONSTR_CHECK",
                                                    "CONSTR_FOREIGN"};

bool is_apart(const ConstraintClause& clause) {
  return std::find(kApart.begin(), kApart.end(), clause.kind) != kApart.end();
}

/// The clause's text may be followed by attributes (DEFERRABLE …), which belong to it.
void erase(std::string& text, const ConstraintClause& clause) {
  const std::size_t at = text.find(clause.text);
  if (at != std::string::npos) text.erase(at, clause.text.size());
}

bool attribute(const ConstraintClause& clause) {
  return clause.kind.starts_with("CONSTR_ATTR_");
}

/// The command without the clauses that `dropped` names, and their attributes.
template <class Predicate>
std::string without(const AlterCommand& command, const Predicate& dropped) {
  std::string text = command.text;
  bool goes = false;
  for (const ConstraintClause& clause : command.constraints) {
    if (!attribute(clause)) goes = dropped(clause);
    if (goes) erase(text, clause);
  }
  return text;
}

/// `used` are the constraints of clauses before this one: two unnamed checks are two constraints.
InPlaceSteps clause_steps(const StatementContext& context, const ConstraintClause& clause,
                          const std::string& column, std::set<std::string>& used) {
  if (clause.kind == "CONSTR_FOREIGN") {
    ConstraintClause whole = clause;
    whole.columns = {column};
    return plan_foreign_key(context, whole);
  }
  InPlaceSteps result;
  for (const postgres::Constraint& constraint : context.after->constraints) {
    const bool is_new =
        std::none_of(context.table->constraints.begin(), context.table->constraints.end(),
                     [&](const postgres::Constraint& other) { return other.name == constraint.name; });
    const bool named = clause.name.empty() || clause.name == constraint.name;
    if (!is_new || !named || used.contains(constraint.name)) continue;
    const bool check = clause.kind == "CONSTR_CHECK" && constraint.type == "c";
    const bool key = (clause.kind == "CONSTR_UNIQUE" && constraint.type == "u") ||
                     (clause.kind == "CONSTR_PRIMARY" && constraint.type == "p");
    if (!check && !key) continue;
    used.insert(constraint.name);
    return check ? plan_check(context, constraint.name, constraint.definition)
                 : plan_unique(context, constraint);
  }
  return result;
}

/// The clauses that are not part of the column's own definition, one by one, with their attributes.
InPlaceSteps all_clause_steps(const StatementContext& context) {
  const AlterCommand& command = context.statement.commands.front();
  InPlaceSteps result;
  std::set<std::string> used;
  for (std::size_t index = 0; index < command.constraints.size(); ++index) {
    ConstraintClause clause = command.constraints[index];
    if (!is_apart(clause)) continue;
    for (std::size_t next = index + 1;
         next < command.constraints.size() && attribute(command.constraints[next]); ++next)
      clause.text += " " + command.constraints[next].text;
    append(result, clause_steps(context, clause, command.name, used));
  }
  return result;
}

}  // namespace

std::string without_foreign_keys(const AlterCommand& command) {
  return without(command, [](const ConstraintClause& clause) { return clause.kind == "CONSTR_FOREIGN"; });
}

std::string column_alone(const StatementContext& context, bool bare) {
  return without(context.statement.commands.front(), [&](const ConstraintClause& clause) {
    return is_apart(clause) || (bare && (clause.kind == "CONSTR_NOTNULL" || clause.kind == "CONSTR_DEFAULT"));
  });
}

namespace {

/// A value for every row, where no new table gives it: the column without demands, its default for new rows,
/// old rows in batches, then NOT NULL.
InPlaceSteps plan_filled_column(const StatementContext& context) {
  const AlterCommand& command = context.statement.commands.front();
  const postgres::QualifiedName& table = context.table->name;
  const std::string hazard = command.default_expression ? "3" : "4";
  StepList steps(context, "added column", hazard);
  std::vector<std::string> sql = {alter_table(table, column_alone(context, true))};
  if (command.default_expression) {
    sql.push_back(
        alter_table(table, fmt::format("ALTER COLUMN {} SET DEFAULT {}", quote_identifier(command.name),
                                       *command.default_expression)));
  }
  InPlaceStep& add =
      steps.on(table, "ACCESS EXCLUSIVE", StepKind::locked, "add column " + command.name, std::move(sql),
               "Without a value for old rows a change of the catalog; new rows get the default at once.");
  add.undo = {alter_table(table, "DROP COLUMN IF EXISTS " + quote_identifier(command.name))};
  if (context.facts.target_partitioned) {
    // A partition that comes later gets the default with the column; one that came since the plan has rows.
    add.on_partitions = true;
    add.partitions = partitions_below(context, table);
  }
  // A row that the application moves behind the batches, into a partition that is done, is met by the second
  // round; filled rows are passed over.
  const int rounds = context.fill->plans.size() > 1 ? 2 : 1;
  for (int round = 1; round <= rounds; ++round) {
    for (const BatchedUpdatePlan& plan : context.fill->plans) {
      std::string what = "fill column " + command.name;
      if (context.facts.target_partitioned) what += " of " + plan.table.display();
      if (round == 2) what += " once more";
      steps
          .on(plan.table, "ROW EXCLUSIVE", StepKind::batched, what, {},
              "Old rows get their value in batches, a commit each.")
          .batched = plan;
    }
  }
  InPlaceSteps result{.steps = steps.take(), .announcements = context.fill->announcements};
  StatementContext with_column = context;
  if (context.after && context.after->column(command.name) != nullptr) {
    with_column.table->columns.push_back(*context.after->column(command.name));
    with_column.table->columns.back().not_null = false;
  }
  if (command.has_constraint("CONSTR_NOTNULL")) append(result, plan_not_null(with_column, command.name));
  append(result, all_clause_steps(with_column));
  return result;
}

}  // namespace

InPlaceSteps plan_added_column(const StatementContext& context) {
  const AlterCommand& command = context.statement.commands.front();
  if (context.fill && !context.fill->refusals.empty()) return {.refusals = context.fill->refusals};
  if (context.fill) return plan_filled_column(context);
  if (command.has_constraint("CONSTR_NOTNULL") && !command.default_expression && context.table->pages > 0 &&
      !command.has_constraint("CONSTR_IDENTITY") && !command.has_constraint("CONSTR_GENERATED")) {
    return {
        .refusals = {{.code = "not-null-without-value",
                      .object = context.table->name.display() + "." + command.name,
                      .message = "is added as NOT NULL, but existing rows have no value for it",
                      .expected = "a DEFAULT, a backfill, or the UPDATE that fills it, in the same revision",
                      .found = "neither",
                      .next = fmt::format(
                          "Give it a DEFAULT, or add the line  -- crossfade:backfill {} = <expression>.",
                          command.name)}}};
  }
  StepList steps(context, "instant DDL", context.hazards.empty() ? "1" : context.hazards.front().row->number);
  const std::string column = column_alone(context, false);
  InPlaceStep& add =
      steps.on(context.table->name, "ACCESS EXCLUSIVE", StepKind::locked, "add column " + command.name,
               {alter_table(context.table->name, column)},
               "The column alone is a change of the catalog; its constraints follow one by one.");
  if (!command.if_exists) {
    add.undo = {alter_table(context.table->name, "DROP COLUMN IF EXISTS " + quote_identifier(command.name))};
  }
  InPlaceSteps result{.steps = steps.take()};
  // What follows finds the column there.
  StatementContext with_column = context;
  if (with_column.table->column(command.name) == nullptr) {
    if (const postgres::Column* added = context.after ? context.after->column(command.name) : nullptr) {
      with_column.table->columns.push_back(*added);
      if (!command.has_constraint("CONSTR_NOTNULL")) with_column.table->columns.back().not_null = false;
    }
  }
  append(result, all_clause_steps(with_column));
  return result;
}

}  // namespace crossfade::strategies
