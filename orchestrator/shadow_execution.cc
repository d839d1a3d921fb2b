// One process's work on a run that writes a table anew.
#include <fmt/format.h>

#include <chrono>

#include "orchestrator/build.h"
#include "orchestrator/carried_objects.h"
#include "orchestrator/copy_rows.h"
#include "orchestrator/cutover/cutover.h"
#include "orchestrator/cutover/group_member.h"
#include "orchestrator/expand.h"
#include "orchestrator/monitor.h"
#include "orchestrator/owned_run_execution.h"
#include "orchestrator/replay.h"
#include "orchestrator/run_removal.h"
#include "orchestrator/verify_run.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using Clock = std::chrono::steady_clock;

constexpr double kVerificationGoodForSeconds = 3600;
/// Of a table that waits for others: those take their time.
constexpr double kGoodForSecondsInGroup = 24 * 3600;

Failure no_way_back(const Run& run) {
  return Failure(
      ExitCode::refused,
      {.code = "no-way-back",
       .object = run.display(),
       .message = "the old table stands as it was at the cutover; writes since then are in the new one alone",
       .expected = "a run that has set something aside in place",
       .found = "strategy shadow, phase " + to_string(run.phase),
       .next = fmt::format("`crossfade contract {}` ends the run and keeps the new table.", run.run)});
}

/// The recipe of a shadow run: the loop over the phases, with every detail elsewhere.
class ShadowExecution : public OwnedRunExecution {
 public:
  ShadowExecution(const ExecutionRequest& request, std::unique_ptr<postgres::Session> control, Run run)
      : OwnedRunExecution(request, std::move(control), std::move(run)), factory_(request.factory) {
    hold_table(*control_, run_.table_oid, run_.table());
    take_over_run(request);
    try {
      plan_ = boost::json::value_to<strategies::ShadowTablePlan>(run_.plan);
    } catch (const boost::system::system_error&) {
      throw planned_by_another_version(run_);
    }
    context_.emplace(RunContext{plan_,
                                *sessions_,
                                request_.options,
                                *control_,
                                *journal_,
                                progress_,
                                reporter_,
                                stop_.get_token(),
                                postgres::read_server_facts(*control_).encoding,
                                {}});
    if (!run_.source_fingerprint.is_null()) {
      context_->fingerprint = boost::json::value_to<checkers::TableFingerprint>(run_.source_fingerprint);
    }
  }

  RunResult run(bool& progressed) override {
    refuse_while_paused();
    {
      progress_.start(run_.phase, run_.rows_copied, run_.rows_total);
      // An abort takes capture away itself; disarmed at the same moment by the monitor, its functions would
      // not be there for one of the two.
      Monitor monitor(*sessions_, run_, request_.goal == Goal::abort ? nullptr : &plan_, progress_, reporter_,
                      heeds_pause() ? stop_ : std::stop_source(std::nostopstate));
      try {
        if (request_.goal == Goal::cutover || request_.goal == Goal::contract) {
          journal_->set_state(run_.run, State::running, "");
          // Kept from the beginning, so that a crash on the way to the cutover does not forget the wish.
          if (request_.options.postpone_cutover) journal_->set_postponed(run_.run, true);
        }
        pursue(progressed);
      } catch (const SourceChanged& changed) {
        source_changed(changed.change);
        progressed = true;
        return run_again(progressed);
      } catch (const postgres::DatabaseError& error) {
        // A name that is gone, or a column: the table's change is the reason, if it has changed.
        if (names_nothing(error) || error.sqlstate() == "42703") rethrow_as_source_change();
        throw;
      } catch (const Failure& failure) {
        // The monitor has stopped the run; what it saw is the reason.
        if (const auto change = monitor.source_change()) source_changed(*change);
        if (monitor.paused()) refuse_while_paused();
        throw;
      }
    }
    return {.run = journal_->load(run_.run).value(), .verification = std::move(verification_), .total_ms = 0};
  }

 private:
  void rethrow_as_source_change() {
    try {
      throw_if_source_changed(*context_, *control_);
    } catch (const SourceChanged& changed) {
      if (changed.change.reaction == checkers::FingerprintReaction::stop) source_changed(changed.change);
    }
  }

