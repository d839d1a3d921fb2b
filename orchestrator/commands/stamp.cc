#include <fmt/format.h>

#include <algorithm>

#include "migrations/revision_directory.h"
#include "migrations/revision_target.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/revision_view.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/role_settings.h"
#include "orchestrator/version_tables.h"

namespace crossfade::orchestrator {

namespace {

using migrations::RevisionSet;

struct StampPlan {
  std::vector<const migrations::MigrationFile*> stamped;  ///< in order
  std::vector<std::string> removed;                       ///< the last one first

  bool empty() const { return stamped.empty() && removed.empty(); }
};

class Stamp {
 public:
  Stamp(const CommandEnvironment& environment, const StampOptions& options)
      : options_(options),
        directory_(migrations::load_directory(environment.options.directory)),
        factory_(environment.connect()),
        session_(factory_.open({.application_name = "crossfade/stamp"})) {
    const std::vector<std::pair<std::string, VersionTool>> tools = {
        {"dbmate", VersionTool::dbmate}, {"goose", VersionTool::goose}, {"alembic", VersionTool::alembic}};
    for (const auto& [name, tool] : tools) {
      if (options.from != name) continue;
      const auto role_session = open_as_role(factory_, "crossfade/stamp");
      adopted_ = adopted_revisions(*role_session, directory_, tool, options.table);
    }
  }

  CommandResult run() {
    // Before the journal is created, so that bad input changes nothing.
    StampPlan plan = make_plan();
    if (!plan.empty()) {
      initialise_journal(*session_);
      postgres::Transaction transaction(*session_, "stamp");
      RevisionRecords(*session_).hold();
      plan = make_plan();
      if (!plan.empty()) write(plan);
      transaction.commit();
    }
    return result_of(plan);
  }

 private:
  StampPlan make_plan() {
    const std::vector<std::string> applied = names_of(RevisionRecords(*session_).all());
    const RevisionSet before = migrations::revision_set(applied);
    RevisionSet after;
    if (adopted_) {
      after = options_.purge ? *adopted_ : migrations::either(before, *adopted_);
    } else {
      const std::vector<std::string> nothing;
      after = state_at(directory_, options_.purge ? nothing : applied, options_.targets);
    }
    StampPlan plan;
    plan.stamped = migrations::in_order(directory_, migrations::without(after, before));
    const RevisionSet gone = migrations::without(before, after);
    for (const migrations::MigrationFile* file : migrations::in_order(directory_, gone))
      plan.removed.push_back(file->revision);
    std::reverse(plan.removed.begin(), plan.removed.end());
    for (const std::string& name : gone) {
      if (directory_.find_exactly(name) == nullptr) plan.removed.push_back(name);
    }
    refuse_unfinished(plan);
    return plan;
  }

  /// A run in progress records its revision itself, and undoes or contracts what belongs to it.
  void refuse_unfinished(const StampPlan& plan) {
    if (!journal_exists(*session_)) return;
    RevisionSet touched = migrations::revision_set(plan.removed);
    for (const migrations::MigrationFile* file : plan.stamped) touched.insert(file->revision);
    for (const Run& run : Journal(*session_).open_runs()) {
      if (!touched.contains(run.revision)) continue;
      throw Failure(
          ExitCode::refused,
          {.code = "unfinished-run",
           .object = run.revision,
           .message = fmt::format("run {} of this revision is not finished", run.run),
           .expected = "a revision without a run in progress or an old table that is kept",
           .found = "phase " + to_string(run.phase),
           .next = run.phase == Phase::soaking
                       ? fmt::format("`crossfade contract {}` first.", run.run)
                       : fmt::format("Finish it with `crossfade up`, or `crossfade abort {}`.", run.run)});
    }
  }

  void write(const StampPlan& plan) {
    RevisionRecords records(*session_);
    for (const std::string& name : plan.removed) records.remove(name);
    std::vector<std::string> stamped;
    for (const migrations::MigrationFile* file : plan.stamped) {
      records.add(file->revision, file->fingerprint);
      stamped.push_back(file->revision);
    }
    boost::json::object detail{{"by", operator_name()},
                               {"stamped", names_document(stamped)},
                               {"removed", names_document(plan.removed)},
                               {"purge", options_.purge}};
    if (adopted_) {
      detail["from"] = options_.from;
    } else {
      detail["targets"] = names_document(options_.targets);
    }
    records.event("stamp", detail);
  }

  static CommandResult result_of(const StampPlan& plan) {
    CommandResult result;
    boost::json::array stamped;
    for (const migrations::MigrationFile* file : plan.stamped) {
      stamped.emplace_back(file->revision);
      result.text += "recorded as applied: " + file->revision + "\n";
    }
    for (const std::string& name : plan.removed) result.text += "no longer recorded: " + name + "\n";
    if (result.text.empty()) result.text = "the journal says so already\n";
    result.document = {{"stamped", std::move(stamped)}, {"removed", names_document(plan.removed)}};
    return result;
  }

  const StampOptions& options_;
  migrations::RevisionDirectory directory_;
  postgres::SessionFactory factory_;
  std::unique_ptr<postgres::Session> session_;
  std::optional<RevisionSet> adopted_;
};

Failure wrong_usage(std::string message, std::string found) {
  return Failure(ExitCode::usage, {.code = "usage",
                                   .object = "stamp",
                                   .message = std::move(message),
                                   .expected = "revisions, or --from dbmate, goose or alembic",
                                   .found = std::move(found),
                                   .next = "For example `crossfade stamp head`."});
}

}  // namespace

CommandResult run_stamp(const CommandEnvironment& environment, const StampOptions& options) {
  if (options.from.empty() && options.targets.empty())
    throw wrong_usage("it is not said what is applied", "neither");
  if (!options.from.empty() && !options.targets.empty())
    throw wrong_usage("a version table and revisions cannot both say what is applied", "both");
  if (options.from.empty() && !options.table.empty())
    throw wrong_usage("--table names the version table of --from", "--table alone");
  return Stamp(environment, options).run();
}

}  // namespace crossfade::orchestrator
