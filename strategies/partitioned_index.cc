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
std::string partition_index_name(const QualifiedName& partition, const postgres::Index& index,
                                 const postgres::Constraint* constraint, const std::set<std::string>& taken) {
  if (constraint != nullptr && constraint->type == "p") return chosen_name(partition.name, "", "pkey", taken);
  return chosen_name(partition.name, joined(index.attributes), constraint == nullptr ? "idx" : "key", taken);
}

std::string drop_constraint(const QualifiedName& table, const std::string& name) {
  return alter_table(table, "DROP CONSTRAINT IF EXISTS " + postgres::quote_identifier(name));
}

class PartitionedIndex {
 public:
  /// `constraint` may be null: an index alone.
  PartitionedIndex(const StatementContext& context, const postgres::Index& index,
                   const postgres::Constraint* constraint)
      : context_(context),
        index_(index),
        constraint_(constraint),
        steps_(context, constraint == nullptr ? "concurrent index" : "unique constraint over an index",
               constraint == nullptr     ? "40"
               : constraint->type == "p" ? "33"
                                         : "32") {
    taken_ = context.names.relations;
    if (constraint != nullptr)
      taken_.insert(context.names.constraints.begin(), context.names.constraints.end());
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
      if (constraint_ != nullptr) add_constraint(partition.name);
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
    std::string name = partition_index_name(partition, index_, constraint_, taken_);
    taken_.insert(name);
    return name;
  }

  /// On this table alone it is invalid until every partition's index is attached to it.
  void add_without_rows(const QualifiedName& table, const std::string& name, std::string_view what) {
    const std::string sql = constraint_ == nullptr
                                ? with_index_name(index_statement(index_, table), name, true)
                                : fmt::format("ALTER TABLE ONLY {} ADD CONSTRAINT {} {}", table.quoted(),
                                              postgres::quote_identifier(name), constraint_->definition);
    InPlaceStep& step =
        steps_.on(table, constraint_ == nullptr ? "SHARE" : "ACCESS EXCLUSIVE", StepKind::locked,
                  fmt::format("{} {} on {} alone", kind(), name, what), {sql},
                  "Holds no rows, so the lock is short; invalid until all partitions have theirs.");
    indexes_[table.quoted()] = {table.schema, name};
    step.undo = {taken_back(table)};
    // A partition that comes later gets its index from the server.
    step.on_partitions = true;
    step.partitions = partitions_below(context_, table);
  }

  std::string_view kind() const { return constraint_ == nullptr ? "index" : "constraint"; }

  /// With it go those that are attached to it.
  std::string taken_back(const QualifiedName& table) const {
    const QualifiedName& index = indexes_.at(table.quoted());
    return constraint_ == nullptr ? "DROP INDEX IF EXISTS " + index.quoted()
                                  : drop_constraint(table, index.name);
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

  /// The index of a constraint takes a constraint's index only.
  void add_constraint(const QualifiedName& partition) {
    postgres::Constraint own = *constraint_;
    own.name = indexes_.at(partition.quoted()).name;
    InPlaceStep& step =
        steps_.on(partition, "ACCESS EXCLUSIVE", StepKind::locked, "add constraint " + own.name,
                  {constraint_using_index(own, own.name, partition)},
                  "The index is there, so this is a change of the catalog.");
    step.undo = {drop_constraint(partition, own.name)};
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
    step.undo = {taken_back(partition.parent)};
  }

  const StatementContext& context_;
  const postgres::Index& index_;
  const postgres::Constraint* constraint_;
  StepList steps_;
  std::set<std::string> taken_;
  std::map<std::string, QualifiedName> indexes_;  ///< by the quoted name of their table
};

}  // namespace

std::vector<QualifiedName> partitions_below(const StatementContext& context, const QualifiedName& table) {
  std::set<std::string> above = {table.quoted()};
  std::vector<QualifiedName> out;
  // Parents stand before their children.
  for (const Partition& partition : context.partitions) {
    if (!above.contains(partition.parent.quoted())) continue;
    above.insert(partition.name.quoted());
    out.push_back(partition.name);
  }
  return out;
}

InPlaceSteps plan_partitioned_index(const StatementContext& context, const postgres::Index& index) {
  return {.steps = PartitionedIndex(context, index, nullptr).steps()};
}

InPlaceSteps plan_partitioned_constraint(const StatementContext& context, const postgres::Index& index,
                                         const postgres::Constraint& constraint) {
  return {.steps = PartitionedIndex(context, index, &constraint).steps()};
}

}  // namespace crossfade::strategies
