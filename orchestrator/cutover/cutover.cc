#include "orchestrator/cutover/cutover.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <thread>

#include "orchestrator/cutover/adoption.h"
#include "orchestrator/cutover/drain.h"
#include "orchestrator/cutover/give_up.h"
#include "orchestrator/cutover/in_doubt.h"
#include "orchestrator/cutover/lock_watch.h"
#include "orchestrator/cutover/old_snapshots.h"
#include "orchestrator/cutover/sequence_locks.h"
#include "orchestrator/cutover/swap.h"
#include "orchestrator/cutover/watchdog.h"
#include "orchestrator/lock_attempts.h"
#include "orchestrator/replay.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// The first time shorter, so that what holds the table up is soon named.
constexpr milliseconds kFirstYieldingLockPatience{5000};
/// How long a moment without any snapshot is looked for, right before the lock is requested.
constexpr milliseconds kQuietMoment{20};
/// For locks inside the swap: whoever holds one waits for our own lock on the table, so waiting for it is a
/// deadlock.
constexpr int kSecondaryLockMs = 5;
constexpr milliseconds kTransactionLimit{10000};
/// The statement is cancelled first, so that as a rule the backend itself need not be ended.
constexpr milliseconds kGentleEndBefore{20};

double elapsed_ms(Clock::time_point since) {
  return std::chrono::duration<double, std::milli>(Clock::now() - since).count();
}

std::vector<RunContext*> contexts_of(const std::vector<CutoverMember>& group) {
  std::vector<RunContext*> out;
  for (const CutoverMember& member : group) out.push_back(member.context);
  return out;
}

class Cutover {
 public:
  explicit Cutover(const std::vector<CutoverMember>& group)
      : context_(*group.front().context), adoption_(contexts_of(group)) {
    for (const CutoverMember& each : group) members_.push_back({.context = each.context, .run = each.run});
  }

  CommittedCutover run() {
    milliseconds pause{50};
    while (outcome_.attempts < context_.options.cutover_attempts) {
      context_.check_stop();
      const int attempts_before = outcome_.attempts;
      try {
        if (!locker_) open_sessions();
        wait_for_old_snapshots();
        if (attempt_in_one_transaction()) return finish();
      } catch (const postgres::DatabaseError& error) {
        // A drain's or a replay's commit may be in doubt as well; the journal and the log answer for these.
        if (error.in_doubt() && !xid_.empty()) {
          close_sessions();
          if (committed_after_all(context_, xid_)) return finish();
        }
        if (names_nothing(error) && observer_) throw_if_a_source_changed();
        if (!error.retryable()) throw;
        reason_ = std::string("the server: ") + error.report().message;
        // A failure on the way to the lock counts too, or it would repeat for ever.
        if (outcome_.attempts == attempts_before) ++outcome_.attempts;
        close_sessions();
      }
      show_reason();
      sleep_unless_stopped(pause, context_.stop);
      pause = std::min(pause * 2, milliseconds(5000));
    }
    throw Failure(
        ExitCode::resumable,
        {.code = "cutover-attempts-used-up",
         .object = context_.plan.source.name.display(),
         .message = fmt::format("no cutover in {} attempts", outcome_.attempts),
         .expected = "a moment in which the lock can be had and held for the swap",
         .found = reason_,
         .next =
             "Run `crossfade up` again at a quieter time, or raise --lock-budget, --hold-budget or "
             "--cutover-attempts. Nothing is lost; the new table stays in sync while a process replays."});
  }

 private:
  void open_sessions() {
    observer_ = context_.sessions.open("observe");
    watcher_ = context_.sessions.open("watch");
    locker_ = context_.sessions.open_copy("cutover");
    for (Member& member : members_) {
      member.replayer.emplace(*member.context, 0, 1);
      member.drainer = member.context->sessions.open_copy("drain");
      // A frozen process must not keep a half-done drain open either. No sequential scan: statistics may be
      // young.
      member.drainer->run(
          {"drain.timeouts",
           fmt::format("SET idle_in_transaction_session_timeout = '{0}ms'; SET statement_timeout = '{0}ms'; "
                       "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET "
                       "jit = off",
                       context_.options.hold_budget_ms + context_.options.lock_budget_ms)});
    }
    // A commit that waits for a slow standby must keep neither the table's lock nor the journal's row.
    locker_->run({"cutover.settings",
                  "SET jit = off; SET synchronous_commit = local; SET plan_cache_mode = force_generic_plan"});
    observer_->run({"observe.settings", "SET synchronous_commit = local"});
    lock_timeout_ = lock_timeout_ms(*observer_, budgets());
    search_path_ =
        locker_->run({"cutover.search_path", "SELECT pg_catalog.current_setting('search_path') AS path"})
            .only()
            .text("path");
    if (search_path_.empty()) search_path_ = "''";
  }

