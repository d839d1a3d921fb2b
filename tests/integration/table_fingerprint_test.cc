#include "checkers/table_fingerprint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>

#include "tests/support/scratch_database.h"

namespace crossfade::checkers {
namespace {

class Fingerprint : public ::testing::Test {
 protected:
  Fingerprint() {
    database_.execute(
        "CREATE SCHEMA crossfade_1;"
        "CREATE FUNCTION crossfade_1.noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE FUNCTION audited() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TABLE t (id integer PRIMARY KEY, v text DEFAULT 'x', n numeric(8, 2));"
        "CREATE TRIGGER captured AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION crossfade_1.noted();"
        "INSERT INTO t SELECT i, 'x', i FROM generate_series(1, 100) i");
    oid_ = static_cast<std::uint32_t>(std::stoul(database_.scalar("SELECT 't'::regclass::oid")));
    before_ = read_fingerprint(*session_, oid_);
  }

  /// What compare() says after `sql`: "component reaction", or "same".
  std::string after(const std::string& sql) {
    // One statement at a time, because VACUUM and CONCURRENTLY refuse company.
    database_.execute(sql);
    const auto change = compare(before_, read_fingerprint(*session_, oid_));
    if (!change) return "same";
    EXPECT_FALSE(change->reason.empty());
    return change->component + (change->reaction == FingerprintReaction::stop ? " stop" : " restart");
  }

