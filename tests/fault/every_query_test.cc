// kill -9 right before and right after every query of the run, while an application writes, then the same
// command again: it must end well, with the content right and nothing left over. And the backend that is
// about to run a query, or has just run it, is terminated: by an administrator, a failover, a network. The
// process itself must go on and finish once the run is under way; before that it may end, and the same
// command must succeed afterwards. The names come from the sources; a query that no scenario passes fails the
// test, as does a fault point that does not fire.
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <iostream>
#include <thread>

#include "tests/fault/every_query.h"
#include "tests/fault/registered_queries.h"

namespace crossfade::tests {
namespace {

using ::testing::IsEmpty;

/// Commands that stop where they are told to, and what precedes a run: nothing has been done then.
bool may_end(const Finished& finished) {
  return finished.exit_code == 0 || finished.exit_code == 1 || finished.exit_code == 4;
}

/// The same command again ends well, the application has seen nothing, and nothing is lost or left over.
void expect_a_good_end(Scene& scene, ApplicationWriter& writer) {
  const Finished again = scene.run(finishing_command(scene), "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(EveryQuery, IsPassedBySomeScenarioOrExcludedForAReason) {
  std::vector<std::string> not_passed;
  for (const std::string& name : registered_queries()) {
    if (!is_excluded(name) && !traced_queries().contains(name)) not_passed.push_back(name);
  }
  EXPECT_THAT(not_passed, IsEmpty()) << fmt::format("{}", fmt::join(not_passed, "\n"));
}

TEST(EveryQuery, IsFoundInTheSources) {
  const std::set<std::string> registered = registered_queries();
  std::vector<std::string> unknown;
  for (const auto& [name, scenario] : traced_queries()) {
    if (!registered.contains(name) && !name.ends_with(".rollback")) unknown.push_back(name);
  }
  EXPECT_THAT(unknown, IsEmpty());
}

TEST(EveryQuery, SurvivesKillMinusNineBesideIt) {
  for_chains(chains(trials(3), 7, false), [](const std::vector<FaultTrial>& chain) {
    const Scenario& scenario = chain.front().scenario;
    Scene scene(scenario.migration);
    ApplicationWriter writer(scene.database(), scenario.quiet ? 0 : scene.rows());
    scenario.prelude(scene);
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      // The same command again; where it has reached its end meanwhile, there is nothing more to interrupt.
      const bool first = &trial == &chain.front();
      const Obstacle obstacle(scene, scenario);
      const std::string fault = fault_of(trial, "kill");
      const Finished killed = scene.run(first ? scenario.command : finishing_command(scene),
                                        scenario.faults.empty() ? fault : scenario.faults + "," + fault);
      if (!fired(scene, trial)) {
        EXPECT_TRUE(killed.exit_code == 0 || killed.exit_code == 4) << describe(killed);
        not_met.push_back(trial);
        continue;
      }
      EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
      std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the application goes on
    }
    expect_a_good_end(scene, writer);
    return not_met;
  });
}

TEST(EveryQuery, SurvivesTheEndOfItsBackend) {
  for_chains(chains(trials(6), 6, true), [](const std::vector<FaultTrial>& chain) {
    const Scenario& scenario = chain.front().scenario;
    Scene scene(scenario.migration);
    ApplicationWriter writer(scene.database(), scenario.quiet ? 0 : scene.rows());
    scenario.prelude(scene);
    std::string faults = scenario.faults;
    for (const FaultTrial& trial : chain)
      faults += (faults.empty() ? "" : ",") + fault_of(trial, "terminate");
    const Finished finished = [&] {
      const Obstacle obstacle(scene, scenario);
      return scene.run(scenario.command, faults);
    }();
    std::vector<FaultTrial> not_met = not_fired(scene, chain);
    EXPECT_TRUE(may_end(finished)) << describe(finished);
    const bool under_way = scene.times_traced("owner.take_over.commit") > 0;
    const bool stops_on_purpose = scenario.command.back() == "--postpone-cutover";
    if (under_way && !stops_on_purpose) {
      EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    }
    expect_a_good_end(scene, writer);
    return not_met;
  });
}

}  // namespace
}  // namespace crossfade::tests
