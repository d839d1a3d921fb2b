#include "strategies/table_tree.h"

#include <algorithm>

namespace crossfade::strategies {

namespace {

using postgres::QualifiedName;
using postgres::Table;

const Table* named(const std::vector<Table>& tables, const std::string& name) {
  const auto found =
      std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name.name == name; });
  return found == tables.end() ? nullptr : &*found;
}

}  // namespace

bool is_partitioned(const Table& table) {
  return table.kind == "p";
}

std::vector<ShadowTable> shadow_tables(const ShadowTablePlan& plan) {
  std::vector<ShadowTable> out = {{&plan.target, &plan.source, plan.shadow, plan.source.name}};
  for (const Table& partition : plan.target_partitions) {
    const Table* source = named(plan.source_partitions, partition.name.name);
    out.push_back(
        {&partition,
         source,
         {plan.run_schema, partition.name.name},
         source != nullptr ? source->name : QualifiedName{plan.source.name.schema, partition.name.name}});
  }
  return out;
}

std::vector<const Table*> source_tables(const ShadowTablePlan& plan) {
  std::vector<const Table*> out = {&plan.source};
  for (const Table& partition : plan.source_partitions) out.push_back(&partition);
  return out;
}

std::vector<const Table*> source_leaves(const ShadowTablePlan& plan) {
  std::vector<const Table*> out = source_tables(plan);
  std::erase_if(out, [](const Table* table) { return is_partitioned(*table); });
  return out;
}

std::vector<std::uint32_t> source_oids(const ShadowTablePlan& plan) {
  std::vector<std::uint32_t> out;
  for (const Table* table : source_tables(plan)) out.push_back(table->oid);
  return out;
}

QualifiedName old_name(const ShadowTablePlan& plan, const Table& source) {
  return {plan.old_schema, source.name.name};
}

std::vector<ShadowTablePlan> partition_plans(const ShadowTablePlan& plan) {
  std::vector<ShadowTablePlan> out;
  for (const ShadowTable& table : shadow_tables(plan)) {
    if (table.source == nullptr || table.source == &plan.source) continue;
    ShadowTablePlan part;
    part.run = plan.run;
    part.source = *table.source;
    part.target = *table.target;
    part.shadow = table.shadow;
    part.run_schema = plan.run_schema;
    part.old_schema = plan.old_schema;
    part.carried_columns = plan.carried_columns;
    out.push_back(std::move(part));
  }
  return out;
}

}  // namespace crossfade::strategies
