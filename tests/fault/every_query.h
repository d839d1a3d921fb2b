// The loop over all queries of a run: which are traced by which scenario, which are left out and why, and one
// trial for each name and moment. CROSSFADE_TEST_LONG=1 tries both moments and later occurrences as well;
// otherwise each name gets one moment, taking turns. CROSSFADE_TEST_ONLY=NAME tries that query alone.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/fault/scenarios.h"

namespace crossfade::tests {

struct FaultTrial {
  std::string query_name;
  int occurrence = 1;
  std::string moment;
  Scenario scenario;
};

inline const std::map<std::string, Scenario>& traced_queries() {
  static const std::map<std::string, Scenario> traced = trace_all_scenarios();
  return traced;
}

/// Literals that look like a query's name, and queries that are no part of a run's way to its end.
inline const std::map<std::string, std::string>& excluded_queries() {
  static const std::map<std::string, std::string> excluded = {
      {"fault.terminate", "the fault itself"},
      {"session.connect", "names the failure to connect; there is no query yet"},
      // No queries, but literals of the same form.
      {"crossfade.run", "a setting"},
      {"crossfade.runs", "a table in a message"},
      {"crossfade.toml", "a file"},
      {"initdb.log", "a file"},
      {"server.log", "a file"},
      {"postgresql.conf", "a file"},
      {"given.key_", "a piece of a query"},
      {"logged.key_", "a piece of a query"},
      {"pg_catalog.bool", "a type"},
      {"pg_catalog.date", "a type"},
      {"pg_catalog.oid", "a type"},
      {"pg_catalog.uuid", "a type"},
      // Other commands.
      {"journal.advance.aborted", "abort"},
      {"journal.lift_pause", "resume"},
      {"journal.next_run", "plan"},
      {"journal.pause", "pause"},
      {"doctor.invalid_indexes", "doctor"},
      {"doctor.journal", "doctor"},
      {"doctor.runs", "doctor"},
      {"doctor.schemas", "doctor"},
      {"doctor.sessions", "doctor"},
      {"doctor.triggers", "doctor"},
      {"status.backlog", "status"},
      {"status.log", "status"},
      {"status.oldest_xmin", "status"},
      {"status.progress", "status"},
      {"verify.last_report", "verify"},
      // Ways that end in a refusal, after which there is nothing to resume.
      {"diagnose.begin", "names the row that does not fit"},
      {"diagnose.commit", "never committed"},
      {"diagnose.key", "names the row that does not fit"},
      {"diagnose.rows", "names the row that does not fit"},
      {"journal.forget_step", "a duplicate refuses the run"},
      {"purge_again.begin", "a duplicate refuses the run"},
      {"purge_again.commit", "a duplicate refuses the run"},
      {"purge_again.fence", "a duplicate refuses the run"},
      {"owner.holder", "another process holds the table"},
      {"remove.disarm", "the table's shape changed under the run, or an abort"},
      {"verify.differences", "the tables differ"},
      {"verify.differences.left_columns", "the tables differ"},
      {"verify.differences.right_columns", "the tables differ"},
      {"monitor.phase", "the table's shape changed under the run"},
      {"violation.begin", "a constraint is violated for good"},
      {"violation.commit", "never committed"},
      {"violation.delete", "a constraint is violated for good"},
      {"violation.insert", "a constraint is violated for good"},
      {"violation.lock", "a constraint is violated for good"},
      {"violation.patience", "a constraint is violated for good"},
      {"violation.release", "a constraint is violated for good"},
      {"violation.savepoint", "a constraint is violated for good"},
      {"violation.undo", "a constraint is violated for good"},
      {"rehearsal.commit", "a rehearsal is always rolled back"},
  };
  return excluded;
}

struct OtherQueries {
  std::string_view prefix;
  std::string_view reason;
};

/// Whole families that are no part of a shadow run's way to its end.
inline constexpr OtherQueries kOtherQueries[] = {
    {"in_place.", "in_place_faults_test"},
    {"plain.", "in_place_faults_test"},
    {"validate.", "in_place_faults_test"},
    {"look.", "in_place_faults_test"},
    {"build.", "in_place_faults_test; what it does not pass repeats itself: left-overs are cleaned up first"},
    {"batch.", "in_place_faults_test, batched_update_test"},
    {"contract.kept", "in_place_faults_test"},
    {"quarantine.", "in_place_faults_test"},
    {"show.", "show"},
    {"planning.", "reads only, before there is a run"},
    {"definition_trial.", "reads only, before there is a run"},
    {"partition_trial.", "reads only, before there is a run"},
    {"trial.", "lint"},
    {"lint.", "lint"},
    {"alembic.", "alembic, before there is a run"},
    {"record.", "alembic --record"},
    {"version_table.", "stamp --from"},
    {"revisions.", "stamp, repair"},
    {"stamp.", "stamp"},
    {"repair.", "repair"},
    {"approve.", "approve"},
    {"revert.", "revert"},
    {"undo.", "abort"},
    {"abort.", "abort"},
    {"finish_empty.", "a revision without statements: one transaction"},
    {"journal.apply_empty", "a revision without statements: one transaction"},
    {"journal.take_back", "down"},
    {"journal.forget_", "down, revert, abort"},
    {"journal.approve", "approve"},
    {"journal.completion", "alembic"},
    {"journal.advance.reverted", "revert"},
    {"sqlalchemy.url", "a setting"},
    {"env.py", "a file"},
    {"statements.csv", "a file"},
    {"statements.log", "a file"},
};

inline bool is_excluded(const std::string& name) {
  return excluded_queries().contains(name) ||
         std::any_of(std::begin(kOtherQueries), std::end(kOtherQueries),
                     [&](const OtherQueries& other) { return name.starts_with(other.prefix); });
}

/// Runs the scenario's command with the fault; nullopt where the point was not met this time.
inline std::optional<Finished> run_into_fault(Scene& scene, const FaultTrial& trial,
                                              const std::string& action) {
  const Obstacle obstacle(scene, trial.scenario);
  const std::string fault =
      fmt::format("{}#{}:{}:{}", trial.query_name, trial.occurrence, trial.moment, action);
  const Finished finished = scene.run(
      trial.scenario.command, trial.scenario.faults.empty() ? fault : trial.scenario.faults + "," + fault);
  if (scene.times_traced("fired " + trial.query_name) == 0) return std::nullopt;
  return finished;
}

/// `attempt` returns false where the point was not met; it is met only under certain concurrent changes, so
/// the trial is repeated a few times before that counts as a failure.
template <class Attempt>
void for_queries(int share, const Attempt& attempt) {
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  std::vector<FaultTrial> trials;
  int number = 0;
  for (const auto& [name, scenario] : traced_queries()) {
    if (only != nullptr && name != only) continue;
    if (++number % share != 0 && !thorough && only == nullptr) continue;
    // Always cancelled, so that its end is never passed.
    const bool no_end = name == "cutover.watch";
    const bool turn = trials.size() % 2 == 0 || no_end;
    if (thorough || turn) trials.push_back({name, 1, "before", scenario});
    if (!no_end && (thorough || !turn)) trials.push_back({name, 1, "after", scenario});
    if (thorough && !no_end) {
      trials.push_back({name, 2, "after", scenario});
      trials.push_back({name, 3, "before", scenario});
    }
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t index = next++; index < trials.size(); index = next++) {
      const FaultTrial& trial = trials[index];
      SCOPED_TRACE(fmt::format("{}#{} {} in \"{}\"", trial.query_name, trial.occurrence, trial.moment,
                               trial.scenario.name));
      bool met = false;
      // A later occurrence may not exist.
      for (int time = 0; time < (trial.occurrence == 1 ? 6 : 1) && !met; ++time) met = attempt(trial);
      EXPECT_TRUE(met || trial.occurrence > 1) << "the fault point was not met";
    }
  };
  // Two at a time: each waits for its server most of the time.
  const std::jthread other(work);
  work();
}

template <class Attempt>
void for_every_query(const Attempt& attempt) {
  for_queries(1, attempt);
}

/// Every third of them; all with CROSSFADE_TEST_LONG=1.
template <class Attempt>
void for_some_queries(const Attempt& attempt) {
  for_queries(3, attempt);
}

}  // namespace crossfade::tests
