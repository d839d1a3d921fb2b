#include "orchestrator/verify_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "checkers/key_comparison.h"
#include "checkers/key_ranges.h"
#include "checkers/range_comparison.h"
#include "checkers/row_differences.h"
#include "checkers/type_facts.h"
#include "orchestrator/replay.h"
#include "orchestrator/workers.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

constexpr int kExamples = 20;
constexpr std::size_t kDeferredBatch = 5000;
/// Keys that are written all the time may be in the log at every look; the drain under the cutover's lock
/// brings them.
constexpr auto kDeferredPatience = std::chrono::seconds(30);

checkers::Differences find(postgres::Session& session, const checkers::Comparison& comparison,
                           const checkers::RangeOutcome& outcome, const checkers::SnapshotHook& hook) {
  return outcome.equal ? checkers::Differences{}
                       : checkers::find_differences(session, comparison, outcome.range, kExamples, hook);
}

class Verification {
 public:
  Verification(RunContext& context)
      : context_(context), comparison_(comparison_of(context.plan, context.control)) {
    checkers::mark_often_null(context.control, comparison_, context.plan.shadow);
  }

  void compare_ranges(const std::stop_token& stop) {
    checkers::KeySource source{context_.plan.source.name, {}};
    for (const strategies::KeyMapping& column : context_.plan.key)
      source.columns.push_back(column.source_name);
    checkers::KeyRangePlanner planner(context_.control, comparison_, source,
                                      {.rows_per_range = context_.options.verify_rows});
    run_on_workers(context_.options.verify_workers, stop, [&](int number, const std::stop_token& token) {
      const auto session = context_.sessions.open(fmt::format("verify {}", number));
      session->run({"verify.plan", "SET max_parallel_workers_per_gather = 0; SET jit = off"});
      const std::stop_callback cancel(token, [&session] { session->cancel(); });
      while (!token.stop_requested()) {
        std::optional<checkers::KeyRange> range;
        {
          const std::lock_guard lock(mutex_);
          range = planner.next(*session);
        }
        if (!range) break;
        compare(*session, *range);
      }
    });
    all_ranges_ = !stop.stop_requested();
  }

  /// Keys that were in the log at their range's snapshot, once replay has taken them out. False: some still
  /// are.
  bool compare_deferred(const std::stop_token& stop) {
    if (deferred_.empty()) return true;
    const auto session = context_.sessions.open("verify deferred");
    const auto until = std::chrono::steady_clock::now() + kDeferredPatience;
    while (!deferred_.empty() && !stop.stop_requested()) {
      std::vector<checkers::KeyText> keys;
      const std::size_t count = std::min(kDeferredBatch, deferred_.size());
      keys.assign(std::make_move_iterator(deferred_.end() - static_cast<std::ptrdiff_t>(count)),
                  std::make_move_iterator(deferred_.end()));
      deferred_.resize(deferred_.size() - count);
      checkers::KeysOutcome outcome = checkers::compare_keys(*session, comparison_, keys, kExamples, hook());
      tally_.add(outcome);
      if (outcome.still_logged.size() == keys.size() && std::chrono::steady_clock::now() > until) {
        deferred_.insert(deferred_.end(), outcome.still_logged.begin(), outcome.still_logged.end());
        return false;
      }
      if (outcome.still_logged.size() == keys.size()) {
        context_.progress.set_waiting(
            fmt::format("replay of {} keys that were being written while they were compared", keys.size()));
        sleep_unless_stopped(std::chrono::milliseconds(20), stop);
      }
      deferred_.insert(deferred_.begin(), std::make_move_iterator(outcome.still_logged.begin()),
                       std::make_move_iterator(outcome.still_logged.end()));
    }
    context_.progress.set_waiting("");
    return deferred_.empty();
  }

  checkers::VerificationReport report() const {
    return tally_.report(comparison_, context_.run(), all_ranges_);
  }

 private:
  checkers::SnapshotHook hook() const {
    return [this](postgres::Session& session) {
      const auto found = checkers::read_fingerprint(session, context_.plan.source.oid);
      if (auto change = checkers::compare(context_.fingerprint, found))
        throw SourceChanged{std::move(*change)};
    };
  }

  void compare(postgres::Session& session, const checkers::KeyRange& range) {
    checkers::RangeOutcome outcome =
        checkers::compare_range(session, comparison_, range, {.after_snapshot = hook()});
    while (outcome.excluded_truncated) {
      // More keys than are handed back: replay is behind. The range counts only once it can be compared in
      // full.
      context_.progress.set_waiting("replay: too many keys of one range are in the log");
      sleep_unless_stopped(std::chrono::milliseconds(500), context_.stop);
      context_.check_stop();
      outcome = checkers::compare_range(session, comparison_, range, {.after_snapshot = hook()});
      context_.progress.set_waiting("");
    }
    const checkers::Differences differences = find(session, comparison_, outcome, hook());
    const std::lock_guard lock(mutex_);
    tally_.add(outcome, differences);
    deferred_.insert(deferred_.end(), outcome.excluded_keys.begin(), outcome.excluded_keys.end());
    context_.progress.add_rows(outcome.rows_left + outcome.excluded_left);
  }

  RunContext& context_;
  checkers::Comparison comparison_;
  std::mutex mutex_;
  checkers::VerificationTally tally_;
  std::vector<checkers::KeyText> deferred_;
  bool all_ranges_ = false;
};

}  // namespace