  void close_sessions() {
    locker_.reset();
    for (Member& member : members_) {
      member.drainer.reset();
      member.replayer.reset();
    }
    observer_.reset();
    watcher_.reset();
  }

  void throw_if_a_source_changed() {
    for (std::size_t index = 0; index < members_.size(); ++index)
      of_member(index, [&] { throw_if_source_changed(*members_[index].context, *observer_); });
  }

  /// The caller looks after its own run; another's is told apart.
  template <class Look>
  void of_member(std::size_t index, Look look) {
    try {
      look();
    } catch (SourceChanged& changed) {
      if (index == 0) throw;
      throw MemberChanged{index, std::move(changed.change)};
    }
  }

  void drain_all() {
    for (Member& member : members_) member.replayer->drain(context_.stop);
  }

  std::vector<SnapshotHolder> snapshots() {
    return snapshot_holders(*observer_, context_.plan.source.oid, adoption_.neighbours().oids);
  }

  LockBudgets budgets() const { return {context_.options.lock_budget_ms, context_.options.hold_budget_ms}; }
  LockWish wish(const postgres::QualifiedName& table) const { return {table, "ACCESS EXCLUSIVE", "cutover"}; }

  void show_reason() {
    context_.progress.set_waiting(fmt::format("the cutover (attempt {} of {}): {}", outcome_.attempts,
                                              context_.options.cutover_attempts, reason_));
  }

  /// Long before any lock is asked for: as long as somebody holds a snapshot from before now, an attempt
  /// would only disturb writers and be given up.
  void wait_for_old_snapshots() {
    drain_all();
    for (Member& member : members_) member.replayer->vacuum_log();
    if (context_.options.old_snapshots == OldSnapshots::ignore) return;
    const std::vector<SnapshotHolder> before = snapshots();
    for (milliseconds pause{5};; pause = std::min(pause * 2, milliseconds(200))) {
      const auto left = still_held(before, snapshots());
      if (left.empty()) break;
      context_.check_stop();
      if (pause > milliseconds(100)) {
        reason_ = "old snapshots: " + describe(left);
        context_.progress.set_waiting(
            reason_ +
            ". They would see the new table as it was before their changes; --old-snapshots ignore "
            "goes on all the same");
      }
      drain_all();
      sleep_unless_stopped(pause, context_.stop);
    }
    context_.progress.set_waiting("");
  }

  bool attempt_in_one_transaction() {
    throw_if_a_source_changed();
    // Outside the transaction: it locks the shadow more strongly than the yielding lock of this very process
    // allows.
    if (!adoption_.bring_up_to_date(*observer_)) throw_if_a_source_changed();
    WorkerTransaction transaction(*locker_, context_.sessions, "cutover");
    for (std::size_t index = 1; index < members_.size(); ++index)
      enter_fence(*locker_, members_[index].context->sessions, "cutover");
    if (outcome_.attempts > 0) show_reason();
    try {
      auto patience = outcome_.attempts == 0 ? kFirstYieldingLockPatience : kYieldingLockPatience;
      for (const Member& member : members_) {
        take_yielding_lock(*locker_, wish(member.context->plan.source.name), patience, context_.stop);
        patience = kYieldingLockPatience;
      }
      // An autovacuum of a neighbour makes way as well.
      for (const postgres::QualifiedName& table : adoption_.neighbours().tables)
        take_yielding_lock(*locker_, wish(table), kYieldingLockPatience, context_.stop);
    } catch (const postgres::DatabaseError& error) {
      if (!error.lock_not_available()) throw;
      transaction.rollback();
      count_attempt();
      reason_ = who_is_in_the_way();
      return false;
    }
    for (Member& member : members_) {
      locker_->run({"cutover.yield_shadow", "LOCK TABLE " + member.context->plan.shadow.quoted() +
                                                " IN SHARE UPDATE EXCLUSIVE MODE"});
      // Behind the yielding locks, so that it waits for nobody.
      rehearse_drain(*member.context, *locker_, *member.drainer);
    }
    const auto until = Clock::now() + kTransactionLimit;
    milliseconds pause{20};
    while (Clock::now() < until && outcome_.attempts < context_.options.cutover_attempts &&
           adoption_.made()) {
      context_.check_stop();
      try {
        if (attempt(transaction)) return true;
      } catch (const GiveUp& given_up) {
        reason_ = given_up.reason;
        locker_->run({"cutover.release", "ROLLBACK TO SAVEPOINT crossfade_attempt"});
      }
      show_reason();
      sleep_unless_stopped(pause, context_.stop);
      pause = std::min(pause * 2, milliseconds(1000));
    }
    transaction.rollback();
    return false;
  }

