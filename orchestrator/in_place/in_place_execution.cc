// One process's work on a run that changes tables in place: the steps in their order, each journalled; then
// the soak of what was set aside, contract, revert, abort.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <stdexcept>

#include "migrations/created_relations.h"
#include "orchestrator/in_place/concurrent_build.h"
#include "orchestrator/in_place/replaced_tables.h"
#include "orchestrator/in_place/step_execution.h"
#include "orchestrator/monitor.h"
#include "orchestrator/owned_run_execution.h"
#include "postgres/catalog.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "strategies/quarantine.h"

namespace crossfade::orchestrator {

namespace {

using strategies::InPlaceStep;
using strategies::StepKind;

/// What was done since stands in the way of what comes back: rows, dependents, a table that is gone, a name
/// that is taken.
bool stands_in_the_way(const postgres::DatabaseError& error) {
  static constexpr std::array<std::string_view, 5> kStates = {"2BP01", "42P01", "42P07", "42701", "42710"};
  return error.sqlstate().starts_with("23") ||
         std::find(kStates.begin(), kStates.end(), error.sqlstate()) != kStates.end();
}

/// The server understands the statement and will not do it, now or later.
bool blames_statement(const postgres::DatabaseError& error) {
  static constexpr std::array<std::string_view, 5> kClasses = {"0A", "2B", "38", "39", "P0"};
  const std::string sqlstate_class = error.sqlstate().substr(0, 2);
  return error.wrong_statement() || error.data_error() ||
         std::find(kClasses.begin(), kClasses.end(), sqlstate_class) != kClasses.end();
}

Failure cannot_come_back(const Run& run, const InPlaceStep& step, const postgres::DatabaseError& error) {
  const postgres::ErrorReport& report = error.report();
  return Failure(
      ExitCode::refused,
      {.code = "cannot-revert",
       .object = run.display(),
       .message = fmt::format("what \"{}\" has kept cannot come back: {}", step.name, report.message),
       .expected = "nothing done since that conflicts with it; all is as it was",
       .found = report.detail.empty() ? "SQLSTATE " + error.sqlstate() : report.detail,
       .next = fmt::format(
           "{}Then run `crossfade revert {}` again.",
           report.hint.empty() ? "Change or remove what stands in the way. " : report.hint + " ", run.run)});
}

Failure step_failed(const Run& run, const InPlaceStep& step, const postgres::DatabaseError& error) {
  const postgres::ErrorReport& report = error.report();
  return Failure(
      ExitCode::failed,
      {.code = "statement-fails",
       .object = run.display(),
       .message =
           fmt::format("step \"{}\" of revision {} fails: {}", step.name, run.revision, report.message),
       .expected = "a statement that the server accepts; nothing of the step was kept",
       .found = report.detail.empty() ? "SQLSTATE " + error.sqlstate() : report.detail,
       .next = fmt::format("Correct the cause and run `crossfade up` again; or `crossfade abort {}`, which "
                           "takes back what is unfinished, and change the migration.",
                           run.run)});
}

class InPlaceExecution : public OwnedRunExecution {
 public:
  InPlaceExecution(const ExecutionRequest& request, std::unique_ptr<postgres::Session> control, Run run)
      : OwnedRunExecution(request, std::move(control), std::move(run)) {
    try {
      plan_ = boost::json::value_to<strategies::InPlacePlan>(run_.plan);
    } catch (const boost::system::system_error&) {
      throw planned_by_another_version(run_);
    }
    hold_tables(*control_, plan_, run_);
    take_over_run(request);
    context_.emplace(
        StepContext{run_, *sessions_, request_.options, *control_, progress_, stop_.get_token()});
  }

  RunResult run(bool& progressed) override {
    refuse_while_paused();
    {
      progress_.start(run_.phase, 0, 0);
      Monitor monitor(*sessions_, run_, nullptr, progress_, reporter_,
                      heeds_pause() ? stop_ : std::stop_source(std::nostopstate));
      try {
        pursue(progressed);
      } catch (const Failure&) {
        // The monitor has stopped the run.
        if (monitor.paused()) refuse_while_paused();
        throw;
      }
    }
    return {.run = journal_->load(run_.run).value(), .verification = {}, .total_ms = 0};
  }

 private:
  void pursue(bool& progressed) {
    switch (request_.goal) {
      case Goal::abort:
        // An earlier attempt's commit may have got through after all.
        if (run_.phase != Phase::aborted && run_.phase != Phase::soaking) abort();
        return;
      case Goal::revert:
        if (run_.phase != Phase::reverted) revert();
        return;
      case Goal::verify:
        throw Failure(ExitCode::refused,
                      {.code = "nothing-to-compare",
                       .object = run_.display(),
                       .message = "the run changes its tables in place; there is no second table",
                       .expected = "a run with a new table",
                       .found = "strategy in-place",
                       .next = "`crossfade verify TABLE --against TABLE` compares any two tables."});
      case Goal::cutover:
      case Goal::contract:
        carry_out_steps(progressed);
        if (request_.goal == Goal::contract) contract();
        return;
    }
  }

