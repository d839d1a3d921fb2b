// The ways through `up` that together pass every query of the run, each under concurrent writes. A scenario
// prepares a fresh Scene, then its command is what gets killed. `obstacle` is a thread of the test that
// stands in the way until the trace shows that it was met, so that waiting and giving up are passed for
// certain.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/ownership.h"
#include "tests/fault/application_writer.h"
#include "tests/fault/scene.h"

namespace crossfade::tests {

struct Scenario {
  std::string name;
  std::vector<std::string> command = {"up", "--contract"};
  std::string migration = std::string(kWiderTypes);
  std::function<void(Scene&)> prelude = [](Scene&) {};
  std::string faults = {};                 ///< that lead to the place, besides the one under test
  std::string held = {};                   ///< a LOCK TABLE statement's rest, held until …
  std::vector<std::string> held_for = {};  ///< … all these names are in the trace
  std::vector<std::string> certain = {};   ///< queries that elsewhere are passed by chance
  bool quiet = false;                      ///< nobody writes meanwhile
  bool straggler = false;                  ///< a worker of an earlier process still holds the run's fence

  /// Whether the command alone leads to its queries, so that it may be interrupted several times on its way.
  bool plain() const { return faults.empty() && held.empty() && certain.empty() && !straggler; }
};

/// Holds a lock as a session of the application would, until the trace shows `names` or the scene is over.
class Obstacle {
 public:
  Obstacle(Scene& scene, const Scenario& scenario) {
    if (scenario.straggler) {
      session_ = scene.database().application_session();
      session_->run(
          {"test.straggler", fmt::format("SET application_name = 'crossfade/1/0badcafe/index 0'; SELECT "
                                         "pg_catalog.pg_advisory_lock_shared({}, 1)",
                                         orchestrator::kRunLockClass)});
    }
    if (scenario.held.empty()) return;
    session_ = scene.database().application_session();
    session_->run({"test.hold", "BEGIN; LOCK TABLE " + scenario.held});
    thread_ = std::jthread([this, &scene, names = scenario.held_for](const std::stop_token& stop) {
      for (const std::string& name : names) {
        while (!stop.stop_requested() && scene.times_traced(name) == 0)
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      session_->run({"test.hold", "ROLLBACK"});
    });
  }

 private:
  std::unique_ptr<postgres::Session> session_;
  std::jthread thread_;
};

inline void postponed(Scene& scene) {
  const Finished finished = scene.run({"up", "--postpone-cutover"}, "", "prelude");
  EXPECT_EQ(finished.exit_code, 4) << describe(finished);
}

/// The command that finishes what was interrupted: `up`, or `cutover` where the operator has postponed it.
inline std::vector<std::string> finishing_command(Scene& scene) {
  const bool journal = scene.database().scalar("SELECT to_regclass('crossfade.runs') IS NOT NULL") == "t";
  const bool waits = journal && scene.database().scalar(
                                    "SELECT COALESCE(bool_or(postponed AND phase NOT IN "
                                    "('soaking', 'contracted')), false) FROM crossfade.runs") == "t";
  return {waits ? "cutover" : "up", "--contract"};
}

inline void what_hangs_on_the_table(Scene& scene) {
  scene.database().execute(
      "CREATE SCHEMA api; CREATE VIEW api.recent AS SELECT id, note FROM public.orders;"
      "CREATE VIEW public.notes AS SELECT id, note FROM api.recent;"
      "CREATE MATERIALIZED VIEW public.kept AS SELECT id FROM public.notes WHERE id <= 5;"
      "CREATE FUNCTION public.title(public.orders) RETURNS text LANGUAGE sql AS 'SELECT $1.note';"
      "CREATE FUNCTION public.counted() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM public.orders; END;"
      "CREATE TABLE public.lines (id integer PRIMARY KEY, order_id integer REFERENCES public.orders ON "
      "UPDATE CASCADE ON "
      "DELETE CASCADE);"
      "INSERT INTO public.lines SELECT id, id FROM public.orders WHERE id <= 300 AND id > 200;"
      "CREATE FUNCTION public.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
      "CREATE TRIGGER noted AFTER UPDATE ON public.orders FOR EACH ROW EXECUTE FUNCTION public.noted();"
      "CREATE POLICY mine ON public.orders USING (id > 0); CREATE STATISTICS public.both_of ON customer, "
      "amount FROM "
      "public.orders");
  scene.note_objects();
}

/// Each write that changes the note moves its row to another partition, and changes its key.
inline void orders_partitioned_by_note(Scene& scene, const std::string& amount) {
  scene.database().execute(
      "BEGIN; LOCK TABLE public.orders; ALTER TABLE public.orders RENAME TO plain; CREATE TABLE "
      "public.orders (id "
      "integer GENERATED BY DEFAULT AS IDENTITY (START 100000), customer integer NOT NULL, amount " +
      amount +
      " NOT NULL CHECK (amount >= 0), note text NOT NULL DEFAULT 'none', code text, PRIMARY KEY (id, note)) "
      "PARTITION BY HASH (note); CREATE TABLE public.orders_0 PARTITION OF public.orders FOR VALUES WITH "
      "(MODULUS "
      "2, REMAINDER 0) PARTITION BY HASH (note); CREATE TABLE public.orders_0_0 PARTITION OF public.orders_0 "
      "FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE public.orders_0_1 PARTITION OF public.orders_0 "
      "FOR "
      "VALUES WITH (MODULUS 2, REMAINDER 1); CREATE TABLE public.orders_1 PARTITION OF public.orders FOR "
      "VALUES "
      "WITH (MODULUS 2, REMAINDER 1); CREATE INDEX orders_by_customer ON public.orders (customer); CREATE "
      "INDEX "
      "orders_1_amount ON public.orders_1 (amount); UPDATE plain SET note = 'none' WHERE note IS NULL; "
      "UPDATE "
      "public.mirror SET note = 'none' WHERE note IS NULL; INSERT INTO public.orders SELECT * FROM plain; "
      "DROP "
      "TABLE plain; COMMIT");
  // Whether it was vacuumed meanwhile decides what is in the way, as of the Scene's own table.
  for (const char* partition : {"orders_0_0", "orders_0_1", "orders_1"})
    scene.database().execute(fmt::format("ALTER TABLE public.{} SET (autovacuum_enabled = off)", partition));
  scene.note_objects();
}

inline std::vector<Scenario> scenarios() {
  std::vector<Scenario> out;
  out.push_back({.name = "plain"});
  out.push_back({.name = "analysed source",
                 .prelude = [](Scene& scene) { scene.database().execute("ANALYZE public.orders"); }});
  out.push_back({.name = "postponed", .command = {"up", "--postpone-cutover"}});
  out.push_back(
      {.name = "many changes since the postponement",
       .command = {"cutover", "--contract"},
       .prelude =
           [](Scene& scene) {
             postponed(scene);
             // More dead rows in the log than are left without a vacuum.
             for (int times = 0; times < 12; ++times) {
               scene.database().execute(
                   "LOCK TABLE public.orders IN EXCLUSIVE MODE; UPDATE public.orders SET note = 'all "
                   "of them'; UPDATE public.mirror SET note = 'all of them'");
             }
           },
       .certain = {"monitor.backlog", "monitor.log_size"}});
  out.push_back({.name = "rewritten source",
                 .command = {"cutover", "--contract"},
                 .prelude =
                     [](Scene& scene) {
                       postponed(scene);
                       scene.database().execute("VACUUM FULL public.orders");
                     },
                 .held = "public.orders IN ACCESS SHARE MODE",
                 .held_for = {"remove.capture.release"}});
  out.push_back(
      {.name = "grants, owner and an index since the plan",
       .command = {"cutover", "--contract"},
       .prelude = [](Scene& scene) {
         scene.database().execute("CREATE STATISTICS public.gone ON customer, note FROM public.orders");
         postponed(scene);
         scene.database().execute(
             "DROP STATISTICS public.gone; CREATE STATISTICS public.come ON amount, note FROM public.orders");
         const std::string owner = scene.database().create_role("owner");
         const std::string reader = scene.database().create_role("reader");
         scene.database().execute(fmt::format(
             "CREATE INDEX orders_amount ON public.orders (amount); ALTER TABLE public.orders OWNER TO "
             "{0}; GRANT SELECT ON public.orders TO {1}; GRANT USAGE ON SEQUENCE public.orders_id_seq TO {1}",
             owner, reader));
       }});
  out.push_back({.name = "what hangs on the table", .prelude = what_hangs_on_the_table});
  out.push_back({.name = "two tables that a foreign key ties together",
                 .migration = std::string(kWiderTypes) +
                              "ALTER TABLE public.lines ALTER COLUMN order_id TYPE bigint;\n",
                 .prelude = what_hangs_on_the_table});
  out.push_back(
      {.name = "a plain table is divided",
       .migration = std::string(kWiderTypes) + "-- crossfade:partition by range (amount) interval '30000'\n",
       .prelude = [](Scene& scene) {
         scene.database().execute(
             "CREATE TABLE public.buyers (id integer PRIMARY KEY); INSERT INTO public.buyers SELECT "
             "generate_series(0, 1000); ALTER TABLE public.orders ADD FOREIGN KEY (customer) "
             "REFERENCES public.buyers");
       }});
  out.push_back({.name = "a partitioned table",
                 .prelude = [](Scene& scene) { orders_partitioned_by_note(scene, "integer"); }});
  out.push_back({.name = "an index above partitions since the plan",
                 .command = {"cutover", "--contract"},
                 .prelude = [](Scene& scene) {
                   orders_partitioned_by_note(scene, "integer");
                   postponed(scene);
                   scene.database().execute("CREATE INDEX of_all ON public.orders (amount)");
                 }});
  out.push_back({.name = "one partition",
                 .migration = "-- crossfade:rewrite public.orders_1\n",
                 .prelude = [](Scene& scene) { orders_partitioned_by_note(scene, "numeric(12,2)"); }});
  out.push_back({.name = "an unlogged table", .prelude = [](Scene& scene) {
                   scene.database().execute("ALTER TABLE public.orders SET UNLOGGED");
                 }});
  out.push_back({.name = "a journal from before", .prelude = [](Scene& scene) {
                   const Finished finished = scene.run({"init"}, "", "prelude");
                   EXPECT_EQ(finished.exit_code, 0) << describe(finished);
                 }});
  out.push_back(
      {.name = "the key loses its index, expressions, an index in a tablespace",
       .migration =
           "ALTER TABLE public.orders DROP CONSTRAINT orders_pkey;\n"
           "ALTER TABLE public.orders ALTER COLUMN id TYPE bigint, ALTER COLUMN amount TYPE "
           "numeric(12,2) USING amount::numeric, ADD COLUMN seen timestamptz NOT NULL DEFAULT now();\n",
       .prelude = [](Scene& scene) {
         auto session = scene.database().application_session();
         session->run({"test.tablespace", "SET allow_in_place_tablespaces = on"});
         const std::string name = scene.database().name() + "_space";
         session->run({"test.tablespace", "CREATE TABLESPACE " + name + " LOCATION ''"});
         session->run({"test.tablespace", "ALTER INDEX public.orders_customer SET TABLESPACE " + name});
       }});
  // With another worker, that one may get the chunk and copy it as usual.
  out.push_back({.name = "binary copy fails",
                 .command = {"up", "--contract", "--workers", "1"},
                 .faults = "copy.out:before:error"});
  out.push_back({.name = "lost answer of the cutover's commit", .faults = "cutover.commit:after:terminate"});
  out.push_back({.name = "the drain fails once", .faults = "drain.consume:before:error"});
  out.push_back({.name = "writers in the way of capture",
                 .held = "public.orders IN ROW EXCLUSIVE MODE",
                 .held_for = {"capture.release", "monitor.reason"},
                 .certain = {"monitor.reason"}});
  out.push_back({.name = "readers in the way of the cutover",
                 .held = "public.orders IN ACCESS SHARE MODE",
                 .held_for = {"cutover.release"}});
  out.push_back({.name = "readers in the way of contract",
                 .command = {"contract"},
                 .prelude =
                     [](Scene& scene) {
                       const Finished finished = scene.run({"up"}, "", "prelude");
                       EXPECT_EQ(finished.exit_code, 0) << describe(finished);
                     },
                 .held = "crossfade_1_old.orders IN ACCESS SHARE MODE",
                 .held_for = {"contract.release"}});
  out.push_back({.name = "a session of an earlier process", .straggler = true});
  out.push_back({.name = "nobody writes", .certain = {"replay.rollback"}, .quiet = true});
  return out;
}

/// The names that the scenario passes, in their order, after it was seen to end well.
inline std::vector<std::string> trace(const Scenario& scenario) {
  SCOPED_TRACE(scenario.name);
  Scene scene(scenario.migration);
  ApplicationWriter writer(scene.database(), scenario.quiet ? 0 : scene.rows());
  scenario.prelude(scene);
  const Obstacle obstacle(scene, scenario);
  const Finished first = scene.run(scenario.command, scenario.faults);
  EXPECT_TRUE(first.exit_code == 0 || first.exit_code == 4) << describe(first);
  if (first.exit_code != 0) {
    const Finished second = scene.run(finishing_command(scene), "", "finish");
    EXPECT_EQ(second.exit_code, 0) << describe(second);
  }
  writer.stop();
  EXPECT_EQ(writer.errors(), std::vector<std::string>{});
  scene.expect_finished();
  std::vector<std::string> names;
  for (const std::string& name : scene.traced())
    if (!name.starts_with("fired ") && name != "fault.terminate") names.push_back(name);
  for (const std::string& name : scenario.certain) EXPECT_GT(scene.times_traced(name), 0) << name;
  return names;
}

struct PassedQuery {
  Scenario scenario;
  std::size_t position = 0;  ///< of its first time, among all that the scenario passes
};

/// Each query of the run with the first scenario that passes it, as seen by running every scenario once, two
/// at a time.
inline std::map<std::string, PassedQuery> trace_all_scenarios() {
  const std::vector<Scenario> all = scenarios();
  std::vector<std::vector<std::string>> names(all.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t index = next++; index < all.size(); index = next++) names[index] = trace(all[index]);
  };
  {
    const std::jthread other(work);
    work();
  }
  std::map<std::string, PassedQuery> out;
  for (std::size_t index = 0; index < all.size(); ++index) {
    for (std::size_t position = 0; position < names[index].size(); ++position)
      out.emplace(names[index][position], PassedQuery{all[index], position});
    for (const std::string& name : all[index].certain) out.insert_or_assign(name, PassedQuery{all[index], 0});
  }
  return out;
}

}  // namespace crossfade::tests
