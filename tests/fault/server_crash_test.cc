// The database crashes while a run is under way: the process reconnects and goes on from the journal, or the
// next `up` does. The crash comes at a known query, where the process is stopped for it. The commit in doubt:
// its answer is lost, before or after the commit took place; waiting for the transaction's end and looking
// into the journal tells, asking at once or trying again would not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "orchestrator/ownership.h"
#include "tests/fault/application_writer.h"
#include "tests/fault/connection_gate.h"
#include "tests/fault/scene.h"

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Waits until the process has stopped itself at its fault point.
bool wait_until_fired(const Scene& scene, const std::string& name) {
  return scene.wait_for_trace("fired " + name);
}

class ServerCrash : public ::testing::TestWithParam<const char*> {};

TEST_P(ServerCrash, IsFollowedByAResumedRunWithTheRightContent) {
  postgres::ThrowawayServer server;
  Scene scene(kWiderTypes, 4000, server);
  ApplicationWriter writer(scene.database(), scene.rows(), ServerCrashes::expected);
  Process process(scene.command({"up", "--contract"}, std::string(GetParam()) + ":stop"));
  const std::string place = GetParam();
  ASSERT_TRUE(wait_until_fired(scene, place.substr(0, place.find_first_of("#:")))) << process.errors();
  server.crash_and_restart();
  process.send_signal(SIGCONT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);

  const Finished again = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  EXPECT_GT(writer.transactions(), 0);
  scene.expect_finished();
}

INSTANTIATE_TEST_SUITE_P(At, ServerCrash,
                         ::testing::Values("capture.commit:before", "copy.in#3:before",
                                           "copy.write.commit#4:after", "purge.delete:after",
                                           "index.build:before", "vacuum.shadow:before",
                                           "replay.insert:after", "verify.snapshot#2:after",
                                           "cutover.swap:after", "cutover.commit:before",
                                           "cutover.commit:after", "contract.drop:after"),
                         [](const auto& crash) {
                           std::string name = crash.param;
                           for (char& letter : name)
                             if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
                           return name;
                         });

/// Rule 13: a crash empties the table and leaves its file node, its triggers and the log as they were.
TEST(UnloggedTable, IsCopiedAnewAfterACrashOfTheServer) {
  postgres::ThrowawayServer server;
  Scene scene(kWiderTypes, 4000, server);
  scene.database().execute("ALTER TABLE public.orders SET UNLOGGED; ALTER TABLE public.mirror SET UNLOGGED");
  Process process(scene.command({"up", "--contract"}, "index.build:before:stop"));
  ASSERT_TRUE(wait_until_fired(scene, "index.build")) << process.errors();
  server.crash_and_restart();
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM public.orders"), "0");
  scene.database().execute(
      "INSERT INTO public.orders (id, customer, amount, note, code) SELECT n, n, n, 'later', 'd' || n FROM "
      "pg_catalog.generate_series(10001, 10300) n; INSERT INTO public.mirror TABLE public.orders");
  process.send_signal(SIGCONT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM crossfade.events WHERE what = 'restart'"), "1");
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM public.orders"), "300");
  scene.expect_finished();
}

TEST(ServerThatStaysAway, EndsTheProcessResumablyOnlyAfterItsPatience) {
  postgres::ThrowawayServer server;
  Scene scene(kWiderTypes, 4000, server);
  ApplicationWriter writer(scene.database(), scene.rows(), ServerCrashes::expected);
  Process process(scene.command({"up", "--contract"}, "copy.in#3:before:stop"));
  ASSERT_TRUE(wait_until_fired(scene, "copy.in"));
  server.stop();
  process.send_signal(SIGCONT);
  EXPECT_FALSE(process.wait_for(std::chrono::seconds(3))) << "it must wait for the server";
  server.start();
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(CommitInDoubt, IsDoneAgainWhereTheSessionEndedBeforeIt) {
  Scene scene;
  ApplicationWriter writer(scene.database(), scene.rows());
  const Finished finished = scene.run({"up", "--contract"}, "cutover.commit:before:terminate");
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THAT(scene.traced(), Contains("cutover.outcome"));
  EXPECT_EQ(scene.times_traced("cutover.commit"), 2);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(CommitInDoubt, IsNotDoneAgainWhereOnlyItsAnswerWasLost) {
  Scene scene;
  ApplicationWriter writer(scene.database(), scene.rows());
  const Finished finished = scene.run({"up", "--contract"}, "cutover.commit:after:terminate");
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THAT(scene.traced(), Contains("cutover.outcome"));
  EXPECT_EQ(scene.times_traced("cutover.commit"), 1);
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM crossfade.events WHERE what = 'cut over'"), "1");
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

/// Looked at at once it would seem "not swapped", and a moment later it was: here the old backend is still
/// busy with its COMMIT when the connection is lost.
TEST(CommitInDoubt, WaitsForTheEndOfTheOldTransaction) {
  Scene scene;
  ScratchDatabase& database = scene.database();
  ASSERT_EQ(scene.run({"init"}, "", "init").exit_code, 0);
  // A deferred trigger on the journal keeps the commit busy until the test opens the gate.
  database.execute(
      "CREATE TABLE public.gate (); INSERT INTO public.gate DEFAULT VALUES;"
      "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN WHILE EXISTS (SELECT FROM "
      "public.gate) LOOP PERFORM pg_catalog.pg_sleep(0.01); END LOOP; RETURN NULL; END $$;"
      "CREATE CONSTRAINT TRIGGER slow AFTER UPDATE ON crossfade.runs DEFERRABLE INITIALLY DEFERRED FOR EACH "
      "ROW "
      "WHEN (OLD.phase <> 'soaking' AND NEW.phase = 'soaking') EXECUTE FUNCTION public.slow()");
  ConnectionGate connections(database.server(), database.name());
  // How long the lock may be held is another test.
  Process process(
      scene.command({"up", "--hold-budget", "30000", "--database", connections.connection_string()}));
  ASSERT_TRUE(scene.wait_for_trace("cutover.commit")) << process.errors();
  const std::string in_commit =
      "SELECT pid FROM pg_catalog.pg_stat_activity WHERE application_name LIKE 'crossfade/1/%/cutover' AND "
      "datname "
      "= pg_catalog.current_database() AND query = 'COMMIT' AND state = 'active'";
  std::vector<std::string> backend;
  for (int times = 0; times < 500 && backend.empty(); ++times) {
    backend = database.column(in_commit);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_EQ(backend.size(), 1U) << process.errors();
  connections.break_client(std::stoi(backend.front()));
  ASSERT_TRUE(scene.wait_for_trace("cutover.outcome")) << process.errors();
  std::this_thread::sleep_for(std::chrono::seconds(1));
  EXPECT_TRUE(process.running()) << "it must not decide while the transaction is in progress";
  EXPECT_EQ(scene.phase(), "ready");
  database.execute("DELETE FROM public.gate");
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(scene.times_traced("cutover.commit"), 1);
  EXPECT_EQ(scene.phase(), "soaking");
  EXPECT_THAT(scene.differences(), IsEmpty());
}

}  // namespace
}  // namespace crossfade::tests
