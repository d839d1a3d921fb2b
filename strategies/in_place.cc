#include "strategies/in_place.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/created_relations.h"
#include "migrations/repoint.h"
#include "strategies/added_column.h"
#include "strategies/concurrent_index.h"
#include "strategies/instant_ddl.h"
#include "strategies/partitions.h"
#include "strategies/quarantine.h"
#include "strategies/step_list.h"
#include "strategies/validated_constraint.h"

namespace crossfade::strategies {

namespace {

using migrations::AlterCommand;
using migrations::HazardClass;
using migrations::HazardCost;

/// The constraint that the trial shows and that was not there before.
const postgres::Constraint* new_constraint(const StatementContext& context) {
  if (!context.after) return nullptr;
  for (const postgres::Constraint& constraint : context.after->constraints) {
    const bool known =
        std::any_of(context.table->constraints.begin(), context.table->constraints.end(),
                    [&](const postgres::Constraint& other) { return other.name == constraint.name; });
    if (!known) return &constraint;
  }
  return nullptr;
}

Problem cannot(const StatementContext& context, std::string code, std::string message, std::string expected,
               std::string next) {
  return {.code = std::move(code),
          .object = context.where(),
          .message = std::move(message),
          .expected = std::move(expected),
          .found = context.statement.text.substr(0, 120),
          .next = std::move(next)};
}

InPlaceSteps added_constraint(const StatementContext& context, const AlterCommand& command) {
  const migrations::ConstraintClause& clause = command.constraints.front();
  if (clause.kind == "CONSTR_FOREIGN") return plan_foreign_key(context, clause);
  const postgres::Constraint* constraint = new_constraint(context);
  if (constraint != nullptr && clause.kind == "CONSTR_CHECK")
    return plan_check(context, constraint->name, constraint->definition);
  const bool key = clause.kind == "CONSTR_UNIQUE" || clause.kind == "CONSTR_PRIMARY";
  if (key && !clause.index.empty() && context.facts.target_partitioned) {
    return {.refusals = {cannot(context, "unsupported-constraint",
                                "PostgreSQL takes no index over for a constraint of a partitioned table",
                                "ADD UNIQUE or ADD PRIMARY KEY with its columns",
                                "Name the columns; crossfade builds the index on each partition first.")}};
  }
  // Over an index that is there already it is a change of the catalog.
  if (key && !clause.index.empty())
    return plan_instant(context, clause.kind == "CONSTR_PRIMARY" ? "33" : "32");
  if (key && constraint != nullptr) return plan_unique(context, *constraint);
  return {.refusals = {cannot(
              context, "unsupported-constraint",
              "this constraint can be added only under a lock that lasts as long as a pass over the table",
              "CHECK, UNIQUE, PRIMARY KEY, FOREIGN KEY or NOT NULL",
              "Add it by hand in a maintenance window, and stamp the revision.")}};
}

InPlaceSteps of_alter_command(const StatementContext& context, const AlterCommand& command,
                              std::string_view row) {
  if (command.subtype == "AT_AddColumn") return plan_added_column(context);
  if (command.subtype == "AT_AddConstraint") return added_constraint(context, command);
  if (command.subtype == "AT_SetNotNull") return plan_not_null(context, command.name);
  if (command.subtype == "AT_DropColumn") return plan_drop_column(context);
  if (command.subtype == "AT_AttachPartition") return plan_attach_partition(context);
  if (command.subtype == "AT_DetachPartition") return plan_detach_partition(context);
  if (command.subtype == "AT_ValidateConstraint") {
    StepList steps(context, "validated constraint", row);
    steps.on(context.table->name, "SHARE UPDATE EXCLUSIVE", StepKind::validate,
             "validate constraint " + command.name, {context.statement.text},
             "Reads every row while the application goes on.");
    return {.steps = steps.take()};
  }
  return plan_instant(context, row);
}

/// What remains of a statement on a table whose rewrite or long scan no step in place avoids.
InPlaceSteps too_long(const StatementContext& context, const migrations::Hazard& hazard) {
  return {.refusals = {
              cannot(context, "rewrite-impossible",
                     fmt::format("{}: it would hold {} for as long as a pass over the table takes",
                                 hazard.row->statement, hazard.lock),
                     std::string(hazard.row->safe_way),
                     "Split the revision so that the change stands beside others of its table, or run it by "
                     "hand in a maintenance window and stamp the revision.")}};
}

InPlaceSteps batched(const StatementContext& context) {
  if (!context.batches) return plan_opaque(context);
  if (!context.batches->refusals.empty()) return {.refusals = context.batches->refusals};
  StepList steps(context, "batched change", "67");
  const bool partitioned = context.facts.target_partitioned;
  for (const BatchedUpdatePlan& plan : context.batches->plans) {
    const std::string where = partitioned ? " " + plan.table.display() : "";
    steps
        .on(plan.table, "ROW EXCLUSIVE", StepKind::batched, (plan.deletes ? "delete" : "update") + where, {},
            "The statement, restricted to one range of keys after the other, a commit each.")
        .batched = plan;
  }
  if (context.batches->plans.empty())
    steps.add(StepKind::plain, "no partition", {}, "The table has no partition, and so no row.");
  return {.steps = steps.take(), .announcements = context.batches->announcements};
}

/// Whether LOCK TABLE can be asked for; of a view it would lock the tables below.
bool is_table(const StatementContext& context) {
  return context.table && (context.table->kind == "r" || context.table->kind == "p");
}

/// What makes something new, and locks tables that are in use while it refers to them.
InPlaceSteps beside_others(const StatementContext& context, std::string_view row) {
  InPlaceSteps result = plan_plain(context, row);
  if (context.locked_with_it.empty()) return result;
  InPlaceStep& step = result.steps.front();
  step.kind = StepKind::locked;
  step.strategy = "instant DDL";
  step.relation = context.locked_with_it.front().name;
  step.lock = context.locked_with_it.front().mode;
  step.reason = "A change of the catalog; the tables that it refers to are locked for a moment.";
  for (const TableLock& lock : context.locked_with_it) {
    step.locks.push_back({lock.name.display(), lock.mode});
    if (&lock == &context.locked_with_it.front()) continue;
    step.lock_first += fmt::format("LOCK TABLE {} IN {} MODE;", lock.name.quoted(), lock.mode);
  }
  return result;
}

InPlaceSteps refused(const StatementContext& context, const migrations::HazardRow& row) {
  return {.refusals = {cannot(context, std::string(row.code), std::string(row.statement),
                              std::string(row.safe_way),
                              "Change the statement, or run it by hand and stamp the revision.")}};
}

InPlaceSteps refreshed(const StatementContext& context) {
  const bool unique =
      context.table && std::any_of(context.table->indexes.begin(), context.table->indexes.end(),
                                   [](const postgres::Index& index) {
                                     return index.unique && !index.partial && !index.expressions;
                                   });
  StatementContext concurrently = context;
  if (!context.statement.concurrent) {
    if (!unique) return refused(context, *context.hazards.front().row);
    concurrently.statement.text = migrations::with_concurrently(context.statement);
  }
  return plan_plain(concurrently, "71");
}

InPlaceSteps constrained_domain(const StatementContext& context) {
  InPlaceSteps result = plan_plain(context, "48");
  result.steps.front().bounded = true;
  result.steps.front().reason =
      "PostgreSQL reads every table that uses the domain under a lock that stops writers; it is rolled back "
      "where that "
      "takes longer than the budgets.";
  return result;
}

InPlaceSteps of_other_statement(const StatementContext& context, std::string_view row) {
  if (row == "71") return refreshed(context);
  if (row == "48") return constrained_domain(context);
  if (row == "63") return too_long(context, context.hazards.front());
  if (context.statement.node == "VacuumStmt") return plan_autocommit(context, row);
  if (is_table(context)) return plan_instant(context, row);
  InPlaceSteps result = plan_plain(context, row);
  // CASCADE, and a type's attribute, reach tables that the text does not name.
  result.steps.front().bounded = !context.hazards.front().lock.empty() || row == "65b" || row == "46b";
  return result;
}

/// Harmless to the table of hazards, and yet strong locks on tables that the text does not name.
InPlaceSteps without_hazard(const StatementContext& context) {
  InPlaceSteps result = plan_plain(context, "");
  const std::string& node = context.statement.node;
  result.steps.front().bounded =
      node == "ReassignOwnedStmt" || node == "CreateForeignTableStmt" || node == "DropStmt";
  return result;
}

/// Of a parent that the revision makes itself, and beside other tables that the statement locks, it runs as
/// it is.
std::optional<migrations::NewPartition> new_partition_of_live_table(const StatementContext& context) {
  if (context.objects.size() != 1 || context.locked_with_it.size() != 1) return std::nullopt;
  return migrations::new_partition(context.statement);
}

/// UPDATE or DELETE inside a WITH: whole, it is one transaction over the table; in batches it would mean
/// something else.
InPlaceSteps changes_in_with(const StatementContext& context) {
  InPlaceSteps result = plan_opaque(context);
  if (!result.refusals.empty()) {
    result.refusals.front().code = "batch-effects";
    result.refusals.front().message =
        "changes rows inside a WITH query, so it cannot be done in batches; in one transaction it may hold "
        "row locks for long";
    result.refusals.front().expected = "an UPDATE or DELETE of its own, or the operator's word for it";
  }
  return result;
}

/// Without CASCADE.
bool drops_type(const migrations::Statement& statement) {
  return !migrations::dropped_types(statement).empty() &&
         statement.tree.find("\"DROP_CASCADE\"") == std::string::npos;
}

InPlaceSteps planned(const StatementContext& context) {
  const migrations::Statement& statement = context.statement;
  if (context.facts.target_is_new && statement.node == "VacuumStmt") return plan_autocommit(context, "");
  if (context.facts.target_is_new && statement.concurrent) {
    // Nobody uses the table yet, and what is concurrent cannot be in the transaction with its journal row.
    StatementContext at_once = context;
    at_once.statement.text = migrations::without_concurrently(context.statement);
    at_once.statement.concurrent = false;
    return planned(at_once);
  }
  if (drops_type(statement) && !context.dependents.empty()) {
    std::string users;
    for (const std::string& user : context.dependents) users += (users.empty() ? "" : "; ") + user;
    return {.refusals = {cannot(context, "has-dependents", "columns of this type stay: " + users,
                                "nothing that uses it; CASCADE is never used",
                                "Drop or change these columns first, in a statement of their own.")}};
  }
  if (!context.types_of_kept.empty()) return plan_drop_type(context);
  if (context.hazards.empty() && context.effects.empty()) return without_hazard(context);
  if (statement.node == "DropOwnedStmt") {
    return {.refusals = {cannot(context, "drops-owned",
                                "DROP OWNED drops whatever a role has, crossfade's journal too",
                                "objects that are named", "Drop what is meant by its name.")}};
  }
  if (!context.effects.empty() && opaque_directive(context) == nullptr) {
    return {
        .refusals = {cannot(
            context, "opaque-statement",
            "calls " + context.effects.front() + ", which is VOLATILE: it may do more than compute a value",
            "built-in functions, those of extensions, and those that are IMMUTABLE or STABLE",
            "Declare the function as what it is, or look at what it does and add the line  -- "
            "crossfade:opaque <reason>  to the file.")}};
  }
  if (context.hazards.empty()) return without_hazard(context);
  const migrations::Hazard& worst = context.hazards.front();
  const std::string_view row = worst.row->number;
  if (row == "74") return plan_opaque(context);
  if (worst.hazard_class == HazardClass::refused || row == "70b") return refused(context, *worst.row);
  if (const auto partition = new_partition_of_live_table(context))
    return plan_new_partition(context, *partition);
  if (context.facts.target_is_new || statement.node == "CreateStmt") return beside_others(context, row);
  if (statement.node == "IndexStmt" && context.table) return plan_create_index(context);
  if (statement.node == "DropStmt" && statement.object_type == "OBJECT_INDEX")
    return plan_drop_index(context);
  if (statement.node == "DropStmt" && statement.object_type == "OBJECT_TABLE")
    return plan_drop_table(context);
  if (statement.node == "ReindexStmt") return plan_reindex(context);
  if (statement.node == "TruncateStmt") return plan_truncate(context);
  if (statement.node == "UpdateStmt" || statement.node == "DeleteStmt") return batched(context);
  if (row == "67") return changes_in_with(context);
  const bool one_command =
      statement.kind == migrations::StatementKind::alter_table && statement.commands.size() == 1;
  if (!one_command || !is_table(context)) return of_other_statement(context, row);
  const AlterCommand& command = statement.commands.front();
  if (context.facts.column_in_view) return refused(context, migrations::hazard_row("66"));
  const bool long_lock = worst.cost == HazardCost::rewrite ||
                         (worst.cost != HazardCost::catalog && command.subtype == "AT_AlterColumnType");
  if (long_lock && !context.fill) return too_long(context, worst);
  return of_alter_command(context, command, row);
}

/// What the application must be ready for, from the table of hazards.
void announce(const StatementContext& context, InPlaceSteps& result) {
  for (const migrations::Hazard& hazard : context.hazards) {
    if (hazard.hazard_class != HazardClass::application || !result.approvals.empty()) continue;
    result.announcements.push_back(
        {.code = std::string(hazard.row->code),
         .object = context.where(),
         .message = fmt::format("{}: the application must be ready for it", hazard.row->statement),
         .expected = std::string(hazard.row->safe_way),
         .found = context.statement.text.substr(0, 120),
         .next = "Deploy what knows both forms first."});
  }
}

}  // namespace

InPlaceSteps plan_in_place(const StatementContext& context) {
  InPlaceSteps result = planned(context);
  if (!result.refusals.empty()) return result;
  if (migrations::destructive(context.statement) && result.approvals.empty() && !result.steps.empty() &&
      !context.facts.target_is_new && !result.steps.front().sql.empty()) {
    result.approvals.push_back(
        {.code = "approval-needed",
         .object = context.where(),
         .message = "drops objects with what they hold, and nothing is kept",
         .expected = "an operator's approval",
         .found = context.statement.text.substr(0, 120),
         .next = fmt::format("`crossfade approve {}`, or `--approve`.", context.file->revision)});
  }
  announce(context, result);
  return result;
}

}  // namespace crossfade::strategies
