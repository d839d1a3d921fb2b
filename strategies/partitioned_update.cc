#include "strategies/partitioned_update.h"

#include <algorithm>

#include "migrations/repoint.h"
#include "strategies/batch_refusals.h"
#include "strategies/batch_statement.h"

namespace crossfade::strategies {

namespace {

Problem cannot(const postgres::Table& table, std::string code, std::string message, std::string expected,
               std::string found, std::string next) {
  return {.code = std::move(code),
          .object = table.name.display(),
          .message = "cannot be done in batches: " + std::move(message),
          .expected = std::move(expected),
          .found = std::move(found),
          .next = std::move(next)};
}

void add_new(std::vector<Problem>& to, std::vector<Problem> from) {
  for (Problem& problem : from) {
    const bool known = std::any_of(to.begin(), to.end(), [&](const Problem& other) {
      return other.code == problem.code && other.found == problem.found;
    });
    if (!known) to.push_back(std::move(problem));
  }
}

std::vector<std::string> column_names(const postgres::Table& table) {
  std::vector<std::string> out;
  for (const postgres::Column& column : table.columns) out.push_back(column.name);
  return out;
}

Problem statement_trigger(const postgres::Table& table, const std::string& trigger) {
  return cannot(table, "batch-statement-triggers",
                "statement triggers fire for the table that a statement names, which is the partition here",
                "a partitioned table and partitions without statement triggers", trigger,
                "Disable the trigger while the change runs.");
}

/// What makes this partition another table than its parent to the statement.
std::vector<Problem> partition_refusals(const BatchStatement& statement, const PartitionedTable& whole,
                                        const BatchedPartition& partition) {
  std::vector<Problem> out;
  if (!partition.facts.statement_triggers.empty() && !whole.fills_column)
    out.push_back(statement_trigger(partition.table, partition.facts.statement_triggers.front()));
  if (statement.whole_row && column_names(partition.table) != column_names(whole.table)) {
    out.push_back(cannot(
        partition.table, "batch-whole-row", "its columns stand in another order than the partitioned table's",
        "single columns instead of the whole row", "a row as one value", "Name the columns."));
  }
  return out;
}

Problem moving_rows(const postgres::Table& table) {
  return {
      .code = "batch-moving-rows",
      .object = table.name.display(),
      .message =
          "a row that the application moves to another partition meanwhile may be missed, or changed twice",
      .expected = "rows that stay in their partition while the change runs",
      .found = "a partitioned table",
      .next = "Keep such moves away meanwhile, or write the statement so that it may run twice."};
}

}  // namespace

std::vector<Problem> partitioned_refusals(const migrations::Statement& statement,
                                          const PartitionedTable& whole) {
  const BatchStatement read = read_batch_statement(statement, whole.table.name);
  const postgres::Table& table = whole.table;
  std::vector<Problem> out;
  if (read.only) {
    out.push_back(cannot(table, "batch-relation", "it is a partitioned table, which has no rows of its own",
                         "the table with its partitions", "ONLY", "Take ONLY out."));
  }
  for (const std::string& column : read.set_columns) {
    if (std::find(whole.partition_key.begin(), whole.partition_key.end(), column) ==
        whole.partition_key.end())
      continue;
    out.push_back(cannot(table, "batch-moves-rows",
                         "rows may move to another partition, and be visited there once more",
                         "no SET of columns that the table is partitioned by", "SET " + column,
                         "Move the rows by a DELETE and an INSERT of your own."));
  }
  if (read.sets_default) {
    out.push_back(cannot(table, "batch-default", "a partition may have another default than its parent",
                         "the value itself", "SET … = DEFAULT", "Write the default's expression out."));
  }
  if (read.qualifies_columns) {
    out.push_back(cannot(table, "batch-qualified-column", "a partition is not known by the schema's name",
                         "columns by themselves, or behind the table's name alone",
                         "a column behind schema and table", "Leave the schema out, or give an alias."));
  }
  if (!whole.facts.statement_triggers.empty() && !whole.fills_column)
    out.push_back(statement_trigger(table, whole.facts.statement_triggers.front()));
  // What is said of any table holds for the whole as well: rules, foreign keys, what the statement reads.
  postgres::Table as_plain = table;
  as_plain.kind = "r";
  BatchFacts without_partitions = whole.facts;
  without_partitions.has_children = false;
  add_new(out, batch_refusals(read, as_plain, without_partitions));
  return out;
}

migrations::Statement on_partition(const migrations::Statement& statement, const postgres::Table& table,
                                   const postgres::QualifiedName& partition) {
  const BatchStatement read = read_batch_statement(statement, table.name);
  std::string text = migrations::with_relation(statement, partition);
  if (!read.aliased) {
    const std::size_t behind = statement.table_begin + partition.quoted().size();
    // UPDATE orders * SET …: the alias stands behind the asterisk.
    const std::size_t next = text.find_first_not_of(" \t\r\n", behind);
    const bool asterisk = next != std::string::npos && text[next] == '*';
    text.insert(asterisk ? next + 1 : behind, " AS " + postgres::quote_identifier(read.alias));
  }
  migrations::Statement out = migrations::parse_statements(text, partition.display(), statement.line).front();
  out.line = statement.line;
  return out;
}

BatchedUpdates plan_partitioned_update(const migrations::Statement& statement, const PartitionedTable& whole,
                                       const std::vector<BatchedPartition>& partitions) {
  const BatchStatement read = read_batch_statement(statement, whole.table.name);
  BatchedUpdates out{.announcements = batch_announcements(read, whole.table, whole.facts)};
  if (!whole.fills_column && !partitions.empty()) out.announcements.push_back(moving_rows(whole.table));
  for (const BatchedPartition& partition : partitions) {
    add_new(out.refusals, partition_refusals(read, whole, partition));
    BatchedUpdateChoice choice = plan_batched_update(
        on_partition(statement, whole.table, partition.table.name), partition.table, partition.facts);
    add_new(out.refusals, std::move(choice.refusals));
    add_new(out.announcements, std::move(choice.announcements));
    if (!choice.plan) continue;
    choice.plan->partition = true;
    out.plans.push_back(std::move(*choice.plan));
  }
  if (!out.refusals.empty()) out.plans.clear();
  return out;
}

}  // namespace crossfade::strategies
