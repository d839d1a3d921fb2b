// What is done stays done, and only one process works on a table: resuming after kill -9, a second process, a
// frozen one, Ctrl-C, pause, a full disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "tests/fault/application_writer.h"
#include "tests/fault/scene.h"
#include "tests/support/json.h"

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kWorkers = 2;
constexpr int kRows = 8000;

int number_of_chunks(Scene& scene) {
  return std::stoi(scene.database().scalar("SELECT count(*) FROM crossfade.chunks"));
}

TEST(Resume, CopiesAtMostOneChunkAWorkerAgainAfterAKillAtEightyPercent) {
  Scene scene(kWiderTypes, kRows);
  ApplicationWriter writer(scene.database(), scene.rows());
  const std::vector<std::string> up = {"up", "--contract", "--workers", std::to_string(kWorkers)};
  // How many chunks there are is known from the table's size.
  const int chunks =
      std::stoi(scene.database().scalar("SELECT ceil(pg_relation_size('public.orders') / 8192.0 / 4)::int"));
  ASSERT_GE(chunks, 40);
  const int at = chunks * 8 / 10;
  const Finished killed = scene.run(up, fmt::format("journal.finish_chunk#{}:after:kill", at));
  ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  const std::vector<std::string> before = scene.database().column(
      "SELECT number || ':' || rows FROM crossfade.chunks WHERE finished ORDER BY number");
  EXPECT_GE(static_cast<int>(before.size()), at - kWorkers);

  const Finished again = scene.run(up, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  const auto copied_again =
      static_cast<int>(scene.times_traced("journal.finish_chunk", "again")) - (number_of_chunks(scene) - at);
  EXPECT_LE(copied_again, kWorkers);
  // The chunks of the first process are as it left them.
  const std::vector<std::string> after =
      scene.database().column("SELECT number || ':' || rows FROM crossfade.chunks ORDER BY number");
  for (const std::string& chunk : before) EXPECT_THAT(after, Contains(chunk));
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(Resume, DoesNoFinishedStepAgain) {
  Scene scene;
  ApplicationWriter writer(scene.database(), scene.rows());
  const Finished killed = scene.run({"up", "--contract"}, "verify.snapshot:after:kill");
  ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  const Finished again = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  const std::vector<std::string> queries = scene.traced("again");
  for (const char* done : {"expand.create.statement", "capture.statement", "copy.out", "purge.delete",
                           "index.build", "finish.statement", "vacuum.shadow"})
    EXPECT_THAT(queries, ::testing::Not(Contains(done)));
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(TwoProcesses, TheSecondIsRefusedAndToldWhoHoldsTheTable) {
  Scene scene;
  Process first(scene.command({"up", "--contract"}, "copy.in#2:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.in"));
  const Finished second = scene.run({"up", "--contract", "--format", "json"}, "", "second");
  EXPECT_EQ(second.exit_code, 5) << describe(second);
  const boost::json::value document = parse_document(second.output);
  EXPECT_EQ(text_at(document, "/error/code"), "table-held");
  EXPECT_EQ(text_at(document, "/error/object"), "public.orders");
  const std::string owner = scene.database().scalar(
      "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted AND mode "
      "= "
      "'ExclusiveLock' AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = "
      "pg_catalog.current_database())");
  EXPECT_THAT(text_at(document, "/error/found"), HasSubstr("backend " + owner + " (crossfade/1/control"));

  // The refused one has not touched the journal's owner: the first goes on when it wakes.
  first.send_signal(SIGCONT);
  const Finished finished = first.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  scene.expect_finished();
}

TEST(TwoProcesses, TheSecondGoesOnOnceTheFrozenFirstIsKilled) {
  Scene scene;
  ApplicationWriter writer(scene.database(), scene.rows());
  Process first(scene.command({"up", "--contract"}, "copy.write.commit#3:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.write.commit"));
  EXPECT_EQ(scene.run({"up", "--contract"}, "", "refused").exit_code, 5);
  first.send_signal(SIGKILL);
  EXPECT_EQ(first.wait().signal, SIGKILL);
  const Finished second = scene.run({"up", "--contract"}, "", "second");
  EXPECT_EQ(second.exit_code, 0) << describe(second);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

/// The owner's session is gone, its workers are not: a network that lost one connection, or an administrator
/// who ended one. The second process ends them; the first, when it wakes, can write nothing any more.
TEST(TwoProcesses, TheFirstCanWriteNothingAfterATakeOver) {
  Scene scene;
  ApplicationWriter writer(scene.database(), scene.rows());
  Process first(scene.command({"up", "--contract"}, "copy.write.commit#3:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.write.commit"));
  scene.database().execute(
      "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE application_name "
      "LIKE "
      "'crossfade/1/%control' AND datname = pg_catalog.current_database()");
  Process second(scene.command({"up", "--contract"}, "purge.commit:after:stop", "second"));
  ASSERT_TRUE(scene.wait_for_trace("fired purge.commit", std::chrono::seconds(60), "second"))
      << second.errors();
  EXPECT_THAT(scene.traced("second"), Contains("owner.take_over.end_stragglers"));
  first.send_signal(SIGCONT);
  const Finished fenced = first.wait();
  EXPECT_EQ(fenced.exit_code, 4) << describe(fenced);
  EXPECT_THAT(fenced.errors, HasSubstr("another process has taken the run over"));
  second.send_signal(SIGCONT);
  const Finished finished = second.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(CtrlC, LeavesAJournalThatCanBeResumed) {
  Scene scene(kWiderTypes, kRows);
  ApplicationWriter writer(scene.database(), scene.rows());
  Process process(scene.command({"up", "--contract"}, "copy.in#5:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.in"));
  process.send_signal(SIGINT);
  process.send_signal(SIGCONT);
  const Finished stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, 4) << describe(stopped);
  EXPECT_EQ(scene.state(), "interrupted");
  EXPECT_EQ(scene.phase(), "copying");
  EXPECT_EQ(scene.database().scalar("SELECT reason FROM crossfade.runs"), "stopped on request");

  const Finished again = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

TEST(Pause, StopsTheProcessAndHoldsAcrossProcessesUntilResumed) {
  Scene scene(kWiderTypes, kRows);
  ApplicationWriter writer(scene.database(), scene.rows());
  Process process(scene.command({"up", "--contract"}, "copy.in#5:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.in"));
  const Finished pause = scene.run({"pause"}, "", "pause");
  EXPECT_EQ(pause.exit_code, 0) << describe(pause);
  process.send_signal(SIGCONT);
  const Finished paused = process.wait();
  EXPECT_EQ(paused.exit_code, 4) << describe(paused);
  const Finished up = scene.run({"up", "--contract"}, "", "up");
  EXPECT_EQ(up.exit_code, 4) << describe(up);
  EXPECT_THAT(up.errors, HasSubstr("paused by "));
  EXPECT_EQ(scene.state(), "paused");
  const Finished resumed = scene.run({"resume", "--contract"}, "", "resume");
  EXPECT_EQ(resumed.exit_code, 0) << describe(resumed);
  writer.stop();
  EXPECT_THAT(writer.errors(), IsEmpty());
  scene.expect_finished();
}

}  // namespace
}  // namespace crossfade::tests
