// A database with a run in its journal, so that batched changes can be planned and executed as `up` does: by
// the role's settings, inside the fence, each process with an epoch of its own. Belongs to one thread.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "migrations/repoint.h"
#include "orchestrator/batch_facts.h"
#include "orchestrator/batched_update.h"
#include "orchestrator/journal.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/ownership.h"
#include "orchestrator/role_settings.h"
#include "postgres/catalog.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

class BatchedRun : public ::testing::Test {
 protected:
  /// The statement is about public.t, unless `table` says otherwise.
  strategies::BatchedUpdateChoice choose(const std::string& sql, const std::string& table = "t") {
    const auto session = orchestrator::open_as_role(database_.factory(), "crossfade/plan");
    const migrations::Statement statement = migrations::parse_statements(sql, "a.sql", 1).at(0);
    const auto loaded =
        postgres::load_table(*session, postgres::find_relation(*session, "public", table).value()).value();
    return strategies::plan_batched_update(statement, loaded,
                                           orchestrator::read_batch_facts(*session, statement, loaded));
  }

  strategies::BatchedUpdatePlan plan(const std::string& sql, const std::string& table = "t") {
    strategies::BatchedUpdateChoice choice = choose(sql, table);
    for (const Problem& refusal : choice.refusals) ADD_FAILURE() << sql << ": " << describe(refusal);
    return choice.plan.value();
  }

  /// The number of the run; begun at the first call.
  std::int64_t run() {
    if (run_ == 0) {
      const auto session = database_.session();
      orchestrator::initialise_journal(*session);
      orchestrator::Run run{.revision = "r",
                            .file_fingerprint = "f",
                            .table_schema = "public",
                            .table_name = "t",
                            .strategy = "in-place"};
      run.session_settings = orchestrator::read_role_settings(*session);
      run.system_identifier = postgres::read_server_facts(*session).system_identifier;
      run_ = orchestrator::Journal(*session).create_run(run);
    }
    return run_;
  }

  /// What one process does: takes the run over, then works on the step. `faults` may end it early.
  std::int64_t execute(const strategies::BatchedUpdatePlan& plan,
                       const std::shared_ptr<postgres::FaultPlan>& faults = nullptr) {
    const postgres::SessionFactory factory(postgres::ConnectionTarget(database_.connection_string()), faults);
    const auto control = database_.session();
    const std::string epoch = orchestrator::take_over(*control, run());
    const orchestrator::Run loaded = orchestrator::Journal(*control).load(run()).value();
    const orchestrator::RunSessions sessions(factory, loaded, epoch);
    const auto session = sessions.open("batches");
    const orchestrator::BatchedUpdateContext context{*session,
                                                     sessions,
                                                     run(),
                                                     step_,
                                                     stop_,
                                                     [this](std::int64_t done, std::int64_t total) {
                                                       if (on_progress_) on_progress_(done, total);
                                                     },
                                                     [this](const std::string& reason) {
                                                       if (!reason.empty()) reasons_.push_back(reason);
                                                       if (on_waiting_) on_waiting_(reason);
                                                     },
                                                     options_};
    return orchestrator::run_batched_update(plan, context, [&] {
      if (on_finish_) on_finish_();
      orchestrator::Journal(*session).finish_step(run(), step_);
    });
  }

  std::int64_t execute(const std::string& sql) { return execute(plan(sql)); }

  bool step_finished() {
    const auto session = database_.session();
    return orchestrator::Journal(*session).step_finished(run(), step_);
  }

  /// The Failure that the step ends with.
  Failure failure_of(const strategies::BatchedUpdatePlan& plan) {
    try {
      execute(plan);
    } catch (const Failure& failure) {
      return failure;
    }
    ADD_FAILURE() << "did not fail";
    return Failure(ExitCode::done, {});
  }

  /// Small batches without pauses, so that a small table has many.
  static orchestrator::BatchOptions small_batches() {
    return {.first_rows = 50, .fewest_rows = 20, .most_rows = 100, .pause_share = 0};
  }

  ScratchDatabase database_;
  std::string step_ = "change";
  std::stop_token stop_;
  orchestrator::BatchOptions options_ = small_batches();
  std::function<void(std::int64_t, std::int64_t)> on_progress_;
  std::function<void(const std::string&)> on_waiting_;
  std::function<void()> on_finish_;
  std::vector<std::string> reasons_;

 private:
  std::int64_t run_ = 0;
};

}  // namespace crossfade::tests
