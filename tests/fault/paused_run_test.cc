// A pause stops the work on a run, not what an operator does with the paused run: abort removes it, verify
// looks at it.
#include <chrono>
#include <thread>

#include "tests/fault/small_run.h"

namespace crossfade::tests {
namespace {

using namespace std::chrono_literals;

class PausedRun : public SmallRun {
 protected:
  PausedRun() {
    EXPECT_EQ(crossfade({"up", "--postpone-cutover"}).exit_code, 4);
    EXPECT_EQ(crossfade({"pause"}).exit_code, 0);
  }
};

TEST_F(PausedRun, IsAbortedAlsoWhereTheLockHasToBeWaitedFor) {
  const auto reader = database_.application_session();
  reader->run({"reader.begin", "BEGIN"});
  reader->run({"reader.read", "SELECT pg_catalog.count(*) FROM public.items"});
  Process abort(command({"abort", "--progress", "plain"}));
  ASSERT_TRUE(abort.wait_for_errors("waiting for the ACCESS EXCLUSIVE lock"));
  // Long enough for the monitor to have read the pause.
  std::this_thread::sleep_for(2s);
  EXPECT_TRUE(abort.running());
  reader->run({"reader.commit", "COMMIT"});

  const Finished finished = abort.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(database_.scalar("SELECT phase FROM crossfade.runs"), "aborted");
  EXPECT_EQ(
      database_.scalar("SELECT pg_catalog.count(*)::text FROM pg_catalog.pg_trigger WHERE NOT tgisinternal"),
      "0");
}

TEST_F(PausedRun, IsVerifiedAndStaysPaused) {
  const Finished verified = crossfade({"verify"});
  EXPECT_EQ(verified.exit_code, 0) << describe(verified);
  EXPECT_EQ(crossfade({"cutover"}).exit_code, 4);
  EXPECT_EQ(database_.scalar("SELECT state FROM crossfade.runs"), "paused");
}

}  // namespace
}  // namespace crossfade::tests