  void count_attempt() {
    ++outcome_.attempts;
    for (const Member& member : members_) Journal(*observer_).count_cutover_attempt(member.context->run());
  }

  /// What the copy and the capture rest on is as it was, and what hangs on the table is what was adopted.
  bool sources_are_as_adopted() {
    for (std::size_t index = 0; index < members_.size(); ++index) {
      const RunContext& context = *members_[index].context;
      of_member(index, [&] {
        const auto found = checkers::read_fingerprint(*locker_, context.plan.source.oid);
        if (auto change = checkers::compare(context.fingerprint, found))
          throw SourceChanged{std::move(*change)};
      });
    }
    if (adoption_.still_holds(*locker_)) return true;
    reason_ = "grants, indexes or what hangs on the table have just changed";
    return false;
  }

  bool attempt(WorkerTransaction& transaction) {
    xid_.clear();
    count_attempt();
    // And again under the lock: by then the session has these queries planned and the server's catalog in its
    // caches, which would otherwise be half of the time that the lock is held.
    if (!sources_are_as_adopted()) return false;
    // Last, so that little is left for the time under the lock.
    drain_all();
    const std::vector<SnapshotHolder> before = snapshots_at_a_quiet_moment();

    const auto requested = Clock::now();
    deadline_ = requested + milliseconds(budgets().lock_ms + budgets().hold_ms);
    const Watchdog watchdog(*locker_, deadline_ - kGentleEndBefore);
    const LockWatch watch(*watcher_, locker_->backend_pid(), context_.plan.source.oid,
                          milliseconds(budgets().lock_ms + budgets().hold_ms));
    LockWish wanted = wish(context_.plan.source.name);
    wanted.first = adoption_.view_locks();
    if (sequences_first_) wanted.first += sequences();
    if (neighbours_first_) wanted.first += adoption_.neighbours().lock;
    if (!attempt_lock(*locker_, wanted, budgets(), lock_timeout_)) {
      sequences_first_ = false;
      neighbours_first_ = !neighbours_first_;
      reason_ = who_is_in_the_way();
      return false;
    }
    const auto granted = granted_ = Clock::now();
    if (!neighbours_first_) lock_neighbours();

    auto since = granted;
    const auto lap = [&since] {
      const double milliseconds_passed = elapsed_ms(since);
      since = Clock::now();
      return milliseconds_passed;
    };
    if (!sources_are_as_adopted()) throw GiveUp{reason_};
    held_.check = lap();
    bool drained = false;
    for (Member& member : members_)
      drained = drain_under_lock(*member.context, *locker_, *member.drainer) || drained;
    held_.drain = lap();
    wait_under_lock(before, drained);
    held_.old_snapshots = lap();
    swap();
    held_.swap = lap();
    outcome_.wait_ms = std::chrono::duration<double, std::milli>(granted - requested).count();
    outcome_.hold_ms = elapsed_ms(granted);
    journal_swap();
    held_.journal = lap();
    transaction.commit();
    held_.commit = lap();
    outcome_.hold_ms = elapsed_ms(granted);
    return true;
  }

  std::string who_is_in_the_way() {
    std::string out = "lock on " + context_.plan.source.name.display() + ": " +
                      describe_lock_holders(*observer_, context_.plan.source.name);
    for (const postgres::QualifiedName& table : adoption_.neighbours().tables) {
      out += "; on " + table.display() +
             ", which the cutover locks as well: " + describe_lock_holders(*observer_, table);
    }
    return out;
  }

