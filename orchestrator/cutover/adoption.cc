#include "orchestrator/cutover/adoption.h"

#include "orchestrator/carried_objects.h"
#include "orchestrator/cutover/swap.h"
#include "orchestrator/source_drift.h"
#include "strategies/carried_objects.h"
#include "strategies/table_tree.h"

namespace crossfade::orchestrator {

std::string Adoption::digest_now(postgres::Session& session) const {
  std::string out;
  for (const RunContext* context : contexts_) out += drift_digest(session, context->plan) + " ";
  return out;
}

bool Adoption::bring_up_to_date(postgres::Session& session) {
  const std::string digest = digest_now(session);
  if (digest == digest_) return true;
  std::vector<CarriedMember> group;
  std::vector<postgres::QualifiedName> names;
  std::vector<std::uint32_t> partitions;
  for (RunContext* context : contexts_) {
    auto source = adopt_drift(*context, context->plan, session);
    if (!source) return false;
    group.push_back({context, &context->plan, std::move(*source)});
    names.push_back(context->plan.source.name);
    // Who waits for a partition as a rule waits for the table that it belongs to.
    if (const auto& whole = context->plan.source.partition_of) {
      if (const auto oid = postgres::find_relation(session, whole->schema, whole->name))
        partitions.push_back(*oid);
    }
  }
  // Behind the tables themselves, whose statements theirs are added to.
  std::vector<std::vector<strategies::ShadowTablePlan>> below;
  std::vector<std::size_t> owners;
  for (RunContext* context : contexts_) below.push_back(strategies::partition_plans(context->plan));
  for (std::size_t index = 0; index < contexts_.size(); ++index) {
    for (const strategies::ShadowTablePlan& partition : below[index]) {
      auto source = adopt_drift(*contexts_[index], partition, session);
      if (!source) return false;
      group.push_back({contexts_[index], &partition, std::move(*source)});
      owners.push_back(index);
    }
    for (const postgres::Table& partition : contexts_[index]->plan.source_partitions)
      partitions.push_back(partition.oid);
  }
  carried_ = prepare_carried_objects(group, session, digest);
  for (std::size_t index = 0; index < owners.size(); ++index)
    strategies::add_partition(carried_[owners[index]], std::move(carried_[contexts_.size() + index]));
  carried_.resize(contexts_.size());
  neighbours_ = find_neighbours(session, carried_, names, partitions);
  digest_ = digest;
  return true;
}

bool Adoption::still_holds(postgres::Session& session) {
  if (digest_now(session) == digest_) return true;
  digest_.clear();
  return false;
}

std::string Adoption::view_locks() const {
  std::string out;
  for (const strategies::CarriedObjects& each : carried_) out += joined(each.lock_first);
  return out;
}

}  // namespace crossfade::orchestrator
