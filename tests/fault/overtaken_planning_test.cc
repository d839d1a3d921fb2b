// Several processes start the same revision at once, as the replicas of an application do. One of them is
// stopped before each query of its planning, while another carries out the whole revision: what the first one
// has read by then is no longer so, and it has to notice.
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <map>
#include <optional>
#include <thread>

#include "tests/fault/scene.h"

namespace crossfade::tests {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kRevision =
    "ALTER TABLE public.orders ADD COLUMN extra integer;\n"
    "UPDATE public.orders SET extra = 1;\n"
    "CREATE TABLE public.fresh (id integer);\n";

class Overtaken : public ::testing::Test {
 protected:
  static std::vector<std::string> waiting_up() { return {"up", "--wait", "--timeout", "60"}; }

  /// The points of one process that plans alone, in order, up to the commit of its first run.
  static std::vector<std::string> points_of_planning() {
    Scene scene(kRevision);
    EXPECT_EQ(scene.run({"up"}).exit_code, 0);
    std::vector<std::string> points;
    std::map<std::string, int> seen;
    for (const std::string& name : scene.traced()) {
      points.push_back(fmt::format("{}#{}:before:stop", name, ++seen[name]));
      if (name == "start.commit") break;
    }
    return points;
  }

  /// True where the other one could finish while the first one stood still.
  static bool is_overtaken_at(const std::string& point) {
    Scene scene(kRevision, 50);
    Process stopped(scene.command(waiting_up(), point));
    if (!scene.wait_for_trace("fired " + point.substr(0, point.find('#')))) {
      ADD_FAILURE() << point << " was not passed: " << stopped.errors();
      return false;
    }
    Process other(scene.command(waiting_up(), "", "other"));
    // Where the stopped one holds a lock that the other needs, it has to go on first.
    const auto until = std::chrono::steady_clock::now() + milliseconds(1500);
    while (other.running() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(milliseconds(10));
    const bool overtaken = !other.running();
    stopped.send_signal(SIGCONT);
    const Finished first = stopped.wait();
    const Finished second = other.wait();
    EXPECT_EQ(first.exit_code, 0) << point << "\n" << describe(first);
    EXPECT_EQ(second.exit_code, 0) << point << "\n" << describe(second);
    EXPECT_EQ(scene.database().scalar("SELECT pg_catalog.count(*) FROM crossfade.runs"), "1") << point;
    EXPECT_EQ(scene.database().scalar("SELECT pg_catalog.count(*) FROM public.orders WHERE extra = 1"), "50");
    return overtaken;
  }
};

TEST_F(Overtaken, WhoPlansWhileAnotherCarriesTheRevisionOutFindsItDone) {
  const std::vector<std::string> points = points_of_planning();
  ASSERT_GT(points.size(), 100U);
  // Neighbours tell the same; the distance is short enough to meet each part of the planning.
  const std::size_t distance = std::getenv("CROSSFADE_TEST_LONG") != nullptr ? 1 : 8;
  int overtaken = 0;
  for (std::size_t index = 0; index < points.size(); index += distance)
    overtaken += is_overtaken_at(points[index]) ? 1 : 0;
  // A busy machine may need longer than the pause; some must have been met.
  EXPECT_GT(overtaken, 2);
}

}  // namespace
}  // namespace crossfade::tests
