// kill -9 and a lost session beside every query of a revision that changes tables in place, then the same
// command again: every statement must have been carried out exactly once, with nothing left over. Rows that
// an UPDATE counts up show a batch that was done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

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
    std::vector<std::string> out = distinct_queries(scene.traced());
    std::erase_if(out, [](const std::string& name) { return !is_of_the_run(name); });
    return out;
  }();
  return names;
}

void expect_a_good_end(InPlaceScene& scene) {
  const Finished again = scene.run(kCommand, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  scene.expect_carried_out_once();
}

TEST(InPlaceFaults, KillMinusNineBesideEveryQueryIsMadeGoodByTheSameCommand) {
  for_chains(chains(trials_of(queries(), scenario(), 1), 6, false), [](const std::vector<FaultTrial>& chain) {
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
  for_chains(chains(trials_of(queries(), scenario(), 2), 4, false), [](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    std::string faults;
    for (const FaultTrial& trial : chain)
      faults += (faults.empty() ? "" : ",") + fault_of(trial, "terminate");
    scene.run(kCommand, faults);
    std::vector<FaultTrial> not_met = not_fired(scene, chain);
    expect_a_good_end(scene);
    return not_met;
  });
}

}  // namespace
}  // namespace crossfade::tests
