#include "strategies/partitions.h"

#include <fmt/format.h>

#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;
using postgres::quote_literal;

constexpr const char* kStrategy = "partition";

/// DETACH … CONCURRENTLY leaves a check with the former bounds behind, under a name of its own choice; a
/// plain DETACH does not.
std::string drop_left_check(const StatementContext& context, const postgres::Table& child) {
  std::string known = "''";
  for (const postgres::Constraint& constraint : child.constraints)
    known += ", " + quote_literal(constraint.name);
  const std::string body = fmt::format(
      "DECLARE left_check name;\nBEGIN\n  FOR left_check IN SELECT conname FROM pg_catalog.pg_constraint "
      "WHERE conrelid = "
      "{}::pg_catalog.regclass AND contype = 'c' AND conname NOT IN ({}) AND "
      "pg_catalog.pg_get_constraintdef(oid) = {} LOOP\n"
      "    EXECUTE pg_catalog.format('ALTER TABLE {} DROP CONSTRAINT %I', left_check);\n  END LOOP;\nEND",
      quote_literal(child.name.quoted()), known, quote_literal("CHECK (" + context.partition_check + ")"),
      child.name.quoted());
  return "DO LANGUAGE plpgsql " + quote_literal(body);
}

void announce_default_partition(const StatementContext& context, const postgres::Table& parent,
                                InPlaceSteps& result) {
  if (!context.has_default_partition) return;
  result.announcements.push_back(
      {.code = "default-partition",
       .object = context.where(),
       .message = "the default partition is read under its lock, to see that it holds none of the new rows",
       .expected = "no default partition, or one with a validated check that excludes the new bounds",
       .found = parent.name.display() + " has a default partition",
       .next = "Add such a check to the default partition first, in a revision of its own."});
}

}  // namespace

InPlaceSteps plan_attach_partition(const StatementContext& context) {
  InPlaceSteps result;
  if (context.objects.empty()) {
    result.refusals.push_back({.code = "no-such-table",
                               .object = context.where(),
                               .message = "the partition to attach does not exist",
                               .expected = "a table that the current role can see",
                               .found = "none",
                               .next = "Create it first, or correct the name."});
    return result;
  }
  const postgres::Table& child = context.objects.front();
  const std::string check = fmt::format("crossfade_{}_{}_bounds", context.run, context.number);
  const std::string drop = alter_table(child.name, "DROP CONSTRAINT IF EXISTS " + quote_identifier(check));
  StepList steps(context, kStrategy, "57");
  if (!context.partition_check.empty()) {
    steps
        .on(child.name, "ACCESS EXCLUSIVE", StepKind::locked, "check the bounds of " + child.name.display(),
            {alter_table(child.name, fmt::format("ADD CONSTRAINT {} CHECK ({}) NOT VALID",
                                                 quote_identifier(check), context.partition_check))},
            "What ATTACH demands of every row; NOT VALID looks at no old row, so the lock is short.")
        .undo = {drop};
    InPlaceStep& validate =
        steps.on(child.name, "SHARE UPDATE EXCLUSIVE", StepKind::validate,
                 "validate the bounds of " + child.name.display(),
                 {alter_table(child.name, "VALIDATE CONSTRAINT " + quote_identifier(check))},
                 "Reads every row while the application goes on.");
    validate.probe = rows_in_the_way(child, "NOT (" + context.partition_check + ")");
  }
  std::vector<std::string> attach = {context.statement.text};
  if (!context.partition_check.empty()) attach.push_back(drop);
  InPlaceStep& step = steps.on(context.table->name, "SHARE UPDATE EXCLUSIVE", StepKind::locked,
                               "attach partition " + child.name.display(), std::move(attach),
                               "The validated check proves the bounds, so no row is read under the lock.");
  step.lock_first = "LOCK TABLE " + child.name.quoted() + " IN ACCESS EXCLUSIVE MODE;";
  step.locks.push_back({child.name.display(), "ACCESS EXCLUSIVE"});
  result.steps = steps.take();
  announce_default_partition(context, *context.table, result);
  return result;
}

InPlaceSteps plan_new_partition(const StatementContext& context, const migrations::NewPartition& partition) {
  InPlaceSteps result;
  const postgres::Table& parent = context.objects.front();
  const std::string name = context.statement.table->display();
  StepList steps(context, kStrategy, "59");
  steps
      .add(StepKind::plain, "create table " + name, {partition.create},
           "A table of its own, which nobody knows yet: PARTITION OF would stop readers and writers of " +
               parent.name.display() + ".")
      .undo = {partition.drop};
  steps.on(parent.name, "SHARE UPDATE EXCLUSIVE", StepKind::locked, "attach partition " + name,
           {alter_table(parent.name, partition.attach)}, "The new partition is empty, so no row is read.");
  result.steps = steps.take();
  announce_default_partition(context, parent, result);
  return result;
}

InPlaceSteps plan_detach_partition(const StatementContext& context) {
  if (context.objects.empty()) {
    return {.refusals = {{.code = "no-such-table",
                          .object = context.where(),
                          .message = "the partition to detach does not exist",
                          .expected = "a partition of " + context.table->name.display(),
                          .found = "none",
                          .next = "Correct the name."}}};
  }
  const postgres::Table& child = context.objects.front();
  StepList steps(context, kStrategy, "58");
  if (context.has_default_partition) {
    InPlaceStep& step =
        steps.on(context.table->name, "ACCESS EXCLUSIVE", StepKind::locked,
                 "detach partition " + child.name.display(), {context.statement.text},
                 "PostgreSQL cannot do it concurrently beside a default partition; catalog changes only.");
    step.locks.push_back({child.name.display(), "ACCESS EXCLUSIVE"});
  } else {
    const std::string detach = alter_table(context.table->name, "DETACH PARTITION " + child.name.quoted());
    InPlaceStep& step =
        steps.add(StepKind::detach, "detach partition " + child.name.display(), {detach + " CONCURRENTLY"},
                  "Waits for older transactions while the application goes on.");
    step.relation = child.name;
    step.locks = {{context.table->name.display(), "SHARE UPDATE EXCLUSIVE"},
                  {child.name.display(), "ACCESS EXCLUSIVE"}};
  }
  if (!context.has_default_partition && !context.partition_check.empty()) {
    steps.on(child.name, "ACCESS EXCLUSIVE", StepKind::locked, "drop the check that detaching leaves",
             {drop_left_check(context, child)}, "A change of the catalog.");
  }
  return {.steps = steps.take()};
}

}  // namespace crossfade::strategies
