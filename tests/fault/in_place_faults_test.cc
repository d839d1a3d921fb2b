// kill -9 and a lost session beside every query of a revision that changes tables in place, then the same
// command again: every statement must have been carried out exactly once, with nothing left over. Rows that
// an UPDATE counts up show a batch that was done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <map>
#include <set>

#include "tests/fault/scene.h"

namespace crossfade::tests {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view kInPlace =
    "ALTER TABLE public.orders ADD COLUMN extra integer DEFAULT 3, ADD COLUMN rank integer CHECK (rank > "
    "0);\n"
    "ALTER TABLE public.orders ALTER COLUMN note SET NOT NULL;\n"
    "ALTER TABLE public.orders ADD CONSTRAINT kept FOREIGN KEY (customer) REFERENCES public.customers;\n"
    "CREATE UNIQUE INDEX orders_amount ON public.orders (amount, id);\n"
    "ALTER TABLE public.orders ADD CONSTRAINT one_code UNIQUE (code, id);\n"
    "DROP INDEX public.orders_customer;\n"
    "UPDATE public.orders SET extra = extra + 1;\n"
    "CREATE TABLE public.fresh (id integer);\n"
    "ALTER TABLE public.orders DROP COLUMN rank;\n"
    "DROP TABLE public.old_stuff;\n";

const std::vector<std::string> kCommand = {"up", "--approve", "--contract"};

/// What the server is asked before anything has begun, and what only shows or watches.
bool is_of_the_run(const std::string& name) {
  for (const char* prefix :
       {"in_place.", "plain.", "validate.", "look.", "build.", "batch", "contract", "journal.finish",
        "journal.advance", "journal.save_plan", "journal.describe_run", "journal.definition", "journal.apply",
        "start.", "owner.take_over", "advance."}) {
    if (name.starts_with(prefix)) return name != "build.progress";
  }
  return false;
}

class InPlaceScene : public Scene {
 public:
  InPlaceScene() : Scene(kInPlace) {
    database().execute(
        "CREATE TABLE public.customers (id integer PRIMARY KEY);"
        "INSERT INTO public.customers SELECT pg_catalog.generate_series(0, 100);"
        "CREATE TABLE public.old_stuff (id integer); INSERT INTO public.old_stuff VALUES (1)");
  }

  void expect_carried_out_once() {
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM public.orders WHERE extra = 4"),
              std::to_string(rows()));
    EXPECT_EQ(database().column("SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = "
                                "'public.orders'::regclass AND attnum > 0 "
                                "AND NOT attisdropped ORDER BY attnum"),
              (std::vector<std::string>{"id", "customer", "amount", "note", "code", "extra"}));
    EXPECT_EQ(database().column("SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = "
                                "'public.orders'::regclass AND convalidated "
                                "AND contype <> 'n' ORDER BY conname"),
              (std::vector<std::string>{"kept", "one_code", "orders_amount_check", "orders_code_key",
                                        "orders_pkey"}));
    EXPECT_EQ(
        database().column(
            "SELECT c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
            "WHERE i.indrelid = 'public.orders'::regclass AND i.indisvalid ORDER BY 1"),
        (std::vector<std::string>{"one_code", "orders_amount", "orders_code_key", "orders_pkey"}));
    EXPECT_EQ(database().scalar("SELECT attnotnull FROM pg_catalog.pg_attribute WHERE attrelid = "
                                "'public.orders'::regclass AND attname = 'note'"),
              "t");
    EXPECT_EQ(
        database().scalar(
            "SELECT to_regclass('public.fresh') IS NOT NULL AND to_regclass('public.old_stuff') IS NULL"),
        "t");
    EXPECT_THAT(
        database().column("SELECT indexrelid::regclass::text FROM pg_catalog.pg_index WHERE NOT indisvalid"),
        IsEmpty());
    EXPECT_THAT(left_over(), IsEmpty());
    EXPECT_EQ(database().column("SELECT phase || ' ' || state FROM crossfade.runs"),
              std::vector<std::string>{"contracted done"});
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM crossfade.statements"), "11");
    EXPECT_EQ(database().scalar("SELECT pg_catalog.count(*) FROM crossfade.revisions"), "1");
  }
};

/// The names of the run's queries, as one run without faults passes them.
const std::set<std::string>& queries() {
  static const std::set<std::string> names = [] {
    InPlaceScene scene;
    const Finished finished = scene.run(kCommand);
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    scene.expect_carried_out_once();
    std::set<std::string> out;
    for (const std::string& name : scene.traced()) {
      if (is_of_the_run(name) && !name.ends_with(".rollback")) out.insert(name);
    }
    return out;
  }();
  return names;
}

void try_fault_at_every_query(const std::string& action) {
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  std::vector<std::string> points;
  int number = 0;
  for (const std::string& name : queries()) {
    if (only != nullptr && name != only) continue;
    ++number;
    const bool before = number % 2 == 0;
    // A quick run kills at one moment of each query, and loses the session at half of them.
    if (!thorough && action == "terminate" && number % 4 >= 2) continue;
    if (thorough || before) points.push_back(name + ":before");
    if (thorough || !before) points.push_back(name + ":after");
  }
  ASSERT_FALSE(points.empty());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t index = next++; index < points.size(); index = next++) {
      SCOPED_TRACE(points[index]);
      InPlaceScene scene;
      const Finished faulted = scene.run(kCommand, points[index] + ":" + action);
      EXPECT_EQ(scene.times_traced("fired " + points[index].substr(0, points[index].find(':'))), 1)
          << describe(faulted);
      if (action == "kill") {
        EXPECT_EQ(faulted.signal, SIGKILL) << describe(faulted);
      }
      const Finished again = scene.run(kCommand, "", "again");
      EXPECT_EQ(again.exit_code, 0) << describe(again);
      scene.expect_carried_out_once();
    }
  };
  const std::jthread other(work);
  work();
}

TEST(InPlaceFaults, KillMinusNineBesideEveryQueryIsMadeGoodByTheSameCommand) {
  try_fault_at_every_query("kill");
}

TEST(InPlaceFaults, ALostSessionBesideEveryQueryIsMadeGood) {
  try_fault_at_every_query("terminate");
}

}  // namespace
}  // namespace crossfade::tests
