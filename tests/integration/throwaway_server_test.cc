#include "postgres/throwaway_server.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "postgres/error.h"
#include "postgres/pqxx_session.h"
#include "postgres/problem.h"
#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade {
namespace {

namespace fs = std::filesystem;
using postgres::ThrowawayServer;
using tests::ScratchDatabase;
using tests::shared_server;

std::string ask(const ThrowawayServer& server, const std::string& sql, const std::string& role = "postgres") {
  const auto session = postgres::connect_pqxx(server.connection_string("postgres", role));
  return session->run({"test.ask", sql}).values(0).front().value_or("NULL");
}

bool within(std::chrono::seconds limit, const auto& holds) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

TEST(ThrowawayServer, AcceptsTheSuperuserOnItsSocketAlone) {
  const ThrowawayServer& server = shared_server();
  EXPECT_EQ(ask(server, "SELECT current_user"), "postgres");
  EXPECT_EQ(ask(server, "SELECT pg_catalog.current_setting('is_superuser')"), "on");
  EXPECT_EQ(ask(server, "SHOW listen_addresses"), "");
  EXPECT_EQ(ask(server, "SHOW fsync"), "off");
  EXPECT_EQ(ask(server, "SHOW server_encoding"), "UTF8");
}

TEST(ThrowawayServer, LetsEverybodyReachTheSocketAndNobodyTheData) {
  struct stat folder {};
  struct stat data {};
  ASSERT_EQ(::stat(shared_server().folder().c_str(), &folder), 0);
  ASSERT_EQ(::stat((shared_server().folder() / "data").c_str(), &data), 0);
  EXPECT_EQ(folder.st_mode & 0777, 0755U);
  EXPECT_EQ(data.st_mode & 0777, 0700U);
  EXPECT_NE(data.st_uid, 0U);
}

TEST(ThrowawayServer, TakesSettingsAsTheyAre) {
  const ThrowawayServer server({.settings = {{"work_mem", "7MB"}, {"cluster_name", R"(it's a \ name)"}}});
  EXPECT_EQ(ask(server, "SHOW work_mem"), "7MB");
  EXPECT_EQ(ask(server, "SHOW cluster_name"), R"(it's a \ name)");
}

TEST(ThrowawayServer, LeavesNothingBehind) {
  fs::path folder;
  pid_t postmaster = 0;
  {
    const ThrowawayServer server;
    folder = server.folder();
    postmaster = server.postmaster_pid();
    ASSERT_TRUE(fs::exists(folder));
  }
  EXPECT_FALSE(fs::exists(folder));
  EXPECT_EQ(::kill(postmaster, 0), -1);
}

TEST(ThrowawayServer, DisappearsWithAnOwnerThatIsKilled) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t owner = ::fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    const ThrowawayServer server;
    const std::string folder = server.folder().string();
    if (::write(ends[1], folder.data(), folder.size()) < 0) ::_exit(1);
    ::close(ends[1]);
    for (;;) ::pause();
  }
  ::close(ends[1]);
  std::array<char, 256> text{};
  const ssize_t length = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  ASSERT_GT(length, 0);
  const fs::path folder(std::string(text.data(), static_cast<std::size_t>(length)));
  EXPECT_TRUE(fs::exists(folder / "data"));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(within(std::chrono::seconds(30), [&] { return !fs::exists(folder); }));
}

TEST(ThrowawayServer, KeepsWhatWasCommittedOverACrash) {
  ScratchDatabase database;
  database.execute("CREATE TABLE kept (id int); INSERT INTO kept SELECT generate_series(1, 1000)");
  const auto session = database.application_session();
  const pid_t before = shared_server().postmaster_pid();
  shared_server().crash_and_restart();
  EXPECT_NE(shared_server().postmaster_pid(), before);
  try {
    session->run({"test.after_crash", "SELECT 1"});
    FAIL() << "the session outlived the crash";
  } catch (const postgres::DatabaseError& error) {
    EXPECT_TRUE(error.connection_dead()) << error.what();
  }
  EXPECT_EQ(database.scalar("SELECT count(*) FROM kept"), "1000");
}

TEST(ThrowawayServer, StopsAndStartsAgain) {
  ThrowawayServer server;
  server.stop();
  EXPECT_EQ(server.postmaster_pid(), 0);
  EXPECT_THROW(ask(server, "SELECT 1"), postgres::DatabaseError);
  server.stop();
  server.start();
  EXPECT_EQ(ask(server, "SELECT 1"), "1");
}

TEST(ThrowawayServer, SaysWhichFolderHasNoServer) {
  try {
    const ThrowawayServer server({.binaries = "/no/such/folder"});
    FAIL() << "started";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::failed);
    EXPECT_EQ(failure.problem().found, "/no/such/folder");
  }
}

TEST(ThrowawayServer, ShowsTheServersOwnMessageWhereItDoesNotStart) {
  try {
    const ThrowawayServer server({.settings = {{"work_mem", "much"}}});
    FAIL() << "started";
  } catch (const Failure& failure) {
    EXPECT_NE(failure.problem().found.find("work_mem"), std::string::npos) << failure.what();
  }
}

TEST(ScratchDatabase, GivesEachTestADatabaseAndOwnerOfItsOwn) {
  ScratchDatabase one;
  ScratchDatabase other;
  EXPECT_NE(one.name(), other.name());
  EXPECT_NE(one.owner(), other.owner());
  const auto session = one.session(one.owner());
  EXPECT_EQ(session->run({"test.role", "SELECT current_user AS name"}).only().text("name"), one.owner());
  session->run({"test.create", "CREATE TABLE public.made_by_owner (id int)"});
  EXPECT_EQ(one.scalar("SELECT count(*) FROM made_by_owner"), "0");
  EXPECT_EQ(other.scalar("SELECT to_regclass('made_by_owner')"), "NULL");
}

TEST(ScratchDatabase, IsDroppedWithItsRolesAndSessions) {
  std::string name;
  {
    ScratchDatabase database;
    name = database.name();
    database.owner();
  }
  EXPECT_EQ(
      ask(shared_server(), "SELECT count(*) FROM pg_catalog.pg_database WHERE datname = '" + name + "'"),
      "0");
  EXPECT_EQ(
      ask(shared_server(), "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname LIKE '" + name + "\\_%'"),
      "0");
}

TEST(Process, ReturnsExitCodeOutputAndErrors) {
  const tests::Finished finished =
      tests::run({.arguments = {"sh", "-c", "cat; echo \"$GREETING\" >&2; exit 3"},
                  .environment = {{"GREETING", "hello"}},
                  .input = "in"});
  EXPECT_EQ(finished.exit_code, 3);
  EXPECT_EQ(finished.output, "in");
  EXPECT_EQ(finished.errors, "hello\n");
}

TEST(Process, IsSignalledWhileItRuns) {
  tests::Process process(
      {.arguments = {"sh", "-c", "echo ready; exec sleep 60"}, .environment = {}, .input = {}});
  ASSERT_TRUE(process.wait_for_output("ready"));
  EXPECT_TRUE(process.running());
  process.send_signal(SIGTERM);
  EXPECT_EQ(process.wait().signal, SIGTERM);
}

TEST(Process, IsKilledAtItsTimeLimit) {
  const tests::Finished finished = tests::run(
      {.arguments = {"sleep", "60"}, .environment = {}, .input = {}, .limit = std::chrono::milliseconds(50)});
  EXPECT_TRUE(finished.timed_out);
  EXPECT_EQ(finished.signal, SIGKILL);
}

}  // namespace
}  // namespace crossfade
