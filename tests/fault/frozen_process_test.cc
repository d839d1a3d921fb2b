// A crossfade that is frozen (SIGSTOP: a debugger, a suspended machine, a full swap) while it holds a lock
// that the application needs. The server itself ends the frozen session within the budgets; when the process
// wakes, it goes on or can be resumed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>

#include "tests/fault/application_writer.h"
#include "tests/fault/scene.h"

namespace crossfade::tests {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;

/// The default lock and hold budgets, and what a busy machine adds.
constexpr milliseconds kBudgets{700};
constexpr milliseconds kMargin{800};

class Frozen : public ::testing::TestWithParam<const char*> {};

TEST_P(Frozen, LosesItsLockWithinTheBudgetsAndGoesOnWhenItWakes) {
  const std::string place = GetParam();
  const std::string name = place.substr(0, place.find_first_of("#:"));
  Scene scene;
  std::optional<ApplicationWriter> writer;
  // So often that the log is not empty when the lock is there.
  writer.emplace(scene.database(), scene.rows(), ServerCrashes::never, milliseconds(2));
  Process process(scene.command({"up", "--contract"}, place + ":stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired " + name)) << process.errors();

  const auto frozen = std::chrono::steady_clock::now();
  scene.database().execute("UPDATE public.orders SET customer = customer WHERE id = 1");
  const auto waited = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - frozen);
  EXPECT_LT(waited, kBudgets + kMargin);
  std::this_thread::sleep_for(milliseconds(500));  // the application goes on
  process.send_signal(SIGCONT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  if (finished.exit_code != 0) {
    const Finished again = scene.run({"up", "--contract"}, "", "again");
    EXPECT_EQ(again.exit_code, 0) << describe(again);
  }
  writer->stop();
  EXPECT_THAT(writer->errors(), IsEmpty());
  EXPECT_LT(writer->longest(), kBudgets + kMargin);
  scene.expect_finished();
}

/// Neither statement_timeout nor idle_in_transaction_session_timeout ends a backend that is sending rows to a
/// client which does not read them.
TEST(FrozenWhileItReadsLargeRows, LosesItsLockWithinTheBudgetsAndGoesOnWhenItWakes) {
  Scene scene;
  scene.database().execute(
      "ALTER TABLE public.orders ALTER COLUMN note SET STORAGE EXTERNAL;"
      "UPDATE public.orders SET note = repeat('wide', 500000) WHERE id <= 3;"
      "UPDATE public.mirror SET note = repeat('wide', 500000) WHERE id <= 3");
  Process process(scene.command({"up", "--contract"}, "drain.read.data:before:stop"));
  // All the time, so that the log is not empty under the lock; but not before the rows are verified.
  ASSERT_TRUE(scene.wait_for_trace("cutover.settings")) << process.errors();
  std::optional<std::jthread> writer = std::jthread([&](const std::stop_token& stop) {
    const auto session = scene.database().application_session();
    while (!stop.stop_requested()) {
      session->run({"test.write", "UPDATE public.orders SET customer = customer WHERE id <= 3"});
      std::this_thread::sleep_for(milliseconds(2));
    }
  });
  ASSERT_TRUE(scene.wait_for_trace("fired drain.read.data")) << process.errors();

  const auto frozen = std::chrono::steady_clock::now();
  const auto session = scene.database().application_session();
  session->run({"test.limit", "SET statement_timeout = '10s'"});
  EXPECT_NO_THROW(
      session->run({"test.write", "UPDATE public.orders SET customer = customer WHERE id = 100"}));
  EXPECT_LT(std::chrono::steady_clock::now() - frozen, kBudgets + kMargin);
  process.send_signal(SIGCONT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  writer.reset();
  scene.expect_finished();
}

/// Its sessions may belong to a role that the new owner may not end: the fence alone has to hold then.
TEST(FrozenBeforeAStep, DoesNothingWhenItWakesAndTheRunIsAnothersByThen) {
  Scene scene("ALTER TABLE public.orders ADD COLUMN extra integer;\n");
  Process process(scene.command({"up"}, "in_place.begin:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired in_place.begin")) << process.errors();
  scene.database().execute("UPDATE crossfade.runs SET epoch = 'another'");
  process.send_signal(SIGCONT);
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 4) << describe(finished);
  EXPECT_THAT(finished.errors, ::testing::HasSubstr("taken the run over"));
  EXPECT_EQ(scene.database().scalar("SELECT pg_catalog.count(*) FROM pg_catalog.pg_attribute WHERE attrelid "
                                    "= 'public.orders'::regclass AND attname = 'extra'"),
            "0");
  const Finished again = scene.run({"up"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
}

INSTANTIATE_TEST_SUITE_P(After, Frozen,
                         ::testing::Values("capture.lock:after", "capture.statement#3:after",
                                           "capture.commit:before", "cutover.lock:after",
                                           "cutover.backlog:after", "drain.begin:after", "drain.delete:after",
                                           "drain.read:after", "drain.write:before", "drain.write:after",
                                           "drain.commit:before", "drain.commit:after", "cutover.swap:after",
                                           "cutover.xid:after", "cutover.commit:before"),
                         [](const auto& frozen) {
                           std::string name = frozen.param;
                           for (char& letter : name)
                             if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
                           return name;
                         });

}  // namespace
}  // namespace crossfade::tests
