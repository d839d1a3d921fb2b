// The backend that is about to run a query, or has just run it, is terminated: by an administrator, a
// failover, a network. The process itself must go on and finish once the run is under way; before that it may
// end, and the same command must succeed afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fault/every_query.h"

namespace crossfade::tests {
namespace {

using ::testing::IsEmpty;

/// Commands that stop where they are told to, and what precedes a run: nothing has been done then.
bool may_end(const Finished& finished) {
  return finished.exit_code == 0 || finished.exit_code == 1 || finished.exit_code == 4;
}

TEST(EveryQuery, SurvivesTheEndOfItsBackend) {
  for_every_query([](const FaultTrial& trial) {
    Scene scene(trial.scenario.migration);
    ApplicationWriter writer(scene.database(), trial.scenario.quiet ? 0 : scene.rows());
    trial.scenario.prelude(scene);
    const std::optional<Finished> finished = run_into_fault(scene, trial, "terminate");
    if (!finished) return false;
    EXPECT_TRUE(may_end(*finished)) << describe(*finished);
    const bool under_way = scene.times_traced("owner.take_over.commit") > 0;
    const bool stops_on_purpose = trial.scenario.command.back() == "--postpone-cutover";
    if (under_way && !stops_on_purpose) {
      EXPECT_EQ(finished->exit_code, 0) << describe(*finished);
    }
    const Finished again = scene.run(finishing_command(scene), "", "again");
    EXPECT_EQ(again.exit_code, 0) << describe(again);
    writer.stop();
    EXPECT_THAT(writer.errors(), IsEmpty());
    scene.expect_finished();
    return true;
  });
}

}  // namespace
}  // namespace crossfade::tests
