// A table with partitions is cut over as one: killed again and again on its way, the same command brings it
// to its end, and what has become of its partitions meanwhile is noticed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/fault/scenarios.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class PartitionFaults : public ::testing::TestWithParam<std::string> {};

TEST_P(PartitionFaults, EndWellAfterAKillAtEachStep) {
  const std::vector<Scenario> all = scenarios();
  const Scenario& scenario =
      *std::find_if(all.begin(), all.end(), [](const Scenario& each) { return each.name == GetParam(); });
  Scene scene(scenario.migration);
  ApplicationWriter writer(scene.database(), scene.rows());
  scenario.prelude(scene);
  for (const char* fault :
       {"expand.create.commit:before:kill", "capture.statement#6:after:kill",
        "expand.chunks.commit:after:kill", "copy.write.commit#2:before:kill",
        "copy.write.commit#3:after:kill", "purge.commit:before:kill", "index.commit#2:after:kill",
        "finish.statement#3:after:kill", "vacuum.shadow:before:kill", "replay.commit:after:kill",
        "prepare.commit:before:kill", "cutover.swap:before:kill", "cutover.swap:after:kill",
        "cutover.commit:after:kill", "contract.drop:after:kill"}) {
    const Finished killed = scene.run(finishing_command(scene), fault);
    if (killed.signal != SIGKILL) {
      // Steps that this scenario does not have; nothing else may end the command early.
      EXPECT_EQ(killed.exit_code, 0) << fault << describe(killed);
    }
  }
  const Finished again = scene.run(finishing_command(scene), "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

INSTANTIATE_TEST_SUITE_P(Each, PartitionFaults,
                         ::testing::Values("a plain table is divided", "a partitioned table",
                                           "one partition"),
                         [](const auto& instance) {
                           std::string name = instance.param;
                           std::replace(name.begin(), name.end(), ' ', '_');
                           return name;
                         });

/// With the command stopped in the middle of its copy.
class PartitionsMeanwhile : public ::testing::Test {
 protected:
  void SetUp() override {
    orders_partitioned_by_note(scene_, "integer");
    const Finished killed = scene_.run({"up"}, "copy.write.commit#4:before:kill");
    ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  }

  void expect_stop(const std::string& reason) {
    const Finished again = scene_.run({"up"}, "", "again");
    EXPECT_EQ(again.exit_code, 5) << describe(again);
    EXPECT_THAT(describe(again), HasSubstr(reason));
    const Finished aborted = scene_.run({"abort"}, "", "abort");
    EXPECT_EQ(aborted.exit_code, 0) << describe(aborted);
    EXPECT_THAT(scene_.left_over(), IsEmpty());
  }

  void expect_restarted_copy() {
    const Finished again = scene_.run({"up", "--contract"}, "", "again");
    EXPECT_EQ(again.exit_code, 0) << describe(again);
    EXPECT_EQ(scene_.database().scalar("SELECT count(*) FROM crossfade.events WHERE what = 'restart'"), "1");
    scene_.expect_finished();
  }

  Scene scene_;
};

TEST_F(PartitionsMeanwhile, AreNotReplacedUnnoticed) {
  // Written to in between, by its own name: no trigger of the whole table would tell.
  scene_.database().execute(
      "ALTER TABLE public.orders DETACH PARTITION public.orders_1; ALTER TABLE public.orders ATTACH "
      "PARTITION "
      "public.orders_1 FOR VALUES WITH (MODULUS 2, REMAINDER 1)");
  expect_stop("partitions attached or detached");
}

TEST_F(PartitionsMeanwhile, StartTheCopyOverWhereOneWasRewritten) {
  scene_.database().execute("VACUUM FULL public.orders_0_1");
  expect_restarted_copy();
}

TEST_F(PartitionsMeanwhile, StartTheCopyOverWhereOneWasTruncated) {
  scene_.database().execute(
      "WITH gone AS (SELECT id FROM public.orders_0_1) DELETE FROM public.mirror USING gone WHERE mirror.id "
      "= "
      "gone.id; TRUNCATE public.orders_0_1");
  expect_restarted_copy();
}

TEST_F(PartitionsMeanwhile, TakeAnIndexThatOneOrAllOfThemGet) {
  scene_.database().execute(
      "CREATE INDEX of_all ON public.orders (amount); CREATE INDEX of_one ON public.orders_0_1 (customer, "
      "amount); GRANT SELECT ON public.orders_0_1 TO PUBLIC");
  const Finished again = scene_.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  scene_.expect_finished();
  EXPECT_EQ(
      scene_.database().scalar("SELECT count(*) FROM pg_indexes WHERE indexname IN ('of_all', 'of_one') AND "
                               "schemaname = 'public'"),
      "2");
  EXPECT_EQ(
      scene_.database().scalar("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE "
                               "c.relname LIKE 'orders%' AND NOT i.indisvalid"),
      "0");
  EXPECT_EQ(
      scene_.database().scalar("SELECT has_table_privilege('pg_monitor', 'public.orders_0_1', 'SELECT')"),
      "t");
}

TEST(OnePartitionMeanwhile, IsNotAttachedWithoutACheckThatItsTableHasGot) {
  Scene scene("-- crossfade:rewrite public.orders_1\n");
  orders_partitioned_by_note(scene, "numeric(12,2)");
  const Finished killed = scene.run({"up"}, "vacuum.shadow:before:kill");
  ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  scene.database().execute("ALTER TABLE public.orders ADD CONSTRAINT dear CHECK (amount < 10000000)");
  const Finished again = scene.run({"up"}, "", "again");
  EXPECT_EQ(again.exit_code, 5) << describe(again);
  EXPECT_THAT(describe(again), HasSubstr("the constraint dear was added"));
  scene.database().execute("ALTER TABLE public.orders DROP CONSTRAINT dear");
  const Finished last = scene.run({"up", "--contract"}, "", "last");
  EXPECT_EQ(last.exit_code, 0) << describe(last);
}

}  // namespace
}  // namespace crossfade::tests
