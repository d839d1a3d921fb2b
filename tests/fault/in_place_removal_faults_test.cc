// kill -9 beside every query of `revert` and of `abort` of a run that changes tables in place, then the same
// command again. The oracle is the same command without a fault: tables, journal and left-overs must be
// equal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "tests/fault/fault_chains.h"
#include "tests/fault/in_place_scene.h"

namespace crossfade::tests {
namespace {

struct Removal {
  std::string command;
  std::function<void(InPlaceScene&)> prelude;
  std::string end;  ///< the run's phase when it is done
};

Removal reverted() {
  return {.command = "revert",
          .prelude =
              [](InPlaceScene& scene) {
                const Finished up = scene.run({"up", "--approve"}, "", "prelude");
                ASSERT_EQ(up.exit_code, 0) << describe(up);
              },
          .end = "reverted"};
}

/// In the middle of a statement of several steps, with others finished before it: its index is built, and the
/// journal does not know.
Removal aborted() {
  return {.command = "abort",
          .prelude =
              [](InPlaceScene& scene) {
                const Finished up = scene.run({"up", "--approve"}, "build.index#2:after:kill", "prelude");
                ASSERT_EQ(up.signal, SIGKILL) << describe(up);
              },
          .end = "aborted"};
}

/// Everything that the command may have changed, in words.
std::vector<std::string> state_of(InPlaceScene& scene) {
  return scene.database().column(
      "SELECT 'column ' || attrelid::regclass || '.' || attname || ' ' || attnotnull FROM "
      "pg_catalog.pg_attribute a "
      "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace AND "
      "c.relkind "
      "= 'r' AND attnum > 0 AND NOT attisdropped"
      " UNION ALL SELECT 'constraint ' || conname || ' ' || convalidated FROM pg_catalog.pg_constraint WHERE "
      "connamespace = 'public'::regnamespace"
      " UNION ALL SELECT 'index ' || indexrelid::regclass || ' ' || indisvalid FROM pg_catalog.pg_index i "
      "JOIN "
      "pg_catalog.pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'public'::regnamespace"
      " UNION ALL SELECT 'schema ' || nspname FROM pg_catalog.pg_namespace WHERE nspname LIKE 'crossfade\\_%'"
      " UNION ALL SELECT 'run ' || phase || ' ' || state FROM crossfade.runs"
      " UNION ALL SELECT 'statement ' || number FROM crossfade.statements"
      " UNION ALL SELECT 'revision ' || revision FROM crossfade.revisions ORDER BY 1");
}

struct Reference {
  std::vector<std::string> state;
  std::vector<FaultTrial> trials;
};

Reference reference_of(const Removal& removal) {
  InPlaceScene scene;
  removal.prelude(scene);
  const Finished finished = scene.run({removal.command});
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(scene.phase(), removal.end);
  if (removal.end == "aborted") {
    EXPECT_THAT(state_of(scene), ::testing::Not(::testing::Contains("index one_code true")));
    EXPECT_THAT(state_of(scene), ::testing::Contains("index orders_amount true"));
  }
  return {state_of(scene), trials_of(distinct_queries(scene.traced()), {.name = removal.command}, 1)};
}

void survives_kills(const Removal& removal) {
  const Reference reference = reference_of(removal);
  for_chains(chains(reference.trials, 6, false), [&](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    removal.prelude(scene);
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      const Finished killed = scene.run({removal.command}, fault_of(trial, "kill"));
      if (fired(scene, trial)) {
        EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
      } else {
        not_met.push_back(trial);
      }
    }
    const bool done = scene.phase() == removal.end;
    const Finished again = scene.run({removal.command}, "", "again");
    EXPECT_TRUE(again.exit_code == 0 || done) << describe(again);
    EXPECT_EQ(state_of(scene), reference.state);
    return not_met;
  });
}

TEST(InPlaceRemovalFaults, ARevertThatIsKilledIsFinishedByTheSameCommand) {
  survives_kills(reverted());
}

TEST(InPlaceRemovalFaults, AnAbortThatIsKilledIsFinishedByTheSameCommand) {
  survives_kills(aborted());
}

}  // namespace
}  // namespace crossfade::tests
