#include "strategies/partitioned_index.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "migrations/repoint.h"
#include "strategies/name_collisions.h"
#include "strategies/shadow_shape.h"
#include "strategies/step_list.h"

namespace crossfade::strategies {

namespace {

using postgres::QualifiedName;

/// As PostgreSQL calls the index that it makes for a partition.
std::string partition_index_name(const QualifiedName& partition, const postgres::Index& index) {
  std::string name = partition.name;
  for (const std::string& column : index.key_columns) name += "_" + (column.empty() ? "expr" : column);
  return name + "_idx";
}

class PartitionedIndex {
 public:
  PartitionedIndex(const StatementContext& context, const postgres::Index& index)
      : context_(context), index_(index), steps_(context, "concurrent index", "40") {
    taken_ = context.names.relations;
    taken_.insert(index.name);
  }

  std::vector<InPlaceStep> steps() {
    const postgres::Table& table = *context_.table;
    add_without_rows(table.name, index_.name, "the parent");
    for (const Partition& partition : context_.partitions) {
      if (!partition.leaf) add_without_rows(partition.name, own_name(partition.name), "a partition");
    }
    for (const Partition& partition : context_.partitions) {
      if (!partition.leaf) continue;
      build(partition.name, own_name(partition.name));
      attach(partition);
    }
    for (auto partition = context_.partitions.rbegin(); partition != context_.partitions.rend();
         ++partition) {
      if (!partition->leaf) attach(*partition);
    }
    return steps_.take();
  }

 private:
  std::string own_name(const QualifiedName& partition) {
    std::string name = first_free_name(partition_index_name(partition, index_), taken_);
    taken_.insert(name);
    return name;
  }

  /// On this table alone it is invalid until every partition's index is attached to it.
  void add_without_rows(const QualifiedName& table, const std::string& name, std::string_view what) {
    const std::string sql = with_index_name(index_statement(index_, table), name, true);
    InPlaceStep& step =
        steps_.on(table, "SHARE", StepKind::locked, fmt::format("index {} on {} alone", name, what), {sql},
                  "Holds no rows, so the lock is short; invalid until all partitions have theirs.");
    indexes_[table.quoted()] = {table.schema, name};
    step.undo = {"DROP INDEX IF EXISTS " + indexes_.at(table.quoted()).quoted()};
    // A partition that comes later gets its index from the server.
    step.on_partitions = true;
    for (const Partition& partition : context_.partitions) {
      if (partition.parent.quoted() == table.quoted()) step.partitions.push_back(partition.name);
    }
  }

  void build(const QualifiedName& partition, const std::string& name) {
    const auto statements =
        migrations::parse_statements(with_index_name(index_statement(index_, partition), name), name, 1);
    InPlaceStep& step =
        steps_.on(partition, "SHARE UPDATE EXCLUSIVE", StepKind::index, "build index " + name,
                  {migrations::with_concurrently(statements.front())}, "Writers go on while it is built.");
    step.index = name;
    indexes_[partition.quoted()] = {partition.schema, name};
    step.undo = {"DROP INDEX CONCURRENTLY IF EXISTS " + indexes_.at(partition.quoted()).quoted()};
  }

  void attach(const Partition& partition) {
    const QualifiedName& own = indexes_.at(partition.name.quoted());
    const QualifiedName& parent = indexes_.at(partition.parent.quoted());
    InPlaceStep& step =
        steps_.on(partition.name, "SHARE UPDATE EXCLUSIVE", StepKind::locked, "attach index " + own.name,
                  {fmt::format("ALTER INDEX {} ATTACH PARTITION {}", parent.quoted(), own.quoted())},
                  "With the last one the parent's index becomes valid.");
    step.locks.push_back({partition.parent.display(), "ACCESS SHARE"});
    // An attached index cannot be dropped alone.
    step.undo = {"DROP INDEX IF EXISTS " + parent.quoted()};
  }

  const StatementContext& context_;
  const postgres::Index& index_;
  StepList steps_;
  std::set<std::string> taken_;
  std::map<std::string, QualifiedName> indexes_;  ///< by the quoted name of their table
};

}  // namespace

InPlaceSteps plan_partitioned_index(const StatementContext& context, const postgres::Index& index) {
  return {.steps = PartitionedIndex(context, index).steps()};
}

}  // namespace crossfade::strategies
