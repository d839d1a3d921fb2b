#include "strategies/one_partition.h"

#include <fmt/format.h>

namespace crossfade::strategies {

namespace {

using postgres::quote_identifier;

/// ATTACH reads the default partition under its lock; so much of it takes some 10 ms.
constexpr std::int64_t kPagesReadUnderLock = 2000;

std::string check_name(const ShadowTablePlan& plan) {
  return quote_identifier(fmt::format("crossfade_{}_bounds", plan.run));
}

}  // namespace

std::vector<Problem> one_partition_refusals(const postgres::Table& partition, const PartitionPlace& place) {
  std::vector<Problem> out;
  const std::string whole = partition.partition_of->display();
  for (const std::string& key : place.foreign_keys) {
    out.push_back({.code = "foreign-key-of-partition",
                   .object = partition.name.display(),
                   .message = fmt::format("has the foreign key {} from {}: a partition cannot change places "
                                          "without a scan under the lock, or not at all",
                                          key, whole),
                   .expected = "a partitioned table without foreign keys, out of it or into it",
                   .found = key,
                   .next = fmt::format("Rewrite {} as a whole: its foreign keys are validated behind the "
                                       "cutover.",
                                       whole)});
  }
  if (place.default_partition_pages > kPagesReadUnderLock) {
    out.push_back({.code = "default-partition",
                   .object = place.default_partition,
                   .message = fmt::format("is the default partition beside {}, and would be read under the "
                                          "lock when that is attached again",
                                          partition.name.display()),
                   .expected = fmt::format("one of at most {} pages", kPagesReadUnderLock),
                   .found = fmt::format("{} pages", place.default_partition_pages),
                   .next = fmt::format(
                       "Move its rows into partitions of their own, or rewrite {} as a whole.", whole)});
  }
  return out;
}

void plan_one_partition(ShadowTablePlan& plan, const PartitionPlace& place) {
  const std::string whole = plan.source.partition_of->quoted();
  const std::string name = plan.source.name.quoted();
  if (!place.check.empty()) {
    plan.create.push_back(fmt::format("ALTER TABLE {} ADD CONSTRAINT {} CHECK ({})", plan.shadow.quoted(),
                                      check_name(plan), place.check));
  }
  plan.swap.insert(plan.swap.begin(), fmt::format("ALTER TABLE {} DETACH PARTITION {}", whole, name));
  plan.swap.push_back(
      fmt::format("ALTER TABLE {} ATTACH PARTITION {} {}", whole, name, plan.source.partition_bound));
  if (!place.check.empty())
    plan.swap.push_back(fmt::format("ALTER TABLE {} DROP CONSTRAINT {}", name, check_name(plan)));
}

std::string lock_of_partitioned_table(const ShadowTablePlan& plan) {
  return fmt::format("LOCK TABLE ONLY {} IN ACCESS EXCLUSIVE MODE", plan.source.partition_of->quoted());
}

}  // namespace crossfade::strategies
