#include "strategies/shadow_steps.h"

#include <fmt/format.h>

#include <algorithm>

#include "strategies/carried_objects.h"
#include "strategies/shadow_table.h"
#include "strategies/transform.h"

namespace crossfade::strategies {

namespace {

// Rates of a small server (two cores), so that estimates err on the long side; docs/performance.md has the
// measurements.
constexpr std::int64_t kCopyBytesPerSecond = 60LL << 20;
constexpr std::int64_t kIndexBytesPerSecond = 40LL << 20;
constexpr std::int64_t kVerifyBytesPerSecond = 150LL << 20;

class StepList {
 public:
  explicit StepList(const ShadowTablePlan& plan) : plan_(plan) {}

  void add(std::string phase, std::string name, std::vector<std::string> sql, std::vector<LockUse> locks,
           std::string reason, bool in_transaction = true) {
    steps_.push_back({.number = static_cast<int>(steps_.size()) + 1,
                      .phase = std::move(phase),
                      .name = std::move(name),
                      .strategy = "shadow",
                      .table = plan_.source.name.display(),
                      .sql = std::move(sql),
                      .locks = std::move(locks),
                      .in_transaction = in_transaction,
                      .hazard = "",
                      .reason = std::move(reason)});
  }
  std::vector<Step> take() { return std::move(steps_); }