checkers::Comparison comparison_of(const strategies::ShadowTablePlan& plan, postgres::Session& session) {
  checkers::Comparison out;
  out.left_name = plan.source.name.display();
  out.right_name = plan.shadow.display();
  out.left_select = strategies::comparison_select_source(plan);
  out.right_select = strategies::comparison_select_shadow(plan);
  out.not_compared = plan.not_compared;
  out.log = plan.log;
  out.relations = {plan.source.name, plan.shadow, plan.log};

  std::vector<std::uint32_t> oids;
  for (const postgres::Column& column : plan.target.columns) oids.push_back(column.type_oid);
  const std::vector<checkers::TypeFacts> facts = checkers::load_type_facts(session, oids);
  const auto facts_of = [&](const std::string& name) -> const checkers::TypeFacts& {
    const postgres::Column* column = plan.target.column(name);
    return facts[static_cast<std::size_t>(column - plan.target.columns.data())];
  };
  for (const postgres::Column& column : plan.target.columns) {
    if (std::find(plan.not_compared.begin(), plan.not_compared.end(), column.name) != plan.not_compared.end())
      continue;
    out.columns.push_back(
        {column.name, column.type, checkers::hash_form(facts_of(column.name), column.type_modifier)});
  }
  std::vector<std::uint32_t> source_oids;
  for (const strategies::KeyMapping& key : plan.key)
    source_oids.push_back(plan.source.column(key.source_name)->type_oid);
  const std::vector<checkers::TypeFacts> source_facts = checkers::load_type_facts(session, source_oids);
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    const strategies::KeyMapping& key = plan.key[index];
    const postgres::Column* column = plan.target.column(key.shadow_name);
    out.keys.push_back({.left_type = key.source_type,
                        .right_type = key.shadow_type,
                        .left_collation = key.source_collation,
                        .right_collation = key.shadow_collation,
                        .left_operator_schema = source_facts[index].operator_schema,
                        .right_operator_schema = facts_of(key.shadow_name).operator_schema,
                        .form = checkers::hash_form(facts_of(key.shadow_name), column->type_modifier),
                        .compared_as = key.shadow_name});
    out.key_names.push_back(key.source_name);
    out.key_order_preserved = out.key_order_preserved && key.order_preserved;
  }
  return out;
}

checkers::VerificationReport verify_run(RunContext& context, bool replay) {
  Verification verification(context);
  if (!replay) {
    verification.compare_ranges(context.stop);
    context.check_stop();
    return verification.report();
  }
  // One thread compares, the others keep the log short; the comparison's end, or its failure, ends them.
  std::stop_source replay_stop;
  const int replayers = usable_replayers(context, context.control);
  run_on_workers(replayers + 1, context.stop, [&](int number, const std::stop_token& stop) {
    const std::stop_callback forward(stop, [&replay_stop] { replay_stop.request_stop(); });
    if (number == replayers) {
      verification.compare_ranges(stop);
      verification.compare_deferred(stop);
      replay_stop.request_stop();
      return;
    }
    Replayer replayer(context, number, replayers);
    while (!replay_stop.stop_requested()) {
      if (replayer.replay_batch().consumed == 0)
        sleep_unless_stopped(std::chrono::milliseconds(20), replay_stop.get_token());
    }
  });
  context.check_stop();
  return verification.report();
}

bool record_verification(RunContext& context, const checkers::VerificationReport& report) {
  // Keys that are written without pause may never be seen outside the log; they do not stand against the
  // rest. The drain under the cutover's lock brings them, as it brings every last change.
  const bool equal = report.differences.total() == 0 && report.rows_left == report.rows_right && report.exact;
  WorkerTransaction transaction(context.control, context.sessions, "verify.record");
  context.journal.save_verification(context.run(),
                                    {{"mode", report.mode},
                                     {"rows", report.rows_left},
                                     {"differences", report.differences.total()},
                                     {"not_compared", boost::json::value_from(report.not_compared)}},
                                    checkers::to_json(report), equal);
  transaction.commit();
  return equal;
}

Failure nothing_to_compare(const Run& run) {
  return Failure(
      ExitCode::refused,
      {.code = "nothing-to-compare",
       .object = fmt::format("run {} of {}", run.run, run.table()),
       .message = run.phase == Phase::soaking
                      ? "the run is soaking: the old table stands as it was at the cutover, so there is "
                        "nothing that it should equal"
                      : "there is no finished copy to compare with",
       .expected = "a run in replaying, verifying or ready",
       .found = "phase " + to_string(run.phase),
       .next = run.phase == Phase::soaking
                   ? fmt::format("`crossfade contract {}` when the new table is accepted.", run.run)
                   : "Run `crossfade up` until the copy is finished."});
}

Failure differences_found(const strategies::ShadowTablePlan& plan,
                          const checkers::VerificationReport& report) {
  std::string examples;
  for (const checkers::DifferenceExample& example : report.examples) {
    std::string key;
    for (const auto& [name, value] : example.key)
      key += fmt::format("{}{}={}", key.empty() ? "" : ", ", name, value);
    examples += fmt::format("; {} {}", example.kind, key);
    for (const std::string& column : example.columns)
      examples += fmt::format("{}{}", &column == &example.columns.front() ? ": " : ", ", column);
  }
  return Failure(
      ExitCode::differences,
      {.code = "differences",
       .object = plan.source.name.display(),
       .message = "the new table differs from the old one; no cutover happens",
       .expected = "no difference",
       .found = fmt::format("{} missing, {} extra, {} changed of {} rows{}", report.differences.missing,
                            report.differences.extra, report.differences.changed, report.rows_left, examples),
       .next =
           fmt::format("`crossfade abort {}` removes the new table; the live one is untouched.", plan.run)});
}

}  // namespace crossfade::orchestrator