  RunResult run_again(bool& progressed) {
    run_ = journal_->load(run_.run).value();
    return run(progressed);
  }

  void pursue(bool& progressed) {
    switch (request_.goal) {
      case Goal::abort:
        if (run_.phase == Phase::aborted) return;  // an earlier attempt's commit had got through after all
        abort_run(*context_, run_.phase);
        break;
      case Goal::revert:
        throw no_way_back(run_);
      case Goal::verify:
        verify_only();
        break;
      case Goal::cutover:
      case Goal::contract:
        while (step()) progressed = true;
        break;
    }
  }

  /// One phase. False when the goal is reached.
  bool step() {
    context_->check_stop();
    require_owner();
    run_ = journal_->load(run_.run).value();
    const Phase phase = run_.phase;
    const auto started = Clock::now();
    // A crash empties UNLOGGED tables, and nothing in them would say so.
    if (plan_.sentinel && phase != Phase::planned && phase != Phase::expanding && phase != Phase::soaking &&
        !finished(phase))
      throw_if_source_changed(*context_, *control_);
    switch (phase) {
      case Phase::planned:
        advance(Phase::planned, Phase::expanding);
        return true;
      case Phase::expanding:
        progress_.start(phase, 0, 0);
        create_shadow(*context_);
        switch_capture_on(*context_);
        list_chunks(*context_);
        spent("expand", started);
        return true;
      case Phase::copying:
        progress_.start(phase, run_.rows_copied, run_.rows_total);
        copy_all_chunks(*context_);
        advance(phase, Phase::building);
        spent("copy", started);
        return true;
      case Phase::building:
        progress_.start(phase, 0, 0);
        build_shadow(*context_);
        advance(phase, Phase::replaying);
        spent("build", started);
        return true;
      case Phase::replaying:
        progress_.start(phase, 0, 0);
        catch_up(*context_);
        advance(phase, request_.options.skip_verification ? Phase::ready : Phase::verifying);
        if (request_.options.skip_verification) journal_->event(run_.run, "verification skipped on request");
        spent("replay", started);
        return true;
      case Phase::verifying:
        verify();
        advance(phase, Phase::ready);
        spent("verify", started);
        return true;
      case Phase::ready:
        return ready(started);
      case Phase::soaking:
        progress_.start(phase, 0, 0);
        validate_foreign_keys(*context_, run_);
        drop_replay_key(plan_, *control_);
        if (request_.goal != Goal::contract) return false;
        contract_run(*context_);
        return true;
      case Phase::reverted:
      case Phase::contracted:
      case Phase::aborted:
        return false;
    }
    return false;
  }

  bool ready(Clock::time_point started) {
    progress_.start(Phase::ready, 0, 0);
    if (run_.waits) {
      journal_->set_state(run_.run, State::waiting,
                          "in sync and verified; cut over together with the next table of its revision");
      return false;
    }
    if (request_.options.postpone_cutover) {
      journal_->set_postponed(run_.run, true);
      journal_->set_state(run_.run, State::postponed, "the cutover is postponed until `crossfade cutover`");
      throw resumable(
          run_, "postponed", "in sync and verified; the cutover is postponed", "--postpone-cutover",
          fmt::format("`crossfade cutover {}` replays what has changed since, verifies again and cuts over.",
                      run_.run));
    }
    if (needs_verification_again()) {
      catch_up(*context_);
      advance(Phase::ready, Phase::verifying);
      journal_->set_postponed(run_.run, false);
      return true;
    }
    std::vector<std::unique_ptr<GroupMember>> others = waiting_members();
    std::vector<CutoverMember> group = {{&*context_, &run_}};
    for (const auto& member : others) group.push_back({&member->context(), &member->run()});
    CommittedCutover committed;
    try {
      for (std::size_t index = 0; index < others.size(); ++index) {
        try {
          others[index]->bring_up_to_date(kGoodForSecondsInGroup);
        } catch (const SourceChanged& changed) {
          throw MemberChanged{index + 1, changed.change};
        }
      }
      committed = cut_over(group);
    } catch (const MemberChanged& changed) {
      // Its own next execution, which the caller turns to, answers it.
      restart_run(*group[changed.member].context, Phase::ready, changed.change.reason);
      return false;
    }
    spent("cutover", started);
    // The swap committed locally; this commit waits for whatever standby the server is told to wait for.
    for (const CutoverMember& member : group) {
      journal_->save_cutover(member.context->run(), boost::json::value_from(committed.outcome));
      journal_->event(member.context->run(), "cut over",
                      {{"outcome", boost::json::value_from(committed.outcome)},
                       {"held_ms", boost::json::value_from(committed.held)}});
      if (member.context == &*context_) continue;
      validate_foreign_keys(*member.context, journal_->load(member.context->run()).value());
      drop_replay_key(member.context->plan, member.context->control);
    }
    return true;
  }

