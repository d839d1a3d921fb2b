// Partitions come and go while the application uses their parent.
#include <signal.h>

#include <chrono>
#include <thread>

#include "postgres/error.h"
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using std::chrono::milliseconds;
using ::testing::IsEmpty;

constexpr const char* kEvents =
    "CREATE TABLE places (id integer PRIMARY KEY);"
    "INSERT INTO places VALUES (1);"
    "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TABLE events (at date NOT NULL, place integer REFERENCES places, amount integer DEFAULT 3,"
    "  doubled integer GENERATED ALWAYS AS (amount * 2) STORED, note text COMPRESSION pglz,"
    "  CONSTRAINT positive CHECK (amount > 0), PRIMARY KEY (at, amount)) PARTITION BY RANGE (at);"
    "ALTER TABLE events ALTER COLUMN note SET STORAGE EXTERNAL;"
    "CREATE INDEX events_by_place ON events (place);"
    "CREATE TRIGGER stamped BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION stamp();"
    "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');"
    "INSERT INTO events VALUES ('2026-01-05', 1, 7)";

class Partitions : public OneRevision {
 protected:
  Partitions() { product_.as("keeper", kEvents); }

  void expect_as_plain(const std::string& sql) {
    const Answer answer = up(sql);
    ASSERT_EQ(answer.exit_code(), 0) << sql << describe(answer.finished);
    Product plain;
    plain.as("keeper", kEvents);
    plain.as("keeper", sql);
    EXPECT_EQ(product_.schema(), plain.schema()) << sql;
  }

  /// `up` is killed at each place, and `abort` leaves the schema as it was.
  void expect_abort_takes_all_back(const std::string& before, const std::vector<const char*>& places) {
    for (const char* place : places) {
      Command command = product_.command({"up"});
      command.environment["CROSSFADE_FAULT"] = place;
      const Finished killed = run(command);
      EXPECT_EQ(killed.signal, SIGKILL) << place << describe(killed);
      const Answer aborted = product_.ask({"abort"});
      EXPECT_EQ(aborted.exit_code(), 0) << place << describe(aborted.finished);
      EXPECT_EQ(product_.schema(), before) << place;
    }
  }
};

TEST_F(Partitions, ANewOneIsWhatPartitionOfWouldHaveMade) {
  expect_as_plain(
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') "
      "WITH (fillfactor = 70);\n"
      "CREATE TABLE IF NOT EXISTS public.\"Events 3\" PARTITION OF public.events -- the parent\n"
      "  FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') PARTITION BY LIST (amount);\n"
      "CREATE TABLE events_rest PARTITION OF events DEFAULT;\n");
}

TEST_F(Partitions, ANewOneWithColumnsOfItsOwnIsWhatPartitionOfWouldHaveMade) {
  expect_as_plain(
      "CREATE TABLE events_2 PARTITION OF events (amount DEFAULT 5, CONSTRAINT small CHECK (amount < 100)) "
      "FOR "
      "VALUES FROM ('2026-02-01') TO ('2026-03-01');\n");
}

TEST_F(Partitions, ANewOneOfHashAndListBoundsIsWhatPartitionOfWouldHaveMade) {
  const std::string parents =
      "CREATE TABLE hashed (id integer) PARTITION BY HASH (id); CREATE TABLE listed (id integer) PARTITION "
      "BY "
      "LIST (id)";
  const std::string sql =
      "CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 2, REMAINDER 0) WITH (fillfactor = "
      "80);\n"
      "CREATE UNLOGGED TABLE listed_1 PARTITION OF listed FOR VALUES IN (1, (2));\n";
  product_.as("keeper", parents);
  const Answer answer = up(sql);
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  Product plain;
  plain.as("keeper", kEvents);
  plain.as("keeper", parents);
  plain.as("keeper", sql);
  EXPECT_EQ(product_.schema(), plain.schema());
}

