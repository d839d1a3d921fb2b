#include "orchestrator/planning/planned_batches.h"

#include <string>
#include <utility>

#include "orchestrator/batch_facts.h"
#include "postgres/catalog.h"

namespace crossfade::orchestrator {

strategies::BatchedUpdates planned_batches(postgres::Session& session, const BatchedChange& change) {
  const migrations::Statement& statement = change.statement;
  const postgres::Table& table = change.table;
  const strategies::BatchFacts facts = read_batch_facts(session, statement, table);
  if (table.kind != "p") {
    strategies::BatchedUpdateChoice choice = strategies::plan_batched_update(statement, table, facts);
    strategies::BatchedUpdates out{.plans = {},
                                   .refusals = std::move(choice.refusals),
                                   .announcements = std::move(choice.announcements)};
    if (choice.plan) out.plans.push_back(std::move(*choice.plan));
    return out;
  }
  const strategies::PartitionedTable whole{table, facts, change.partition_key, change.fills_column};
  if (auto refusals = strategies::partitioned_refusals(statement, whole); !refusals.empty())
    return {.plans = {}, .refusals = std::move(refusals)};
  std::vector<strategies::BatchedPartition> leaves;
  for (const strategies::Partition& partition : change.partitions) {
    if (!partition.leaf) continue;
    const auto oid = postgres::find_relation(session, partition.name.schema, partition.name.name);
    auto leaf = oid ? postgres::load_table(session, *oid) : std::nullopt;
    if (!leaf) continue;
    strategies::BatchFacts its =
        read_batch_facts(session, strategies::on_partition(statement, table, leaf->name), *leaf);
    leaves.push_back({std::move(*leaf), std::move(its)});
  }
  return strategies::plan_partitioned_update(statement, whole, leaves);
}

}  // namespace crossfade::orchestrator
