#include "orchestrator/planning/planned_batches.h"

#include <string>
#include <utility>

#include "orchestrator/batch_facts.h"

namespace crossfade::orchestrator {

namespace {

// Of every level; the columns of an expression are read off its tree.
constexpr std::string_view kPartitionKey = R"sql(
SELECT DISTINCT a.attname AS name
  FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) t
  JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = t.relid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.relid AND a.attnum > 0
   AND (a.attnum = ANY (p.partattrs::pg_catalog.int2[])
        OR a.attnum IN (SELECT (pg_catalog.regexp_matches(p.partexprs::text, ':varattno ([0-9]+)', 'g'))[1]::int2))
 ORDER BY 1
)sql";

std::vector<std::string> partition_key(postgres::Session& session, const postgres::Table& table) {
  std::vector<std::string> out;
  const postgres::Rows rows =
      session.run({"planning.partition_columns", std::string(kPartitionKey)}, {std::to_string(table.oid)});
  for (const postgres::Row row : rows) out.push_back(row.text("name"));
  return out;
}

}  // namespace

strategies::BatchedUpdates planned_batches(postgres::Session& session, const migrations::Statement& statement,
                                           const postgres::Table& table,
                                           const std::vector<strategies::Partition>& partitions) {
  const strategies::BatchFacts facts = read_batch_facts(session, statement, table);
  if (table.kind != "p") {
    strategies::BatchedUpdateChoice choice = strategies::plan_batched_update(statement, table, facts);
    strategies::BatchedUpdates out{.plans = {},
                                   .refusals = std::move(choice.refusals),
                                   .announcements = std::move(choice.announcements)};
    if (choice.plan) out.plans.push_back(std::move(*choice.plan));
    return out;
  }
  std::vector<strategies::BatchedPartition> leaves;
  for (const strategies::Partition& partition : partitions) {
    if (!partition.leaf) continue;
    const auto oid = postgres::find_relation(session, partition.name.schema, partition.name.name);
    auto leaf = oid ? postgres::load_table(session, *oid) : std::nullopt;
    if (!leaf) continue;
    strategies::BatchFacts its =
        read_batch_facts(session, strategies::on_partition(statement, table, leaf->name), *leaf);
    leaves.push_back({std::move(*leaf), std::move(its)});
  }
  return strategies::plan_partitioned_update(statement, table, facts, leaves, partition_key(session, table));
}

}  // namespace crossfade::orchestrator
