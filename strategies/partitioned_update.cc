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

/// What the partitions by themselves do not show.
std::vector<Problem> own_refusals(const BatchStatement& statement, const postgres::Table& table,
                                  const BatchFacts& facts, const std::vector<std::string>& partition_key) {
  std::vector<Problem> out;
  if (statement.only) {
    out.push_back(cannot(table, "batch-relation", "it is a partitioned table, which has no rows of its own",
                         "the table with its partitions", "ONLY", "Take ONLY out."));
  }
  for (const std::string& column : statement.set_columns) {
    if (std::find(partition_key.begin(), partition_key.end(), column) == partition_key.end()) continue;
    out.push_back(cannot(table, "batch-moves-rows",
                         "rows may move to another partition, and be visited there once more",
                         "no SET of columns that the table is partitioned by", "SET " + column,
                         "Move the rows by a DELETE and an INSERT of your own."));
  }
  if (!facts.statement_triggers.empty()) {
    out.push_back(cannot(table, "batch-statement-triggers",
                         "its statement triggers do not fire for changes of one partition",
                         "a partitioned table without statement triggers", facts.statement_triggers.front(),
                         "Disable the trigger while the change runs."));
  }
  return out;
}

void add_new(std::vector<Problem>& to, std::vector<Problem> from) {
  for (Problem& problem : from) {
    const bool known = std::any_of(to.begin(), to.end(), [&](const Problem& other) {
      return other.code == problem.code && other.found == problem.found;
    });
    if (!known) to.push_back(std::move(problem));
  }
}

}  // namespace

migrations::Statement on_partition(const migrations::Statement& statement, const postgres::Table& table,
                                   const postgres::QualifiedName& partition) {
  const BatchStatement read = read_batch_statement(statement, table.name);
  std::string text = migrations::with_relation(statement, partition);
  if (!read.aliased) {
    text.insert(statement.table_begin + partition.quoted().size(),
                " AS " + postgres::quote_identifier(read.alias));
  }
  migrations::Statement out = migrations::parse_statements(text, partition.display(), statement.line).front();
  out.line = statement.line;
  return out;
}

BatchedUpdates plan_partitioned_update(const migrations::Statement& statement, const postgres::Table& table,
                                       const BatchFacts& facts,
                                       const std::vector<BatchedPartition>& partitions,
                                       const std::vector<std::string>& partition_key) {
  const BatchStatement read = read_batch_statement(statement, table.name);
  BatchedUpdates out{.plans = {}, .refusals = own_refusals(read, table, facts, partition_key)};
  // What is said of any table holds for the whole as well: rules, foreign keys, what the statement reads.
  postgres::Table whole = table;
  whole.kind = "r";
  BatchFacts without_partitions = facts;
  without_partitions.has_children = false;
  add_new(out.refusals, batch_refusals(read, whole, without_partitions));
  if (!out.refusals.empty()) return out;
  out.announcements = batch_announcements(read, table, facts);
  for (const BatchedPartition& partition : partitions) {
    BatchedUpdateChoice choice = plan_batched_update(on_partition(statement, table, partition.table.name),
                                                     partition.table, partition.facts);
    add_new(out.refusals, std::move(choice.refusals));
    add_new(out.announcements, std::move(choice.announcements));
    if (choice.plan) out.plans.push_back(std::move(*choice.plan));
  }
  if (!out.refusals.empty()) out.plans.clear();
  return out;
}

}  // namespace crossfade::strategies