  void carry_out_steps(bool& progressed) {
    if (run_.phase == Phase::soaking || finished(run_.phase)) return;
    journal_->set_state(run_.run, State::running, "");
    if (run_.phase == Phase::planned) {
      keep_definitions();
      advance(Phase::planned, Phase::expanding);
    }
    const auto started = std::chrono::steady_clock::now();
    progress_.start(Phase::expanding, 0, 0);
    for (std::size_t index = 0; index < plan_.steps.size(); ++index) {
      const InPlaceStep& step = plan_.steps[index];
      if (journal_->step_finished(run_.run, step.name)) continue;
      require_owner();
      try {
        orchestrator::carry_out(*context_, step, [&] { finish(index); });
      } catch (const postgres::DatabaseError& error) {
        if (!blames_statement(error)) throw;
        throw step_failed(run_, step, error);
      }
      progressed = true;
    }
    progress_.set_waiting("");
    if (journal_->load(run_.run).value().phase == Phase::expanding)
      throw std::logic_error(fmt::format("run {} has no step left, and did not end", run_.run));
    keep_definitions_after();
    const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - started;
    journal_->add_milliseconds(run_.run, "expand", spent.count());
    run_ = journal_->load(run_.run).value();
  }

  /// In the transaction of the step's effect. With the last one the run, and perhaps the revision, is
  /// finished.
  void finish(std::size_t index) {
    const InPlaceStep& step = plan_.steps[index];
    journal_->finish_step(run_.run, step.name);
    const bool last_of_statement =
        std::none_of(plan_.steps.begin() + static_cast<std::ptrdiff_t>(index) + 1, plan_.steps.end(),
                     [&](const InPlaceStep& later) { return later.statement == step.statement; });
    if (last_of_statement) {
      for (const strategies::NumberedStatement& statement : run_.end.statements) {
        if (statement.number == step.statement) journal_->finish_statement(run_, statement);
      }
    }
    if (index + 1 < plan_.steps.size()) return;
    journal_->finish_part(run_);
    journal_->advance(run_.run, Phase::expanding, plan_.keeps_dropped ? Phase::soaking : Phase::contracted);
  }

  void keep_definitions() {
    for (const strategies::ChangedTable& table : plan_.tables) {
      const auto found = postgres::load_table(*control_, table.oid);
      if (found) journal_->save_definition(run_.run, table.name, boost::json::value_from(*found));
    }
  }

  void keep_definitions_after() {
    const std::string aside = strategies::quarantine_schema_name(run_.run);
    for (const strategies::ChangedTable& table : plan_.tables) {
      if (is_replaced(table)) continue;
      const auto found = postgres::load_table(*control_, table.oid);
      const bool there = found && found->name.schema != aside;
      journal_->save_definition_after(run_.run, table.name,
                                      there ? boost::json::value_from(*found) : boost::json::value());
    }
    for (const strategies::NumberedStatement& statement : run_.end.statements) {
      for (const postgres::Table& made : made_by(statement))
        journal_->save_definition_after(run_.run, made.name, boost::json::value_from(made));
    }
  }

  std::vector<postgres::Table> made_by(const strategies::NumberedStatement& statement) {
    std::vector<postgres::Table> out;
    const bool was_there = std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const InPlaceStep& step) {
      return step.statement == statement.number && step.name.ends_with(strategies::kNothingToDo);
    });
    if (was_there) return out;
    for (const migrations::Statement& each : migrations::parse_statements(statement.sql, run_.revision, 1)) {
      if (each.node == "SelectStmt") continue;
      for (const migrations::TableReference& name : migrations::created_relations(each)) {
        const auto oid = postgres::find_relation(*control_, name.schema.value_or(""), name.name);
        auto table = oid ? postgres::load_table(*control_, *oid) : std::nullopt;
        if (table) out.push_back(std::move(*table));
      }
    }
    return out;
  }