TEST_F(Partitions, AnIndexReachesPartitionsOfPartitions) {
  product_.as(
      "keeper",
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION "
      "BY LIST (amount);"
      "CREATE TABLE events_2_low PARTITION OF events_2 FOR VALUES IN (1, 2, 3);"
      "CREATE TABLE events_2_rest PARTITION OF events_2 DEFAULT;"
      "INSERT INTO events SELECT '2026-02-03', 1, i FROM generate_series(1, 50) AS i");
  const std::string before = product_.schema();
  const std::string sql = "CREATE INDEX events_by_amount ON events (amount, at DESC) WHERE amount > 1;\n";
  const Answer done = up(sql);
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  const std::string by_crossfade = product_.schema();
  product_.as("keeper", "DROP INDEX events_by_amount");
  EXPECT_EQ(product_.schema(), before);
  product_.as("keeper", sql);
  EXPECT_EQ(product_.schema(), by_crossfade);
}

TEST_F(Partitions, AnIndexReachesAPartitionThatTheSameFileMakes) {
  const std::string sql =
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');\n"
      "CREATE INDEX events_by_amount ON events (amount);\n";
  const Answer done = up(sql);
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events_by_amount'::regclass"),
            scalar("SELECT count(*) FROM pg_inherits WHERE inhparent = 'events'::regclass"));
}