  /// Runs of this revision that have waited for this one.
  std::vector<std::unique_ptr<GroupMember>> waiting_members() {
    std::vector<std::unique_ptr<GroupMember>> out;
    for (const Run& other : journal_->open_runs()) {
      if (other.revision != run_.revision || other.end.direction != run_.end.direction ||
          !other.waits_for_others())
        continue;
      out.push_back(std::make_unique<GroupMember>(
          GroupSurroundings{factory_, request_.options, progress_, reporter_, stop_.get_token()}, other));
    }
    return out;
  }

  bool needs_verification_again() const {
    if (request_.options.skip_verification) return false;
    return run_.postponed || !run_.verified_age_s || *run_.verified_age_s > kVerificationGoodForSeconds;
  }

  /// Part of soaking, not of the cutover, so that a process which comes after a crash does it as well.
  static void drop_replay_key(const strategies::ShadowTablePlan& plan, postgres::Session& session) {
    for (const strategies::IndexBuild& index : plan.indexes) {
      if (!index.temporary) continue;
      session.run(
          {"cutover.drop_replay_key", "DROP INDEX CONCURRENTLY IF EXISTS " +
                                          postgres::QualifiedName{index.schema, index.name}.quoted()});
    }
  }

  void verify() {
    progress_.start(Phase::verifying, 0, run_.rows_copied);
    const checkers::VerificationReport report = verify_run(*context_, true);
    if (record_verification(*context_, report)) return;
    throw differences_found(plan_, report);
  }

  void verify_only() {
    if (run_.phase != Phase::replaying && run_.phase != Phase::verifying && run_.phase != Phase::ready)
      throw nothing_to_compare(run_);
    progress_.start(Phase::verifying, 0, run_.rows_copied);
    const checkers::VerificationReport report = verify_run(*context_, true);
    verification_ = checkers::to_json(report);
    if (!record_verification(*context_, report)) throw differences_found(plan_, report);
  }

  void source_changed(const checkers::FingerprintChange& change) {
    run_ = journal_->load(run_.run).value();
    if (change.reaction == checkers::FingerprintReaction::restart_copy) {
      restart_run(*context_, run_.phase, change.reason);
      return;
    }
    // A renamed or dropped key column would make every captured write of the application fail: capture goes
    // first.
    disarm_capture(*control_, plan_);
    journal_->event(run_.run, "capture disarmed", {{"reason", change.reason}});
    throw Failure(
        ExitCode::refused,
        {.code = "table-changed",
         .object = plan_.source.name.display(),
         .message = "the table changed under the run: it " + change.reason,
         .expected = "the shape that the run was planned for",
         .found = change.component + " changed",
         .next = fmt::format("`crossfade abort {}`, then `crossfade up` plans it anew.", run_.run)});
  }

  void spent(const std::string& name, Clock::time_point since) {
    journal_->add_milliseconds(run_.run, name,
                               std::chrono::duration<double, std::milli>(Clock::now() - since).count());
  }

  const postgres::SessionFactory& factory_;
  strategies::ShadowTablePlan plan_;
  std::optional<RunContext> context_;
  std::optional<boost::json::value> verification_;
};

}  // namespace

std::unique_ptr<RunExecution> make_shadow_execution(const ExecutionRequest& request,
                                                    std::unique_ptr<postgres::Session> control, Run run) {
  return std::make_unique<ShadowExecution>(request, std::move(control), std::move(run));
}

}  // namespace crossfade::orchestrator
