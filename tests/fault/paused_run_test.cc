// A pause stops the work on a run, not what an operator does with the paused run: abort removes it, verify
// looks at it.
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {
namespace {

using namespace std::chrono_literals;

class PausedRun : public ::testing::Test {
 protected:
  PausedRun() {
    folder_ = std::filesystem::path(shared_server().folder()) / database_.name();
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / "1_wider.sql") << "ALTER TABLE public.items ALTER COLUMN price TYPE bigint;\n";
    database_.execute(
        "CREATE TABLE public.items (id int PRIMARY KEY, price int);"
        "INSERT INTO public.items SELECT i, i FROM pg_catalog.generate_series(1, 1000) AS i");
    EXPECT_EQ(crossfade({"up", "--postpone-cutover"}).exit_code, 4);
    EXPECT_EQ(crossfade({"pause"}).exit_code, 0);
  }

  Command command(std::vector<std::string> arguments) {
    for (const std::string& argument :
         {std::string("--database"), database_.connection_string(), std::string("--dir"), folder_.string()})
      arguments.push_back(argument);
    return crossfade_command(std::move(arguments));
  }
  Finished crossfade(std::vector<std::string> arguments) { return run(command(std::move(arguments))); }

  ScratchDatabase database_;
  std::filesystem::path folder_;
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
