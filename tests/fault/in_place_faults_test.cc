// kill -9 and a lost session beside every query of a revision that changes tables in place, then the same
// command again: every statement must have been carried out exactly once, with nothing left over. Rows that
// an UPDATE counts up show a batch that was done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <set>

#include "tests/fault/fault_chains.h"
#include "tests/fault/in_place_scene.h"

namespace crossfade::tests {
namespace {

const std::vector<std::string> kCommand = {"up", "--approve", "--contract"};

/// What the server is asked before anything has begun, and what only shows or watches.
bool is_of_the_run(const std::string& name) {
  for (const char* prefix :
       {"in_place.", "plain.", "validate.", "look.", "build.", "batch", "contract", "journal.finish",
        "journal.advance", "journal.save_plan", "journal.describe_run", "journal.definition", "journal.apply",
        "start.", "owner.take_over", "advance."}) {
    if (name.starts_with(prefix)) return name != "build.progress";
  }
  return false;
}

const Scenario& scenario() {
  static const Scenario in_place = {
      .name = "in place", .command = kCommand, .migration = std::string(kInPlace)};
  return in_place;
}

/// The names of the run's queries, in the order in which one run without faults passes them.
const std::vector<std::string>& queries() {
  static const std::vector<std::string> names = [] {
    InPlaceScene scene;
    const Finished finished = scene.run(kCommand);
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    scene.expect_carried_out_once();
    std::set<std::string> seen;
    std::vector<std::string> out;
    for (const std::string& name : scene.traced()) {
      if (is_of_the_run(name) && !name.ends_with(".rollback") && seen.insert(name).second)
        out.push_back(name);
    }
    return out;
  }();
  return names;
}

/// A quick run interrupts at one moment of each query, or of one of `share`.
std::vector<FaultTrial> trials(int share) {
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  std::vector<FaultTrial> out;
  int number = 0;
  for (const std::string& name : queries()) {
    if (only != nullptr && name != only) continue;
    if (++number % share != 0 && !thorough && only == nullptr) continue;
    const bool before = out.size() % 2 == 0;
    if (thorough || before) out.push_back({name, 1, "before", scenario()});
    if (thorough || !before) out.push_back({name, 1, "after", scenario()});
  }
  return out;
}

void expect_a_good_end(InPlaceScene& scene) {
  const Finished again = scene.run(kCommand, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  scene.expect_carried_out_once();
}

TEST(InPlaceFaults, KillMinusNineBesideEveryQueryIsMadeGoodByTheSameCommand) {
  for_chains(chains(trials(1), 6, false), [](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      const Finished killed = scene.run(kCommand, fault_of(trial, "kill"));
      if (fired(scene, trial)) {
        EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
      } else {
        EXPECT_EQ(killed.exit_code, 0) << describe(killed);
        not_met.push_back(trial);
      }
    }
    expect_a_good_end(scene);
    return not_met;
  });
}

TEST(InPlaceFaults, ALostSessionBesideEveryQueryIsMadeGood) {
  for_chains(chains(trials(2), 4, false), [](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    std::string faults;
    for (const FaultTrial& trial : chain)
      faults += (faults.empty() ? "" : ",") + fault_of(trial, "terminate");
    scene.run(kCommand, faults);
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      if (!fired(scene, trial)) not_met.push_back(trial);
    }
    expect_a_good_end(scene);
    return not_met;
  });
}

}  // namespace
}  // namespace crossfade::tests
