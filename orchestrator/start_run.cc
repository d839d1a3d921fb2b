#include "orchestrator/start_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checkers/table_fingerprint.h"
#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/planning.h"
#include "orchestrator/policy.h"
#include "orchestrator/revision_records.h"
#include "orchestrator/role_settings.h"
#include "orchestrator/run_tables.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Direction;

Failure changed_while_planning(const postgres::Table& table, const checkers::FingerprintChange& change) {
  return Failure(ExitCode::resumable,
                 {.code = "table-changed",
                  .object = table.name.display(),
                  .message = "the table changed while it was planned for: it " + change.reason,
                  .expected = "a table that nobody alters at the same time",
                  .found = change.component + " changed",
                  .next = "Run `crossfade up` again."});
}

std::vector<FinishedStatement> finished_of(Journal& journal, const migrations::MigrationFile& file) {
  std::vector<FinishedStatement> out;
  for (const strategies::NumberedStatement& statement :
       journal.finished_statements(file.revision, file.direction))
    out.push_back({statement.number, statement.fingerprint});
  // What waits for the rest of its group is as good as done for whoever plans that rest.
  for (const Run& run : journal.open_runs()) {
    if (run.revision != file.revision || run.end.direction != file.direction || !run.waits_for_others())
      continue;
    for (const strategies::NumberedStatement& statement : run.end.statements)
      out.push_back({statement.number, statement.fingerprint});
  }
  return out;
}

bool is_applied(postgres::Session& session, const std::string& revision) {
  const std::vector<std::string> applied = names_of(RevisionRecords(session).all());
  return std::find(applied.begin(), applied.end(), revision) != applied.end();
}

std::vector<strategies::ChangedTable> tables_of(const strategies::PartPlan& part) {
  if (part.shadow) return {{part.shadow->source.oid, part.shadow->source.name}};
  return part.in_place->tables;
}

/// The table that a part is about, where there is exactly one.
std::optional<strategies::ChangedTable> only_table(const strategies::PartPlan& part) {
  if (part.shadow) return strategies::ChangedTable{part.shadow->source.oid, part.shadow->source.name};
  if (part.in_place->tables.size() == 1) return part.in_place->tables.front();
  return std::nullopt;
}

class Start {
 public:
  Start(const postgres::SessionFactory& factory, Reporter& reporter, const migrations::MigrationFile& file,
        const StartOptions& options)
      : reporter_(reporter),
        file_(file),
        options_(options),
        session_(factory.open({.application_name = "crossfade/plan"})),
        // Planned under the run's own settings: names and expressions mean what they will mean while it runs.
        planner_(open_as_role(factory, "crossfade/plan")),
        journal_(*session_) {}

  std::optional<std::int64_t> run() {
    Run run{.revision = file_.revision, .file_fingerprint = file_.fingerprint, .strategy = "in-place"};
    run.session_settings = read_role_settings(*session_);
    run.system_identifier = postgres::read_server_facts(*session_).system_identifier;
    run.end.direction = file_.direction;
    run.end.completion = file_.completion;
    run.end.completion_back = file_.completion_back;
    run.postponed = options_.postpone_cutover;

    // Another process may be at the same revision: what it does to a table while this one plans for it makes
    // a plan, or a refusal, of something that is no longer so. Its run is journalled before its first change,
    // so that an error counts only where the journal says of the revision what it said before.
    for (bool guessed = false;; guessed = true) {
      const Standing before = standing();
      if (before.done) return std::nullopt;
      if (before.open_run) return before.open_run;
      try {
        // The locks are those of the tables that the plan names, and the plan is made under them.
        if (!guessed) guess_tables(before);
        lock_tables();
        if (standing() == before && start(run, before)) return started_;
      } catch (const std::exception&) {
        if (standing() == before) throw;
      }
      unlock_tables();
    }
  }

 private:
  /// What the journal says of the revision.
  struct Standing {
    bool done = false;  ///< applied, or taken back
    std::optional<std::int64_t> open_run;
    std::vector<FinishedStatement> finished;

    bool operator==(const Standing&) const = default;
  };

  Standing standing() {
    return {is_applied(*session_, file_.revision) == (file_.direction == Direction::up), started_by_another(),
            finished_of(journal_, file_)};
  }

  void guess_tables(const Standing& standing) {
    if (const auto table = subject_of_next_statement(*planner_, {&file_, 1, standing.finished}))
      tables_.push_back(*table);
  }

  void lock_tables() {
    if (freeing_) options_.on_tables(tables_);
    freeing_ = false;
    for (const strategies::ChangedTable& table : tables_)
      hold_table(*session_, table.oid, table.name.display());
    for (const strategies::ChangedTable& table : tables_)
      before_.emplace(table.oid, checkers::read_fingerprint(*planner_, table.oid));
  }

  void unlock_tables() {
    session_->run({"start.unlock", "SELECT pg_catalog.pg_advisory_unlock_all()"});
    before_.clear();
  }