  /// Whether transactions of the application come to the table or to its neighbours first, nobody knows. In
  /// the other order there is a deadlock as often as one is under way, so the orders take turns.
  void lock_neighbours() {
    if (adoption_.neighbours().lock.empty()) return;
    try {
      locker_->run({"cutover.lock_neighbours", adoption_.neighbours().lock});
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead() || !error.retryable()) throw;
      neighbours_first_ = true;
      throw GiveUp{who_is_in_the_way()};
    }
  }

  /// Whoever has a snapshot now and asks for the table a moment later would stop the attempt. The last set is
  /// the one that counts, so it is read right before the lock is requested.
  std::vector<SnapshotHolder> snapshots_at_a_quiet_moment() {
    const auto until = Clock::now() + kQuietMoment;
    for (;;) {
      std::vector<SnapshotHolder> now = snapshots();
      const bool wait = context_.options.old_snapshots == OldSnapshots::wait && !now.empty();
      if (!wait || Clock::now() > until) return now;
      sleep_unless_stopped(milliseconds(1), context_.stop);
    }
  }

  void wait_under_lock(const std::vector<SnapshotHolder>& before, bool drained) {
    if (context_.options.old_snapshots == OldSnapshots::ignore) return;
    const std::vector<SnapshotHolder> first = drained ? snapshots() : before;
    for (;;) {
      std::vector<SnapshotHolder> left = still_held(first, snapshots());
      // Queued behind our own lock: it takes a new snapshot when it gets on, unless it held this one already
      // before.
      const auto old_and_queued = std::find_if(left.begin(), left.end(), [&](const SnapshotHolder& holder) {
        return holder.queued_on_source && !still_held(before, {holder}).empty();
      });
      if (old_and_queued != left.end())
        throw GiveUp{"an old snapshot is queued on the table: " + old_and_queued->description};
      std::erase_if(left, [](const SnapshotHolder& holder) { return holder.queued_on_source; });
      if (left.empty()) return;
      // The locking session is idle meanwhile, which the server allows for the hold budget only.
      if (Clock::now() + milliseconds(budgets().hold_ms / 4) >
          std::min(deadline_, granted_ + milliseconds(budgets().hold_ms)))
        throw GiveUp{"old snapshots: " + describe(left)};
      sleep_unless_stopped(milliseconds(1), context_.stop);
    }
  }

  int remaining_ms() const {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now()).count();
    if (left < 20) throw GiveUp{"the hold budget is used up"};
    return static_cast<int>(left);
  }

  std::string sequences() const {
    std::string out;
    for (const Member& member : members_) out += sequence_locks(member.context->plan);
    return out;
  }

  void swap() {
    SwapRequest request{.plans = {}, .carried = adoption_.carried(), .search_path = search_path_};
    for (const Member& member : members_) request.plans.push_back(&member.context->plan);
    const std::string batch =
        fmt::format("SET LOCAL statement_timeout = '{}ms';\nSET LOCAL lock_timeout = '{}ms';\n",
                    remaining_ms(),
                    // A neighbour that cannot be locked by name is waited for here.
                    adoption_.neighbours().all_locked ? kSecondaryLockMs : lock_timeout_ / 2 + 1) +
        swap_statements(request) + fmt::format("SET LOCAL lock_timeout = '{}ms'", lock_timeout_);
    try {
      locker_->run({"cutover.swap", batch});
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead() || !error.retryable()) throw;
      std::string found = "the swap: " + error.report().message;
      if (error.lock_not_available() && !sequences().empty() && !sequences_first_) {
        // Transactions that take a number first and insert then hold the sequence while they wait for the
        // table. In their own order, sequence before table, there is no deadlock.
        sequences_first_ = true;
        found += "; a sequence of the table is in use, it is locked first next time";
      }
      throw GiveUp{found};
    }
  }

  void journal_swap() {
    // The whole commit must not wait for a slow standby while the lock is held; a second one waits for it
    // afterwards.
    xid_ =
        locker_
            ->run(
                {"cutover.xid",
                 "SET LOCAL synchronous_commit = local; SELECT pg_catalog.pg_current_xact_id()::text AS xid"})
            .only()
            .text("xid");
    Journal journal(*locker_);
    for (std::size_t index = 0; index < members_.size(); ++index) {
      const std::int64_t run = members_[index].context->run();
      journal.advance(run, Phase::ready, Phase::soaking);
      journal.finish_part(*members_[index].run);
      journal.save_cutover(run, boost::json::value_from(outcome_));
      journal.save_carried(run, boost::json::value_from(adoption_.carried()[index]));
    }
  }

  CommittedCutover finish() {
    context_.progress.set_waiting("");
    close_sessions();
    return {outcome_, held_};
  }

  struct Member {
    RunContext* context = nullptr;
    const Run* run = nullptr;
    std::optional<Replayer> replayer = {};
    std::unique_ptr<postgres::CopySession> drainer = nullptr;
  };

  RunContext& context_;  ///< of the first member
  std::vector<Member> members_;
  std::unique_ptr<postgres::CopySession> locker_;
  std::unique_ptr<postgres::Session> observer_;
  std::unique_ptr<postgres::Session> watcher_;
  int lock_timeout_ = 0;
  Clock::time_point deadline_;
  Clock::time_point granted_;
  std::string xid_;
  Adoption adoption_;
  std::string search_path_;  ///< of the run's sessions, as SET takes it
  bool sequences_first_ = false;
  bool neighbours_first_ = false;
  std::string reason_ = "not tried yet";
  CutoverOutcome outcome_;
  HoldParts held_;
};

}  // namespace

CommittedCutover cut_over(const std::vector<CutoverMember>& group) {
  return Cutover(group).run();
}

}  // namespace crossfade::orchestrator