TEST_F(Partitions, AnIndexIsNotLeftInvalidWhereAPartitionCameSinceThePlan) {
  product_.write("0001_change.sql", "CREATE INDEX events_by_amount ON events (amount);\n");
  Command command = product_.command({"up"});
  command.environment["CROSSFADE_FAULT"] = "in_place.statement#1:before:kill";
  const Finished killed = run(command);
  ASSERT_EQ(killed.signal, SIGKILL) << describe(killed);
  product_.as("keeper",
              "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')");
  const Answer refused = product_.ask({"up"});
  EXPECT_EQ(refused.exit_code(), 5) << describe(refused.finished);
  EXPECT_EQ(refused.error_code(), "table-changed");
  EXPECT_THAT(refused.text("/error/found"), ::testing::HasSubstr("public.events_2"));
  EXPECT_EQ(product_.ask({"abort"}).exit_code(), 0);
  const Answer done = product_.ask({"up"});
  EXPECT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(Partitions, AUniqueConstraintIsBuiltPartitionByPartition) {
  expect_as_plain(
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION "
      "BY LIST (amount);\n"
      "CREATE TABLE events_2_low PARTITION OF events_2 FOR VALUES IN (1, 2, 3);\n"
      "ALTER TABLE events ADD CONSTRAINT one_note UNIQUE (at, amount, note) DEFERRABLE INITIALLY "
      "DEFERRED;\n");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(Partitions, APrimaryKeyIsBuiltPartitionByPartition) {
  expect_as_plain(
      "ALTER TABLE events DROP CONSTRAINT events_pkey;\n"
      "ALTER TABLE events ADD PRIMARY KEY (at, amount, place);\n");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(Partitions, DuplicatesUnderAUniqueIndexAreNamedBeforeItIsBuilt) {
  product_.as("keeper", "INSERT INTO events (at, place, amount) VALUES ('2026-01-05', 1, 8)");
  const Answer answer = up("CREATE UNIQUE INDEX one_a_day ON events (at);\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_THAT(answer.text("/error/found"), ::testing::HasSubstr("at = 2026-01-05 (2 rows)"));
}

TEST_F(Partitions, AbortTakesAUniqueConstraintBack) {
  product_.as("keeper",
              "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')");
  const std::string before = product_.schema();
  product_.write("0001_change.sql",
                 "ALTER TABLE events ADD CONSTRAINT one_note UNIQUE (at, amount, note);\n");
  expect_abort_takes_all_back(before, {"in_place.commit#1:after:kill", "in_place.commit#2:after:kill",
                                       "in_place.commit#3:after:kill", "in_place.commit#5:before:kill"});
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(Partitions, AbortTakesAnIndexOfPartitionsOfPartitionsBack) {
  product_.as(
      "keeper",
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01') PARTITION "
      "BY LIST (amount);"
      "CREATE TABLE events_2_low PARTITION OF events_2 FOR VALUES IN (1, 2, 3)");
  const std::string before = product_.schema();
  product_.write("0001_change.sql", "CREATE INDEX events_by_amount ON events (amount);\n");
  expect_abort_takes_all_back(before, {"in_place.commit#2:after:kill", "in_place.commit#3:after:kill",
                                       "in_place.commit#5:before:kill"});
}

TEST_F(Partitions, ANewOneComesWhileTheParentIsWrittenTo) {
  const auto writer = product_.database().application_session();
  writer->run({"test.write", "BEGIN; INSERT INTO events VALUES ('2026-01-06', 1, 8)"});
  const Answer answer =
      up("CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');\n",
         {"--cutover-attempts", "3"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  writer->run({"test.write", "INSERT INTO events VALUES ('2026-02-06', 1, 9); COMMIT"});
  EXPECT_EQ(scalar("SELECT count(*) FROM events_2"), "1");
}

TEST_F(Partitions, OneIsDetachedBehindAReaderThatNobodyHasToWaitFor) {
  const auto reader = product_.database().application_session();
  reader->run({"test.read", "BEGIN; SELECT count(*) FROM events_1"});
  product_.write("0001_change.sql", "ALTER TABLE events DETACH PARTITION events_1;\n");
  Process process(product_.command({"up", "--progress", "plain"}));
  const auto pending = [&] {
    return scalar("SELECT count(*) FROM pg_inherits WHERE inhdetachpending") == "1";
  };
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!pending() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(milliseconds(20));
  ASSERT_TRUE(pending()) << process.errors();

  // Whoever reads the partition by its own name waits no longer than an attempt lasts.
  const auto other = product_.database().application_session();
  other->run({"test.limit", "SET statement_timeout = '1s'"});
  for (int look = 0; look < 40; ++look) {
    EXPECT_NO_THROW(other->run({"test.read", "SELECT count(*) FROM events_1"}));
    std::this_thread::sleep_for(milliseconds(25));
  }
  EXPECT_TRUE(process.wait_for_errors("older transactions on public.events")) << process.errors();
  reader->run({"test.read", "COMMIT"});
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'events_1'::regclass"), "0");
  EXPECT_EQ(scalar("SELECT count(*) FROM events_1"), "1");
}

TEST_F(Partitions, ADetachmentThatWasKilledBetweenItsHalvesIsFinishedByTheSameCommand) {
  const auto reader = product_.database().application_session();
  reader->run({"test.read", "BEGIN; SELECT count(*) FROM events_1"});
  product_.write("0001_change.sql", "ALTER TABLE events DETACH PARTITION events_1;\n");
  Command command = product_.command({"up"});
  command.environment["CROSSFADE_FAULT"] = "detach.finalize:before:kill";
  const Finished killed = run(command);
  EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_inherits WHERE inhdetachpending"), "1");
  reader->run({"test.read", "COMMIT"});
  const Answer again = product_.ask({"up"});
  EXPECT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_inherits WHERE inhrelid = 'events_1'::regclass"), "0");
}

TEST_F(Partitions, AbortTakesANewOneBackThatIsNotAttachedYet) {
  product_.write(
      "0001_change.sql",
      "CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');\n");
  Command command = product_.command({"up"});
  command.environment["CROSSFADE_FAULT"] = "in_place.begin:before:kill";
  const Finished killed = run(command);
  EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
  EXPECT_EQ(scalar("SELECT to_regclass('events_2') IS NOT NULL"), "t");
  const Answer aborted = product_.ask({"abort"});
  EXPECT_EQ(aborted.exit_code(), 0) << describe(aborted.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('events_2') IS NULL"), "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

}  // namespace
}  // namespace crossfade::tests