 private:
  const ShadowTablePlan& plan_;
  std::vector<Step> steps_;
};

}  // namespace

std::vector<Step> shadow_steps(const ShadowTablePlan& plan) {
  const std::string source = plan.source.name.display();
  const std::string shadow = plan.shadow.display();
  const std::string log = plan.log.display();
  const std::string format = plan.binary_copy ? "binary" : "text";
  StepList steps(plan);
  std::vector<std::string> create = plan.create;
  create.insert(create.end(), plan.set_aside.begin(), plan.set_aside.end());
  steps.add("expanding", "create the shadow table", std::move(create), {{source, "ACCESS SHARE"}},
            "An empty table with the new shape stands beside the live one; its indexes are set aside until "
            "the rows are in.");
  steps.add("expanding", "switch change capture on", plan.capture, {{source, "SHARE ROW EXCLUSIVE"}},
            "Every write's key is logged from here on. The lock waits for open writers within the lock "
            "budget and is held for "
            "the length of these statements only.");
  steps.add(
      "copying", "copy rows",
      {fmt::format("COPY ({}) TO STDOUT (FORMAT {})",
                   transform_select(plan, "WHERE " + source_alias(plan) + ".ctid >= '(first page,0)' AND " +
                                              source_alias(plan) + ".ctid < '(last page,0)'"),
                   format),
       fmt::format("COPY {} ({}) FROM STDIN (FORMAT {})", plan.shadow.quoted(), copied_columns(plan),
                   format)},
      {{source, "ACCESS SHARE"}, {shadow, "ROW EXCLUSIVE"}},
      "Page ranges in physical order, one chunk a transaction, no long snapshot.");
  steps.add("building", "purge moved rows",
            {fmt::format("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", plan.shadow.quoted()),
             fmt::format("DELETE FROM {} AS s USING (SELECT DISTINCT {} FROM {}) AS k WHERE {}",
                         plan.shadow.quoted(), log_key_columns(plan), plan.log.quoted(),
                         shadow_matches_key(plan, "s", "k"))},
            {{shadow, "SHARE ROW EXCLUSIVE"}},
            "Rows that moved while they were copied may stand twice; their keys are in the log.");
  for (const IndexBuild& index : plan.indexes) {
    steps.add("building", "build index " + index.name, {index.sql}, {{shadow, "SHARE"}},
              index.temporary    ? "Replay finds its rows by it; dropped after the cutover."
              : index.replay_key ? "Replay finds its rows by it."
                                 : "Built in one pass over the finished rows.");
  }
  steps.add("building", "finish the shadow table", plan.finish, {{shadow, "ACCESS EXCLUSIVE"}},
            "Constraints take their indexes over; grants, comments and storage as on the live table.");
  steps.add("building", "vacuum and analyze", {"VACUUM (ANALYZE) " + plan.shadow.quoted()},
            {{shadow, "SHARE UPDATE EXCLUSIVE"}},
            "The planner's statistics and the visibility map are there before the first application query.",
            false);
  steps.add("replaying", "replay changes",
            {fmt::format("DELETE FROM {} … RETURNING {}", plan.log.quoted(), log_key_columns(plan)),
             fmt::format("DELETE FROM {} AS s USING {} WHERE {}", plan.shadow.quoted(),
                         keys_from_parameters(plan, "k"), shadow_matches_key(plan, "s", "k")),
             fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {} ON CONFLICT DO NOTHING",
                         plan.shadow.quoted(), copied_columns(plan),
                         transform_select(plan, "JOIN (keys) AS k ON " +
                                                    source_matches_key(plan, source_alias(plan), "k")))},
            {{source, "ACCESS SHARE"}, {shadow, "ROW EXCLUSIVE"}, {log, "ROW EXCLUSIVE"}},
            "Each logged key is brought to what the live table holds now, until the log is short.");
  steps.add(
      "verifying", "verify every row",
      {"-- left\n" + comparison_select_source(plan), "-- right\n" + comparison_select_shadow(plan)},
      {{source, "ACCESS SHARE"}, {shadow, "ACCESS SHARE"}},
      "Key ranges, one snapshot each; a difference stops the run before the application sees anything.");
  std::vector<std::string> swap = {
      fmt::format("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", plan.source.name.quoted()),
      fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", plan.source.name.quoted()),
      "-- the last logged keys are replayed by a second session",
      fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE NOWAIT", plan.shadow.quoted())};
  for (const std::string& statement : plan.uncapture) {
    if (statement.starts_with("DROP TRIGGER")) swap.push_back(statement);
  }
  const std::vector<std::string> before = before_swap({plan.carried});
  const std::vector<std::string> after = after_swap({plan.carried});
  swap.insert(swap.end(), before.begin(), before.end());
  swap.insert(swap.end(), plan.at_swap.begin(), plan.at_swap.end());
  swap.insert(swap.end(), plan.swap.begin(), plan.swap.end());
  swap.insert(swap.end(), after.begin(), after.end());
  std::vector<LockUse> swap_locks = {{source, "ACCESS EXCLUSIVE"}, {shadow, "ACCESS EXCLUSIVE"}};
  for (const postgres::QualifiedName& table : plan.carried.neighbours)
    swap_locks.push_back({table.display(), "ACCESS EXCLUSIVE"});
  if (!plan.carried.prepare.empty()) {
    steps.add("ready", "prepare what hangs on the table", plan.carried.prepare, {{shadow, "ACCESS SHARE"}},
              "Views and functions over the new table are made beside those over the old one, so that under "
              "the lock they only move; materialized views are filled now.");
  }
  steps.add(
      "ready", "cut over", std::move(swap), std::move(swap_locks),
      "Both tables change their schema in one transaction, inside the lock budget and the hold budget.");
  for (const std::string& statement : plan.carried.validate) {
    steps.add("soaking", "validate a foreign key", {statement}, {{source, "SHARE UPDATE EXCLUSIVE"}},
              "New rows are checked since the cutover; now those that were there already. Writers do not "
              "notice.");
  }
  steps.add(
      "soaking", "contract", contract_statements(plan),
      {{plan.old_schema + "." + plan.source.name.name, "ACCESS EXCLUSIVE"}},
      "Only with `up --contract` or `contract`: the old table and everything of the run's own is removed.");
  return steps.take();
}

Estimate shadow_estimate(const ShadowTablePlan& plan) {
  const std::int64_t heap = plan.source.heap_bytes;
  const std::int64_t indexes = plan.source.index_bytes;
  std::int64_t widest = 0;
  for (const postgres::Index& index : plan.source.indexes) widest = std::max(widest, index.bytes);
  return {.rows = plan.source.estimated_rows,
          .disk_bytes = heap + indexes + widest,  // a sort needs about the size of the index that it builds
          .wal_bytes = heap + indexes,
          .seconds = 1 + heap / kCopyBytesPerSecond + indexes / kIndexBytesPerSecond +
                     2 * heap / kVerifyBytesPerSecond};
}

}  // namespace crossfade::strategies
