#include <fmt/format.h>

#include <filesystem>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/journal_schema.h"
#include "orchestrator/revision_records.h"

namespace crossfade::orchestrator {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

std::optional<migrations::RevisionDirectory> directory_if_any(const CommandEnvironment& environment) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(environment.options.directory, ignored)) return std::nullopt;
  try {
    return migrations::load_directory(environment.options.directory);
  } catch (const Failure&) {
    return std::nullopt;  // `status` must answer during an incident, also beside a directory that does not
                          // parse
  }
}

State shown_state(const Run& run) {
  const bool working = run.state == State::running || run.state == State::waiting;
  // What waits for the other tables of its group needs no process.
  return working && !run.owner && !run.waits_for_others() ? State::interrupted : run.state;
}

object progress_of(postgres::Session& session, const Run& run) {
  const postgres::Rows rows =
      session.run({"status.progress",
                   "SELECT rows_done, rows_total, rows_per_s, eta_s FROM crossfade.progress WHERE run = $1"},
                  {std::to_string(run.run)});
  const bool live = run.owner.has_value() && !rows.empty();
  object out{{"rows_done", run.rows_copied},
             {"rows_total", run.rows_total},
             {"rows_per_s", nullptr},
             {"eta_s", nullptr}};
  // Phases that do not count rows leave what the copy has counted.
  if (live && rows[0].integer("rows_total") > 0) {
    out["rows_done"] = rows[0].integer("rows_done");
    out["rows_total"] = rows[0].integer("rows_total");
    out["rows_per_s"] = rows[0].real("rows_per_s");
    if (!rows[0].is_null("eta_s")) out["eta_s"] = rows[0].real("eta_s");
  }
  return out;
}

object backlog_of(postgres::Session& session, const Run& run) {
  object out{{"keys", 0}, {"bytes", 0}, {"oldest_s", nullptr}};
  if (run.strategy != "shadow" || run.plan.is_null() || run.phase == Phase::soaking || finished(run.phase))
    return out;
  // The one member is enough, so that `status` answers whatever else a plan of another version holds.
  const auto log = boost::json::value_to<postgres::QualifiedName>(run.plan.at("log")).quoted();
  const postgres::Rows size = session.run(
      {"status.log", "SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)) AS bytes"}, {log});
  if (size.only().is_null("bytes")) return out;
  out["bytes"] = size.only().integer("bytes");
  out["keys"] = session.run({"status.backlog", "SELECT pg_catalog.count(*) AS keys FROM " + log})
                    .only()
                    .integer("keys");
  return out;
}

value oldest_xmin_age(postgres::Session& session) {
  const postgres::Rows rows =
      session.run({"status.oldest_xmin",
                   "SELECT EXTRACT(epoch FROM pg_catalog.max(pg_catalog.clock_timestamp() - "
                   "xact_start))::double precision AS age_s"
                   " FROM pg_catalog.pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> "
                   "pg_catalog.pg_backend_pid()"});
  return rows.only().is_null("age_s") ? value(nullptr) : value(rows.only().real("age_s"));
}

/// How far a run in place is, as text; empty for other runs and for a plan of another version.
std::string steps_of(Journal& journal, const Run& run) {
  if (run.strategy != "in-place" || run.phase == Phase::soaking || !run.plan.is_object()) return "";
  const value* steps = run.plan.as_object().if_contains("steps");
  if (steps == nullptr || !steps->is_array()) return "";
  std::size_t done = 0;
  std::string next;
  for (const value& step : steps->as_array()) {
    const std::string name(step.at("name").as_string());
    if (journal.step_finished(run.run, name))
      ++done;
    else if (next.empty())
      next = name;
  }
  return fmt::format("  {} of {} steps done{}\n", done, steps->as_array().size(),
                     next.empty() ? "" : "; next: " + next);
}

std::string text_of(const Run& of, const object& run, const std::string& steps) {
  const auto text = [&](const char* name) {
    return run.at(name).is_string() ? std::string(run.at(name).as_string())
                                    : boost::json::serialize(run.at(name));
  };
  const object& progress = run.at("progress").as_object();
  std::string out = fmt::format("run {}  {}  {}: {}, {}\n", text("run"), text("revision"),
                                of.table().empty() ? "in place" : of.table(), text("phase"), text("state"));
  if (run.at("reason").is_string()) out += "  reason: " + text("reason") + "\n";
  if (run.at("paused_by").is_string()) out += "  paused by " + text("paused_by") + "\n";
  out += steps;
  if (of.strategy == "shadow" || progress.at("rows_per_s").is_double()) {
    out += fmt::format("  rows {} of about {}", boost::json::serialize(progress.at("rows_done")),
                       boost::json::serialize(progress.at("rows_total")));
    if (progress.at("eta_s").is_double()) {
      out += fmt::format(", {:.0f} rows/s, {:.0f} s left", progress.at("rows_per_s").as_double(),
                         progress.at("eta_s").as_double());
    }
    if (of.strategy == "shadow")
      out += fmt::format("; backlog {} keys", boost::json::serialize(run.at("backlog").at("keys")));
    out += "\n";
  }
  if (run.at("owner").is_object()) {
    out += fmt::format("  owned by process {} on {} since {}\n",
                       boost::json::serialize(run.at("owner").at("pid")),
                       std::string(run.at("owner").at("host").as_string()),
                       std::string(run.at("owner").at("since").as_string()));
  }
  return out;
}

}  // namespace

CommandResult run_status(const CommandEnvironment& environment) {
  const auto directory = directory_if_any(environment);
  const auto session = environment.connect().open({.application_name = "crossfade/status"});
  CommandResult result;
  array heads;
  if (directory) {
    for (const std::string& head : directory->heads()) heads.push_back(value(head));
  }
  array runs;
  array current;
  if (journal_exists(*session)) {
    Journal journal(*session);
    const std::vector<std::string> applied = names_of(RevisionRecords(*session).all());
    for (const std::string& name : current_revisions(applied, directory ? &*directory : nullptr))
      current.push_back(value(name));
    const value oldest = oldest_xmin_age(*session);
    for (const Run& run : journal.all_runs()) {
      object shown{{"run", run.run},
                   {"revision", run.revision},
                   {"table", run.table().empty() ? value(nullptr) : value(run.table())},
                   {"phase", to_string(run.phase)},
                   {"state", to_string(shown_state(run))},
                   {"reason", run.reason.empty() ? value(nullptr) : value(run.reason)},
                   {"paused_by", run.paused_by.empty() ? value(nullptr) : value(run.paused_by)},
                   {"owner", nullptr},
                   {"progress", progress_of(*session, run)},
                   {"backlog", backlog_of(*session, run)},
                   {"oldest_xmin_age_s", oldest}};
      if (run.owner)
        shown["owner"] =
            object{{"pid", run.owner->pid}, {"host", run.owner->host}, {"since", run.owner->since}};
      if (!finished(run.phase)) result.text += text_of(run, shown, steps_of(journal, run));
      runs.push_back(std::move(shown));
    }
  }
  std::string revisions;
  for (const value& name : current)
    revisions += (revisions.empty() ? "" : ", ") + std::string(name.as_string());
  result.text = fmt::format("current: {}\n", revisions.empty() ? "nothing applied" : revisions) +
                (result.text.empty() ? "no unfinished runs\n" : result.text);
  result.document = {{"current", std::move(current)}, {"heads", std::move(heads)}, {"runs", std::move(runs)}};
  return result;
}

}  // namespace crossfade::orchestrator