  /// What has taken its place was journalled then.
  bool is_replaced(const strategies::ChangedTable& table) const {
    return std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const InPlaceStep& step) {
      return std::any_of(step.replaced.begin(), step.replaced.end(),
                         [&](const postgres::Table& full) { return full.oid == table.oid; });
    });
  }

  void contract() {
    run_ = journal_->load(run_.run).value();
    if (run_.phase != Phase::soaking) return;
    for (const InPlaceStep& step : plan_.steps) {
      if (step.contract.empty()) continue;
      const std::string name = "contract: " + step.name;
      if (journal_->step_finished(run_.run, name)) continue;
      const bool there =
          !step.kept.name.empty() &&
          !control_
               ->run({"contract.kept", "SELECT pg_catalog.to_regclass($1) AS found"}, {step.kept.quoted()})
               .only()
               .is_null("found");
      run_locked(*context_, there ? step.kept : postgres::QualifiedName{}, "ACCESS EXCLUSIVE", "",
                 step.contract, [&] { journal_->finish_step(run_.run, name); });
    }
    WorkerTransaction transaction(*control_, *sessions_, "contract");
    drop_quarantine_schema();
    journal_->advance(run_.run, Phase::soaking, Phase::contracted);
    transaction.commit();
  }

  /// Refused by the server where somebody has put something of his own into it.
  void drop_quarantine_schema() {
    const std::string schema = strategies::quarantine_schema_name(run_.run);
    const bool used = std::any_of(plan_.steps.begin(), plan_.steps.end(), [&](const InPlaceStep& step) {
      return !step.contract.empty() && step.kept.schema == schema;
    });
    if (!used) return;
    control_->run({"quarantine.drop_schema", "DROP SCHEMA IF EXISTS " + postgres::quote_identifier(schema)});
  }

  /// What was set aside comes back; the statements count as not carried out, and so does the revision.
  void revert() {
    for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
      if (step->contract.empty()) continue;
      const std::string name = "revert: " + step->name;
      if (!journal_->step_finished(run_.run, step->name) || journal_->step_finished(run_.run, name)) continue;
      const auto reverted = [&] { journal_->finish_step(run_.run, name); };
      try {
        if (step->replaced.empty()) {
          run_locked(*context_, step->kept, "ACCESS EXCLUSIVE", "", step->undo, reverted);
        } else {
          // Nobody uses the kept tables; it is those in their places that are waited for.
          hold_replacements(*control_, run_, step->replaced);
          run_locked(*context_, step->relation, step->lock, step->lock_first, step->undo, reverted,
                     [&] { require_as_left(*control_, run_, step->replaced); });
        }
      } catch (const postgres::DatabaseError& error) {
        if (!stands_in_the_way(error)) throw;
        throw cannot_come_back(run_, *step, error);
      }
    }
    WorkerTransaction transaction(*control_, *sessions_, "revert");
    drop_quarantine_schema();
    std::vector<int> taken_back;
    for (const InPlaceStep& step : plan_.steps) {
      if (!step.contract.empty()) taken_back.push_back(step.statement);
    }
    journal_->forget_revision(run_, taken_back);
    journal_->advance(run_.run, Phase::soaking, Phase::reverted);
    transaction.commit();
  }

  /// The unfinished statement is undone, step by step backwards; finished ones stay, and `up` goes on behind
  /// them. What a finished one has set aside is kept: the run soaks until `contract` or `revert`.
  void abort() {
    bool keeps = false;
    const auto finished_statements = journal_->finished_statements(run_.revision, run_.end.direction);
    for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
      const bool statement_finished = std::any_of(
          finished_statements.begin(), finished_statements.end(),
          [&](const strategies::NumberedStatement& done) { return done.number == step->statement; });
      keeps = keeps || (statement_finished && !step->contract.empty());
      if (statement_finished) continue;
      if (!journal_->step_finished(run_.run, step->name) && !built_without_a_word(*step)) continue;
      undo(*step);
    }
    if (keeps) return advance(run_.phase, Phase::soaking);
    WorkerTransaction transaction(*control_, *sessions_, "abort");
    drop_quarantine_schema();
    journal_->advance(run_.run, run_.phase, Phase::aborted);
    transaction.commit();
  }

  /// A build that died, or whose end did not reach the journal, has left its index; an invalid one goes here.
  bool built_without_a_word(const InPlaceStep& step) {
    if (step.kind != StepKind::index) return false;
    for (const InPlaceStep& earlier : plan_.steps) {
      if (&earlier == &step) break;
      if (!journal_->step_finished(run_.run, earlier.name)) return false;
    }
    return clear_invalid_index(*control_, {step.relation.schema, step.index}, step.relation);
  }

  void undo(const InPlaceStep& step) {
    const auto forget = [&] { journal_->forget_step(run_.run, step.name); };
    if (step.kind == StepKind::index) {
      for (const std::string& sql : step.undo) control_->run({"undo.index", sql});
      return run_plain(*context_, {}, forget);
    }
    // What was set aside is elsewhere now.
    const postgres::QualifiedName& where = step.kept.name.empty() ? step.relation : step.kept;
    run_locked(*context_, step.undo.empty() ? postgres::QualifiedName{} : where, "ACCESS EXCLUSIVE",
               step.lock_first, step.undo, forget);
  }

  static void hold_tables(postgres::Session& session, const strategies::InPlacePlan& plan, const Run& run) {
    // In the order of their numbers, so that two processes cannot each hold what the other wants.
    for (const strategies::ChangedTable& table : plan.tables)
      hold_table(session, table.oid, table.name.display());
    if (plan.tables.empty()) hold_run(session, run.run, run.display());
  }

  strategies::InPlacePlan plan_;
  std::optional<StepContext> context_;
};

}  // namespace

std::unique_ptr<RunExecution> make_in_place_execution(const ExecutionRequest& request,
                                                      std::unique_ptr<postgres::Session> control, Run run) {
  return std::make_unique<InPlaceExecution>(request, std::move(control), std::move(run));
}

}  // namespace crossfade::orchestrator
