// All queries of a shadow run: which are traced by which scenario, which are left out and why, and one trial
// for each name and moment. CROSSFADE_TEST_LONG=1 tries both moments and later occurrences as well; otherwise
// each name gets one moment, taking turns. CROSSFADE_TEST_ONLY=NAME tries that query alone.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/fault/fault_chains.h"
#include "tests/fault/scenarios.h"

namespace crossfade::tests {

inline const std::map<std::string, PassedQuery>& traced_queries() {
  static const std::map<std::string, PassedQuery> traced = trace_all_scenarios();
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
      {"cutover.rollback",
       "what hangs on the table changes, or nothing gives way, in the moment of the cutover"},
      {"foreign_key.add.release", "somebody holds the table in the moment behind the cutover"},
      {"violation.begin", "a constraint is violated for good"},
      {"violation.commit", "never committed"},
      {"violation.delete", "a constraint is violated for good"},
      {"violation.insert", "a constraint is violated for good"},
      {"violation.lock", "a constraint is violated for good"},
      {"violation.patience", "a constraint is violated for good"},
      {"violation.release", "a constraint is violated for good"},
      {"violation.savepoint", "a constraint is violated for good"},
      {"violation.undo", "a constraint is violated for good"},
      {"drain_rehearsal.commit", "a rehearsal is always rolled back"},
      {"drain_rehearsal.write.data", "a rehearsal writes no row"},
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
    {"detach.", "partitions_test; whatever stops between the halves is finished by the next attempt"},
    {"batch.", "in_place_faults_test, batched_update_test"},
    {"contract.kept", "in_place_faults_test"},
    {"start.unlock", "in_place_faults_test"},
    {"journal.left_definition", "reads only; revert of a TRUNCATE"},
    {"quarantine.", "in_place_faults_test"},
    {"show.", "show"},
    {"planning.", "reads only, before there is a run"},
    {"carried_trial.", "rolled back, before there is a run"},
    {"preflight.", "reads only; preflight_test"},
    {"rehearsal.drop_index", "rolled back, before there is a run"},
    {"definition_trial.", "reads only, before there is a run"},
    {"definition_live.", "reads only, before there is a run"},
    {"journal.note_saved_plan", "up --plan; approved_plan_test"},
    {"journal.saved_plan", "up --plan; approved_plan_test"},
    {"check.", "check"},
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
    {"revert.", "in_place_removal_faults_test"},
    {"undo.", "in_place_removal_faults_test"},
    {"abort.", "in_place_removal_faults_test"},
    {"finish_empty.", "a revision without statements: one transaction"},
    {"journal.apply_empty", "a revision without statements: one transaction"},
    {"journal.take_back", "down"},
    {"journal.forget_", "down, revert, abort"},
    {"journal.record_again", "revert of a down"},
    {"journal.approve", "approve"},
    {"journal.completion", "alembic"},
    {"journal.advance.reverted", "revert"},
    {"sqlalchemy.url", "a setting"},
    {"pg_catalog.timestamp", "a type"},
    {"env.py", "a file"},
    {"statements.csv", "a file"},
    {"statements.log", "a file"},
};

inline bool is_excluded(const std::string& name) {
  return excluded_queries().contains(name) ||
         std::any_of(std::begin(kOtherQueries), std::end(kOtherQueries),
                     [&](const OtherQueries& other) { return name.starts_with(other.prefix); });
}

/// Every query, or one of `share` unless CROSSFADE_TEST_LONG=1, in the order of the run.
inline std::vector<FaultTrial> trials(int share) {
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  const std::size_t begun = traced_queries().at("owner.take_over.commit").position;
  std::vector<std::pair<std::size_t, FaultTrial>> found;
  int number = 0;
  for (const auto& [name, passed] : traced_queries()) {
    if (only != nullptr && name != only) continue;
    // Left out, yet met by chance: a monitor that looks at the table in the moment of the cutover, for one.
    if (excluded_queries().contains(name)) continue;
    if (++number % share != 0 && !thorough && only == nullptr) continue;
    const auto add = [&found, begun, query = name, &way = passed](int occurrence, const char* moment) {
      const bool under_way = way.scenario.name != "plain" || way.position >= begun;
      found.push_back({way.position, {query, occurrence, moment, way.scenario, under_way}});
    };
    // Always cancelled, so that its end is never passed.
    const bool no_end = name == "cutover.watch";
    const bool turn = found.size() % 2 == 0 || no_end;
    if (thorough || turn) add(1, "before");
    if (!no_end && (thorough || !turn)) add(1, "after");
    if (thorough && !no_end) {
      add(2, "after");
      add(3, "before");
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left.first < right.first; });
  std::vector<FaultTrial> out;
  for (auto& [position, trial] : found) out.push_back(std::move(trial));
  return out;
}

}  // namespace crossfade::tests
