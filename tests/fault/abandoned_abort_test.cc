// An abort makes capture's functions no-ops before it has the lock for the triggers. Whoever goes on with
// such a run instead must notice that writes have gone by uncaptured.
#include "tests/fault/small_run.h"

namespace crossfade::tests {
namespace {

class AbandonedAbort : public SmallRun {
 protected:
  std::string price_of_first() {
    return database_.scalar("SELECT price::text FROM public.items WHERE id = 1");
  }
};

TEST_F(AbandonedAbort, IsNoticedByTheCutover) {
  ASSERT_EQ(crossfade({"up", "--postpone-cutover"}).exit_code, 4);
  const Finished aborted = crossfade({"abort"}, "remove.disarm#4:after:kill");
  ASSERT_TRUE(aborted.signal) << describe(aborted);
  database_.execute("UPDATE public.items SET price = 777 WHERE id = 1");

  const Finished cutover = crossfade({"cutover"});
  EXPECT_EQ(cutover.exit_code, 0) << describe(cutover);
  EXPECT_EQ(price_of_first(), "777");
  EXPECT_EQ(database_.scalar("SELECT pg_catalog.count(*)::text FROM crossfade.events WHERE what = 'restart'"),
            "1");
}

TEST_F(AbandonedAbort, IsNoticedAlsoWhereTheLastVerificationIsStillGood) {
  const Finished stopped = crossfade({"up"}, "cutover.lock:before:kill");
  ASSERT_TRUE(stopped.signal) << describe(stopped);
  const Finished aborted = crossfade({"abort"}, "remove.disarm#4:after:kill");
  ASSERT_TRUE(aborted.signal) << describe(aborted);
  database_.execute("UPDATE public.items SET price = 777 WHERE id = 1");

  const Finished up = crossfade({"up"});
  EXPECT_EQ(up.exit_code, 0) << describe(up);
  EXPECT_EQ(price_of_first(), "777");
}

}  // namespace
}  // namespace crossfade::tests