  /// False where it has to be planned anew: other tables have to be locked, another run comes first, or
  /// another process was faster.
  bool start(Run run, const Standing& before) {
    const std::int64_t number = journal_.next_run_number();
    strategies::RevisionPlan plan = plan_now(number);
    if (!is_acceptable(plan)) return false;
    if (plan.parts.empty()) {
      if (plan.more) throw std::logic_error(file_.revision + ": nothing is planned, and something is left");
      finish_empty();
      return true;
    }
    postgres::Transaction transaction(*session_, "start");
    // One open run a revision, by the journal's unique index.
    run.run = journal_.create_run(run);
    const Standing now = standing();
    if (now.done != before.done || now.finished != before.finished) return false;
    // The number is in the names that were planned; a run that was given up leaves a gap.
    if (run.run != number && (!is_acceptable(plan = plan_now(run.run)) || plan.parts.empty())) return false;
    for (const Problem& announcement : plan.announcements) reporter_.note(describe(announcement));
    journal_part(run, plan.parts.front(), plan.parts.size() == 1 && !plan.more);
    transaction.commit();
    started_ = run.run;
    return true;
  }

  /// Throws what stands in the plan's way.
  bool is_acceptable(const strategies::RevisionPlan& plan) {
    if (!plan.refusals.empty()) throw refusal_of(plan);
    if (options_.plan != nullptr) require_approved(*options_.plan, plan);
    if (!plan.parts.empty() && !has_what_it_needs(plan.parts.front())) return false;
    require_policy(&journal_, file_, plan, {options_.approved, options_.additive_only});
    return true;
  }

  /// The tables of the part are locked, and no other open run is about one of them.
  bool has_what_it_needs(const strategies::PartPlan& part) {
    tables_ = tables_of(part);
    freeing_ = options_.on_tables && is_in_use();
    return !freeing_ && std::all_of(tables_.begin(), tables_.end(),
                                    [&](const auto& table) { return before_.contains(table.oid); });
  }

  bool is_in_use() {
    const std::vector<Run> open = journal_.open_runs();
    return std::any_of(open.begin(), open.end(), [&](const Run& other) {
      const bool same = other.revision == file_.revision && other.end.direction == file_.direction;
      return !same && std::any_of(tables_.begin(), tables_.end(),
                                  [&](const auto& table) { return holds_table(other, table.name); });
    });
  }

  std::optional<std::int64_t> started_by_another() {
    for (const Run& open : journal_.open_runs()) {
      if (open.revision == file_.revision && open.end.direction == file_.direction &&
          open.phase != Phase::soaking && !open.waits_for_others())
        return open.run;
    }
    return std::nullopt;
  }

  strategies::RevisionPlan plan_now(std::int64_t run) {
    EarlierChanges none(default_schema(*planner_));
    return plan_revision(*planner_, {&file_, run, finished_of(journal_, file_)}, none);
  }

  void journal_part(Run& run, const strategies::PartPlan& part, bool last) {
    run.strategy = part.shadow ? "shadow" : "in-place";
    run.waits = part.shadow && part.shadow->waits_for_next;
    run.end.completes = last;
    run.end.statements = part.statements;
    if (const auto table = only_table(part)) {
      run.table_schema = table->name.schema;
      run.table_name = table->name.name;
      run.table_oid = table->oid;
    }
    journal_.describe_run(run);
    if (part.shadow) {
      const checkers::TableFingerprint before = unchanged_since_planned(part.shadow->source);
      journal_.save_plan(run.run, boost::json::value_from(*part.shadow), part.estimate.rows);
      journal_.save_fingerprint(run.run, boost::json::value_from(before));
      journal_.save_definition(run.run, part.shadow->source.name,
                               boost::json::value_from(part.shadow->source));
      journal_.save_definition_after(run.run, part.shadow->source.name,
                                     boost::json::value_from(part.shadow->target));
    } else {
      journal_.save_plan(run.run, boost::json::value_from(*part.in_place), part.estimate.rows);
    }
    // With the run itself, so that a crash before its first phase does not forget the wish.
    if (options_.postpone_cutover) journal_.set_postponed(run.run, true);
    journal_.event(run.run, "planned", {{"revision", file_.revision}, {"table", run.table()}});
    if (options_.plan != nullptr) journal_.note_saved_plan(run.run, options_.plan->fingerprint);
  }

  /// Nobody has altered the table while it was planned for.
  checkers::TableFingerprint unchanged_since_planned(const postgres::Table& table) {
    const auto before = before_.find(table.oid);
    if (before == before_.end())
      throw changed_while_planning(table, {"table", checkers::FingerprintReaction::stop, "got another name"});
    if (auto change = checkers::compare(before->second, checkers::read_fingerprint(*planner_, table.oid)))
      throw changed_while_planning(table, *change);
    return before->second;
  }

  void finish_empty() {
    postgres::Transaction transaction(*session_, "finish_empty");
    journal_.finish_empty_revision(file_);
    if (options_.plan != nullptr) journal_.note_saved_plan(std::nullopt, options_.plan->fingerprint);
    transaction.commit();
  }

  Reporter& reporter_;
  const migrations::MigrationFile& file_;
  const StartOptions& options_;
  std::unique_ptr<postgres::Session> session_;
  std::unique_ptr<postgres::Session> planner_;
  Journal journal_;
  std::vector<strategies::ChangedTable> tables_;
  std::map<std::uint32_t, checkers::TableFingerprint> before_;
  bool freeing_ = false;  ///< another run is about one of the tables
  std::optional<std::int64_t> started_;
};

}  // namespace

std::optional<std::int64_t> start_run(const postgres::SessionFactory& factory, Reporter& reporter,
                                      const migrations::MigrationFile& file, const StartOptions& options) {
  return Start(factory, reporter, file, options).run();
}

}  // namespace crossfade::orchestrator