  tests::ScratchDatabase database_;
  std::unique_ptr<postgres::Session> session_ = database_.session();
  std::uint32_t oid_ = 0;
  TableFingerprint before_;
};

TEST_F(Fingerprint, StaysTheSameThroughWritesAndAdditiveDrift) {
  for (const char* sql : {"UPDATE t SET v = 'y'",
                          "DELETE FROM t WHERE id < 50",
                          "VACUUM t",
                          "ANALYZE t",
                          "CREATE INDEX ON t (v)",
                          "CREATE INDEX CONCURRENTLY t_n ON t (n)",
                          "REINDEX TABLE t",
                          "DROP INDEX t_n",
                          "COMMENT ON TABLE t IS 'c'",
                          "GRANT SELECT ON t TO PUBLIC",
                          "CREATE STATISTICS s ON v, n FROM t",
                          "ALTER TABLE t ALTER v SET STATISTICS 500",
                          "ALTER TABLE t ALTER v SET STORAGE EXTERNAL",
                          "ALTER TABLE t SET (fillfactor = 80)",
                          "ALTER TABLE t ADD CONSTRAINT c CHECK (id > 0)",
                          "CREATE VIEW w AS SELECT * FROM t",
                          "CREATE TRIGGER audited AFTER UPDATE ON t FOR EACH ROW EXECUTE FUNCTION audited()",
                          "ALTER TABLE t DISABLE TRIGGER audited",
                          "DROP TRIGGER audited ON t",
                          "CREATE POLICY p ON t USING (true)",
                          "ALTER POLICY p ON t USING (false)"}) {
    EXPECT_EQ(after(sql), "same") << sql;
  }
}

TEST_F(Fingerprint, AsksForANewCopyAfterARewrite) {
  EXPECT_EQ(after("VACUUM FULL t"), "filenode restart");
  before_ = read_fingerprint(*session_, oid_);
  EXPECT_EQ(after("CLUSTER t USING t_pkey"), "filenode restart");
  before_ = read_fingerprint(*session_, oid_);
  EXPECT_EQ(after("TRUNCATE t"), "filenode restart");
}

TEST_F(Fingerprint, AsksForANewCopyAfterTriggersWereOffForAWhile) {
  EXPECT_EQ(after("ALTER TABLE t DISABLE TRIGGER ALL"), "triggers restart");
  EXPECT_EQ(after("ALTER TABLE t ENABLE TRIGGER ALL"), "triggers restart");
}

TEST_F(Fingerprint, AsksForANewCopyAfterATriggerWasDropped) {
  EXPECT_EQ(after("DROP TRIGGER captured ON t"), "triggers restart");
}

TEST_F(Fingerprint, StopsAtOtherColumns) {
  for (const char* sql :
       {"ALTER TABLE t ADD w integer", "ALTER TABLE t DROP w", "ALTER TABLE t RENAME v TO u",
        "ALTER TABLE t ALTER u SET NOT NULL", "ALTER TABLE t ALTER n TYPE numeric(10, 2)",
        "ALTER TABLE t ALTER u SET DEFAULT 'y'", "ALTER TABLE t ALTER id ADD GENERATED ALWAYS AS IDENTITY",
        "ALTER TABLE t ALTER u TYPE text COLLATE \"C\""}) {
    EXPECT_EQ(after(sql), "columns stop") << sql;
    before_ = read_fingerprint(*session_, oid_);
  }
}

TEST_F(Fingerprint, StopsRatherThanCopyingAgainWhereATypeChangeRewroteTheTable) {
  EXPECT_EQ(after("ALTER TABLE t ALTER id TYPE bigint"), "columns stop");
}

TEST_F(Fingerprint, StopsAtInheritance) {
  EXPECT_EQ(after("CREATE TABLE child () INHERITS (t)"), "inheritance stop");
  before_ = read_fingerprint(*session_, oid_);
  EXPECT_EQ(after("CREATE TABLE p (id integer NOT NULL, v text, n numeric(8, 2)) PARTITION BY LIST (id); "
                  "DROP TABLE child;"
                  "ALTER TABLE p ATTACH PARTITION t DEFAULT"),
            "inheritance stop");
}

TEST_F(Fingerprint, StopsAtRowSecurity) {
  EXPECT_EQ(after("ALTER TABLE t ENABLE ROW LEVEL SECURITY"), "row_security stop");
}

TEST_F(Fingerprint, StopsAtARenamedOrMovedTable) {
  EXPECT_EQ(after("ALTER TABLE t RENAME TO t2"), "name stop");
  before_ = read_fingerprint(*session_, oid_);
  EXPECT_EQ(after("CREATE SCHEMA away; ALTER TABLE t2 SET SCHEMA away"), "name stop");
}

TEST_F(Fingerprint, StopsAtADroppedTable) {
  EXPECT_EQ(after("DROP TABLE t"), "name stop");
}

TEST_F(Fingerprint, DoesNotDependOnTheSearchPath) {
  const auto session = database_.application_session();
  session->run({"test.search_path", "SET search_path = nowhere"});
  EXPECT_EQ(read_fingerprint(*session, oid_), before_);
}

TEST_F(Fingerprint, IsNotDeceivedByOperatorsOfTheUser) {
  database_.execute(
      "CREATE SCHEMA evil; CREATE FUNCTION evil.no(oid, oid) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
      "CREATE OPERATOR evil.= (FUNCTION = evil.no, LEFTARG = oid, RIGHTARG = oid)");
  const auto session = database_.application_session();
  session->run({"test.search_path", "SET search_path = evil, pg_catalog"});
  EXPECT_EQ(read_fingerprint(*session, oid_), before_);
}

TEST_F(Fingerprint, GoesThroughJson) {
  const boost::json::value document = boost::json::value_from(before_);
  EXPECT_EQ(boost::json::value_to<TableFingerprint>(document), before_);
}

TEST_F(Fingerprint, IsReadInAboutAMillisecond) {
  constexpr int kTimes = 200;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < kTimes; ++i) read_fingerprint(*session_, oid_);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  RecordProperty("milliseconds", fmt::format("{:.3f}", taken.count() / kTimes));
  // Generous, for a machine that does other things as well; it is 0.4 ms on an idle one.
  EXPECT_LT(taken.count() / kTimes, 5.0);
}

}  // namespace
}  // namespace crossfade::checkers
