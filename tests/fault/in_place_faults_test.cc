// kill -9 and a lost session beside every query of a revision that changes tables in place, then the same
// command again: every statement must have been carried out exactly once, with nothing left over. Rows that
// an UPDATE counts up show a batch that was done twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdlib>
#include <set>

#include "tests/fault/fault_chains.h"
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

const Scenario& scenario() {
  static const Scenario in_place = {
      .name = "in place", .command = kCommand, .migration = std::string(kInPlace)};
  return in_place;
}

/// The names of the run's queries, in the order in which one run without faults passes them.
const std::vector<std::string>& queries() {
  static const std::vector<std::string> names = [] {
    InPlaceScene scene;
    const Finished finished = scene.run(kCommand);
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    scene.expect_carried_out_once();
    std::set<std::string> seen;
    std::vector<std::string> out;
    for (const std::string& name : scene.traced()) {
      if (is_of_the_run(name) && !name.ends_with(".rollback") && seen.insert(name).second)
        out.push_back(name);
    }
    return out;
  }();
  return names;
}

/// A quick run interrupts at one moment of each query, or of one of `share`.
std::vector<FaultTrial> trials(int share) {
  const char* only = std::getenv("CROSSFADE_TEST_ONLY");
  const bool thorough = std::getenv("CROSSFADE_TEST_LONG") != nullptr;
  std::vector<FaultTrial> out;
  int number = 0;
  for (const std::string& name : queries()) {
    if (only != nullptr && name != only) continue;
    if (++number % share != 0 && !thorough && only == nullptr) continue;
    const bool before = out.size() % 2 == 0;
    if (thorough || before) out.push_back({name, 1, "before", scenario()});
    if (thorough || !before) out.push_back({name, 1, "after", scenario()});
  }
  return out;
}

void expect_a_good_end(InPlaceScene& scene) {
  const Finished again = scene.run(kCommand, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  scene.expect_carried_out_once();
}

TEST(InPlaceFaults, KillMinusNineBesideEveryQueryIsMadeGoodByTheSameCommand) {
  for_chains(chains(trials(1), 6, false), [](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      const Finished killed = scene.run(kCommand, fault_of(trial, "kill"));
      if (fired(scene, trial)) {
        EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
      } else {
        EXPECT_EQ(killed.exit_code, 0) << describe(killed);
        not_met.push_back(trial);
      }
    }
    expect_a_good_end(scene);
    return not_met;
  });
}

TEST(InPlaceFaults, ALostSessionBesideEveryQueryIsMadeGood) {
  for_chains(chains(trials(2), 4, false), [](const std::vector<FaultTrial>& chain) {
    InPlaceScene scene;
    std::string faults;
    for (const FaultTrial& trial : chain)
      faults += (faults.empty() ? "" : ",") + fault_of(trial, "terminate");
    scene.run(kCommand, faults);
    std::vector<FaultTrial> not_met;
    for (const FaultTrial& trial : chain) {
      if (!fired(scene, trial)) not_met.push_back(trial);
    }
    expect_a_good_end(scene);
    return not_met;
  });
}

}  // namespace
}  // namespace crossfade::tests
