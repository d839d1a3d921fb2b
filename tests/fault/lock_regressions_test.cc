// What stands in a run's way without being an error: a renamed table, a lock that does not go away, sessions
// of a forgotten process, applications that take their numbers before they insert. The run goes on, or says
// what is in the way and stops at once when it is told to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "checkers/table_fingerprint.h"
#include "postgres/error.h"
#include "tests/fault/application_writer.h"
#include "tests/fault/scene.h"
#include "tests/support/json.h"

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

void postpone(Scene& scene) {
  const Finished finished = scene.run({"up", "--postpone-cutover"}, "", "prelude");
  ASSERT_EQ(finished.exit_code, 4) << describe(finished);
}

/// Polls until `sql` gives true.
bool eventually(Scene& scene, const std::string& sql, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto until = std::chrono::steady_clock::now() + limit;
  while (scene.database().scalar(sql) != "t") {
    if (std::chrono::steady_clock::now() > until) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

void expect_refused_and_removable(Scene& scene, const std::string& table) {
  const Finished refused = scene.run({"cutover", "--contract", "--format", "json"}, "", "refused");
  EXPECT_EQ(refused.exit_code, 5) << describe(refused);
  EXPECT_EQ(text_at(parse_document(refused.output), "/error/code"), "table-changed") << describe(refused);
  // Capture is disarmed: writes pass, and nothing is logged any more.
  scene.database().execute("UPDATE " + table + " SET amount = amount + 1 WHERE id = 1");
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM crossfade_1.crossfade_log"), "0");
  const Finished aborted = scene.run({"abort", "1"}, "", "abort");
  EXPECT_EQ(aborted.exit_code, 0) << describe(aborted);
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'crossfade%'"), "0");
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'crossfade\\_%'"),
            "0");
}

TEST(RenamedTable, StopsTheRunAndCanBeAborted) {
  Scene scene;
  postpone(scene);
  scene.database().execute("ALTER TABLE public.orders RENAME TO orders_before");
  expect_refused_and_removable(scene, "public.orders_before");
}

TEST(RenamedTable, IsNotTakenForAnotherOneUnderItsOldName) {
  Scene scene;
  postpone(scene);
  scene.database().execute(
      "ALTER TABLE public.orders RENAME TO orders_before; CREATE TABLE public.orders (LIKE "
      "public.orders_before "
      "INCLUDING ALL); INSERT INTO public.orders TABLE public.orders_before LIMIT 10");
  expect_refused_and_removable(scene, "public.orders_before");
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM public.orders"), "10");
}

TEST(RenamedTable, StopsACopyUnderWay) {
  Scene scene(kWiderTypes, 8000);
  Process process(scene.command({"up", "--contract", "--format", "json"}, "copy.read.begin#6:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.read.begin"));
  // The other worker is frozen too, and may hold the table; its backend ends with its client's silence.
  scene.database().execute(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE "
      "'crossfade/1/%/read %'"
      " AND state <> 'idle' AND datname = current_database()");
  scene.database().execute("ALTER TABLE public.orders RENAME TO orders_before");
  process.send_signal(SIGCONT);
  const Finished refused = process.wait();
  EXPECT_EQ(refused.exit_code, 5) << describe(refused);
  EXPECT_EQ(text_at(parse_document(refused.output), "/error/code"), "table-changed") << describe(refused);
  const Finished aborted = scene.run({"abort", "1"}, "", "abort");
  EXPECT_EQ(aborted.exit_code, 0) << describe(aborted);
}

TEST(DroppedTable, StopsTheRunAndCanBeAborted) {
  Scene scene;
  postpone(scene);
  scene.database().execute("DROP TABLE public.orders CASCADE");
  const Finished refused = scene.run({"cutover", "--contract", "--format", "json"}, "", "refused");
  EXPECT_EQ(refused.exit_code, 5) << describe(refused);
  EXPECT_EQ(text_at(parse_document(refused.output), "/error/code"), "table-changed") << describe(refused);
  const Finished aborted = scene.run({"abort", "1"}, "", "abort");
  EXPECT_EQ(aborted.exit_code, 0) << describe(aborted);
}

TEST(DroppedTable, IsNoticedWithoutAnEarlierFingerprint) {
  const auto change = checkers::compare({}, {});
  ASSERT_TRUE(change.has_value());
  EXPECT_EQ(change->reaction, checkers::FingerprintReaction::stop);
}

/// An anti-wraparound vacuum or CREATE INDEX CONCURRENTLY holds it for hours.
TEST(YieldingLock, ThatIsNotGrantedCountsAsAnAttemptAndItsHolderIsNamed) {
  Scene scene;
  postpone(scene);
  auto holder = scene.database().application_session();
  holder->run({"test.hold", "BEGIN; LOCK TABLE public.orders IN SHARE UPDATE EXCLUSIVE MODE"});
  Process process(scene.command({"cutover", "--contract"}));
  const std::string named = fmt::format("pid {} ", holder->backend_pid());
  EXPECT_TRUE(
      eventually(scene, "SELECT reason LIKE '%" + named +
                            "%ShareUpdateExclusiveLock%' AND cutover_attempts > 0 FROM crossfade.runs"))
      << scene.database().scalar("SELECT reason FROM crossfade.runs");
  holder->run({"test.hold", "ROLLBACK"});
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  scene.expect_finished();
}

/// Its readers hold no fence, but the table's lock.
TEST(ForgottenReaders, AreEndedByTheProcessThatTakesOver) {
  Scene scene;
  const Finished killed = scene.run({"up", "--contract"}, "copy.write.commit#3:before:kill", "killed");
  ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  auto reader = scene.database().application_session();
  reader->run(
      {"test.reader",
       "SET application_name = 'crossfade/1/0badcafe/read 0'; BEGIN; LOCK TABLE public.orders IN ACCESS "
       "SHARE MODE"});
  auto stranger = scene.database().application_session();
  stranger->run({"test.stranger", "SET application_name = 'crossfade/11/0badcafe/read 0'"});
  const Finished finished = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THROW(reader->run({"test.reader", "SELECT 1"}), postgres::DatabaseError);
  EXPECT_NO_THROW(stranger->run({"test.stranger", "SELECT 1"}));  // run 11 is another one
  stranger.reset();
  scene.expect_finished();
}

TEST(CtrlC, StopsACopyThatWaitsForSomebodyElsesLock) {
  Scene scene;
  Process process(scene.command({"up", "--contract"}, "copy.read.begin#1:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.read.begin"));
  auto holder = scene.database().application_session();
  holder->run({"test.hold", "BEGIN; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE"});
  process.send_signal(SIGCONT);
  ASSERT_TRUE(
      eventually(scene,
                 "SELECT count(*) = 2 FROM pg_locks WHERE relation = 'public.orders'::regclass AND NOT "
                 "granted AND mode = 'AccessShareLock'"));
  process.send_signal(SIGINT);
  const auto stopped = process.wait_for(std::chrono::seconds(10));
  holder->run({"test.hold", "ROLLBACK"});
  ASSERT_TRUE(stopped.has_value());
  EXPECT_EQ(stopped->exit_code, 4) << describe(*stopped);
  EXPECT_EQ(scene.state(), "interrupted");
  const Finished again = scene.run({"up", "--contract"}, "", "again");
  EXPECT_EQ(again.exit_code, 0) << describe(again);
  scene.expect_finished();
}

TEST(Pause, StopsACopyThatWaitsForSomebodyElsesLock) {
  Scene scene;
  Process process(scene.command({"up", "--contract"}, "copy.read.begin#1:before:stop"));
  ASSERT_TRUE(scene.wait_for_trace("fired copy.read.begin"));
  auto holder = scene.database().application_session();
  holder->run({"test.hold", "BEGIN; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE"});
  process.send_signal(SIGCONT);
  EXPECT_EQ(scene.run({"pause"}, "", "pause").exit_code, 0);
  const auto paused = process.wait_for(std::chrono::seconds(15));
  holder->run({"test.hold", "ROLLBACK"});
  ASSERT_TRUE(paused.has_value());
  EXPECT_EQ(paused->exit_code, 4) << describe(*paused);
  EXPECT_EQ(scene.state(), "paused");
}

/// Many an application takes a number, then inserts, in one transaction: while it waits for the table it
/// holds the sequence that the swap needs.
TEST(SequenceBeforeTable, IsCutOverUnderItsWriters) {
  Scene scene("ALTER TABLE public.tickets ALTER COLUMN id TYPE bigint;\n", 10);
  scene.database().execute(
      "CREATE TABLE public.tickets (id serial PRIMARY KEY, note text); INSERT INTO public.tickets (note) "
      "SELECT 'old' "
      "FROM generate_series(1, 2000)");
  std::atomic<int> written = 0;
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int number = 0; number < 8; ++number) {
      writers.emplace_back([&](const std::stop_token& stop) {
        const auto session = scene.database().application_session();
        while (!stop.stop_requested()) {
          try {
            session->run({"test.begin", "BEGIN"});
            const std::string id =
                session->run({"test.number", "SELECT nextval('public.tickets_id_seq') AS id"})
                    .only()
                    .text("id");
            session->run({"test.insert", "INSERT INTO public.tickets VALUES (" + id + ", 'new')"});
            session->run({"test.commit", "COMMIT"});
            ++written;
          } catch (const postgres::DatabaseError&) {
            ++failed;
            session->run({"test.rollback", "ROLLBACK"});
          }
          std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
      });
    }
    const Finished finished = scene.run({"up", "--contract"});
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(scene.database().scalar("SELECT count(*) FROM public.tickets"), std::to_string(2000 + written));
  const int attempts = std::stoi(scene.database().scalar("SELECT cutover_attempts FROM crossfade.runs"));
  RecordProperty("attempts", attempts);
  EXPECT_LE(attempts, 15);
}

/// Bytes that are no UTF-8 are copied as they are.
TEST(OtherEncodings, AreCopiedByteForByte) {
  Scene scene("ALTER TABLE public.words ALTER COLUMN id TYPE bigint;\n", 10);
  ScratchDatabase& home = scene.database();
  for (const char* encoding : {"SQL_ASCII", "WIN1252"}) {
    const std::string name = home.name() + "_" + encoding;
    home.execute(
        fmt::format("CREATE DATABASE \"{}\" ENCODING '{}' LOCALE 'C' TEMPLATE template0", name, encoding));
    const postgres::SessionFactory factory(postgres::ConnectionTarget(home.server().connection_string(name)));
    {
      const auto session = factory.open({});
      session->run(
          {"test.words",
           "CREATE TABLE public.words (id integer PRIMARY KEY, \"w\u00e9\" text); INSERT INTO public.words "
           "SELECT n, 'caf' || pg_catalog.chr(CASE n % 2 WHEN 0 THEN 129 ELSE 233 END) FROM "
           "pg_catalog.generate_series(1, 3000) n"});
    }
    std::atomic<bool> done = false;
    std::jthread writer([&] {
      const auto session = factory.open({});
      for (int id = 1; !done; id = id % 3000 + 1) {
        session->run({"test.update", fmt::format("UPDATE public.words SET \"w\u00e9\" = \"w\u00e9\" || "
                                                 "pg_catalog.chr(129) WHERE id = {}",
                                                 id)});
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    });
    const Finished finished = scene.run({"up", "--database", home.server().connection_string(name)}, "",
                                        std::string("trace ") + encoding);
    done = true;
    writer.join();
    EXPECT_EQ(finished.exit_code, 0) << encoding << ": " << describe(finished);
    EXPECT_THAT(scene.traced(std::string("trace ") + encoding), Not(Contains("copy.server_side")));
    const auto session = factory.open({});
    EXPECT_EQ(session
                  ->run({"test.look",
                         "SELECT pg_catalog.count(*) AS wrong FROM public.words WHERE pg_catalog.encode("
                         "pg_catalog.convert_to(\"w\u00e9\", pg_catalog.getdatabaseencoding()), 'hex') !~ "
                         "CASE id % 2 "
                         "WHEN 0 THEN '^636166(81)+$' ELSE '^636166e9(81)*$' END"})
                  .only()
                  .text("wrong"),
              "0");
  }
}

TEST(Keepalives, LetTheServerNoticeALostClient) {
  // An address of this process's own, so that no two tests meet.
  const int number = ::getpid();
  const std::string address = fmt::format("127.{}.{}.77", number / 250 % 250 + 1, number % 250 + 1);
  postgres::ThrowawayServer server({.settings = {{"listen_addresses", address}}});
  std::string connection_string = server.connection_string();
  const auto host = connection_string.find("host=") + 5;
  connection_string.replace(host, connection_string.find(' ', host) - host, address);
  const postgres::SessionFactory factory{postgres::ConnectionTarget(connection_string)};
  const auto session = factory.open({});
  const postgres::Rows rows = session->run(
      {"test.settings",
       "SELECT name, setting FROM pg_catalog.pg_settings WHERE name LIKE 'tcp_%' ORDER BY name"});
  std::map<std::string, std::string> found;
  for (const postgres::Row row : rows) found[row.text("name")] = row.text("setting");
  EXPECT_EQ(found, (std::map<std::string, std::string>{{"tcp_keepalives_count", "4"},
                                                       {"tcp_keepalives_idle", "20"},
                                                       {"tcp_keepalives_interval", "10"},
                                                       {"tcp_user_timeout", "60000"}}));
}

}  // namespace
}  // namespace crossfade::tests
