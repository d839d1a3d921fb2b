// What hangs on a table while a run is under way and right after it: it comes and changes meanwhile, it acts
// on nothing that the run does, and what cannot be carried over is said before anything starts.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CarriedObjects : public OneRevision {
 protected:
  static void SetUpTestSuite() { shared_server({.settings = {{"wal_level", "logical"}}}); }

  CarriedObjects() {
    product_.as("keeper", std::string(kAccounts) +
                              "; CREATE TABLE audit (what text);"
                              "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT "
                              "INTO public.audit VALUES "
                              "(TG_OP); RETURN NULL; END'");
  }
  void as_keeper(const std::string& sql) { product_.as("keeper", sql); }

  std::unique_ptr<postgres::Session> holding(const std::string& lock) {
    auto session = product_.database().application_session();
    session->run({"test.hold", "BEGIN; LOCK TABLE " + lock});
    return session;
  }
};

TEST_F(CarriedObjects, TriggersFireForNoCopiedAndNoReplayedRow) {
  as_keeper(
      "CREATE TRIGGER noted AFTER INSERT OR UPDATE OR DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION "
      "noted();"
      "ALTER TABLE accounts ENABLE ALWAYS TRIGGER noted");
  EXPECT_EQ(up(kWiden, {"--postpone-cutover"}).exit_code(), 4);
  as_keeper("UPDATE accounts SET balance = balance + 1 WHERE id <= 50; DELETE FROM accounts WHERE id > 1990");
  EXPECT_EQ(product_.ask({"cutover"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM audit"), "60");
  as_keeper("UPDATE accounts SET balance = 0 WHERE id = 1");
  EXPECT_EQ(scalar("SELECT count(*) FROM audit"), "61");
  EXPECT_EQ(
      scalar("SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'accounts'::regclass AND tgname = 'noted'"),
      "A");
}

TEST_F(CarriedObjects, WhatComesDuringARunIsCarriedOverToo) {
  as_keeper("CREATE VIEW before AS SELECT id FROM accounts");
  EXPECT_EQ(up(kWiden, {"--postpone-cutover"}).exit_code(), 4);
  as_keeper(
      "CREATE VIEW late AS SELECT id, owner FROM accounts; GRANT SELECT ON late TO shop; DROP VIEW before;"
      "CREATE TRIGGER noted AFTER DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION noted();"
      "ALTER TABLE accounts DISABLE TRIGGER noted; CREATE POLICY mine ON accounts USING (id > 0);"
      "CREATE TABLE parts (id integer PRIMARY KEY, account integer REFERENCES accounts);"
      "INSERT INTO parts VALUES (1, 1); CREATE STATISTICS both_of ON owner, balance FROM accounts;"
      "CREATE INDEX accounts_balance ON accounts (balance);"
      "CREATE FUNCTION named(accounts) RETURNS text LANGUAGE sql AS 'SELECT $1.owner'");
  const Answer answer = product_.ask({"cutover", "--contract"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  const std::string here = "FROM pg_class WHERE oid = 'accounts'::regclass";
  EXPECT_EQ(scalar("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = 'late'::regclass AND "
                   "attnum = 1"),
            "bigint");
  EXPECT_EQ(scalar("SELECT has_table_privilege('shop', 'late', 'SELECT')"), "t");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_class WHERE relname = 'before'"), "0");
  EXPECT_EQ(
      scalar("SELECT tgenabled FROM pg_trigger WHERE tgrelid = 'accounts'::regclass AND tgname = 'noted'"),
      "D");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_policy WHERE polrelid = 'accounts'::regclass"), "1");
  EXPECT_EQ(
      scalar(
          "SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND confrelid = 'accounts'::regclass"),
      "t");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = 'accounts'::regclass"), "1");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE indrelid = 'accounts'::regclass"), "3");
  EXPECT_EQ(scalar("SELECT named(a) FROM accounts a WHERE id = 5"), "owner 5");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(CarriedObjects, AMaterializedViewIsReadableThroughoutAndHoldsTheMomentBeforeTheCutover) {
  as_keeper(
      "CREATE MATERIALIZED VIEW kept AS SELECT id, balance FROM accounts; CREATE UNIQUE INDEX kept_id ON "
      "kept (id)");
  const Answer planned = [&] {
    product_.write("0001_change.sql", kWiden);
    return product_.ask({"plan"});
  }();
  EXPECT_EQ(planned.exit_code(), 0);
  EXPECT_EQ(up(kWiden, {"--postpone-cutover"}).exit_code(), 4);
  as_keeper("UPDATE accounts SET balance = 777 WHERE id = 7");
  EXPECT_EQ(scalar("SELECT balance FROM kept WHERE id = 7"), "7");
  EXPECT_EQ(product_.ask({"cutover"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT balance FROM kept WHERE id = 7"), "777");
  EXPECT_EQ(scalar("SELECT pg_typeof(id) FROM kept LIMIT 1"), "bigint");
}

TEST_F(CarriedObjects, WhatCannotFitTheNewShapeIsSaidBeforeAnythingStarts) {
  as_keeper("CREATE VIEW odd AS SELECT id, balance + 1 AS next FROM accounts");
  const std::string before = product_.schema();
  const Answer answer =
      up("ALTER TABLE accounts ALTER COLUMN balance DROP DEFAULT, DROP CONSTRAINT solvent;\n"
         "ALTER TABLE accounts ALTER COLUMN balance TYPE text;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "dependent-does-not-fit");
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("operator does not exist"));
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("odd"));
  EXPECT_EQ(product_.schema(), before);
}

/// Rule 18: nothing acts on a table that is replayed into, and nothing of it acts on another.
TEST_F(CarriedObjects, TheOldTableHasNothingThatActs) {
  as_keeper(
      "CREATE TABLE owners (name text PRIMARY KEY); INSERT INTO owners SELECT DISTINCT owner FROM accounts;"
      "ALTER TABLE accounts ADD FOREIGN KEY (owner) REFERENCES owners ON DELETE CASCADE;"
      "CREATE TABLE parts (id integer PRIMARY KEY, account integer REFERENCES accounts ON DELETE CASCADE);"
      "INSERT INTO parts SELECT i, i FROM generate_series(1, 100) i;"
      "CREATE TRIGGER noted AFTER DELETE ON accounts FOR EACH ROW EXECUTE FUNCTION noted();"
      "CREATE RULE quiet AS ON UPDATE TO accounts WHERE OLD.id < 0 DO INSTEAD NOTHING;"
      "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON accounts USING (true)");
  ASSERT_EQ(up(kWiden).exit_code(), 0);
  const std::string old = "'crossfade_1_old.accounts'::regclass";
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND (conrelid = " + old +
                   " OR confrelid = " + old + ")"),
            "0");
  EXPECT_THAT(product_.database().column("SELECT tgname FROM pg_trigger WHERE tgrelid = " + old),
              ElementsAre("crossfade_1_guard"));
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_rewrite WHERE ev_class = " + old), "0");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_policy WHERE polrelid = " + old), "0");
  EXPECT_EQ(scalar("SELECT relrowsecurity FROM pg_class WHERE oid = " + old), "f");
  as_keeper("DELETE FROM owners WHERE name = 'owner 3'");
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE owner = 'owner 3'"), "0");
  EXPECT_EQ(scalar("SELECT count(*) FROM parts WHERE account = 3"), "0");
  EXPECT_EQ(scalar("SELECT count(*) > 0 FROM crossfade_1_old.accounts WHERE owner = 'owner 3'"), "t");
}

TEST_F(CarriedObjects, ForeignKeysAreValidatedBehindTheCutoverAndNameTheRowsThatCameInPastThem) {
  as_keeper(
      "CREATE TABLE parts (id integer PRIMARY KEY, account integer REFERENCES accounts);"
      "INSERT INTO parts VALUES (1, 1)");
  product_.database().execute(
      "SET session_replication_role = replica; INSERT INTO parts VALUES (2, 99999); RESET "
      "session_replication_role");
  const Answer answer = up(kWiden);
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("99999"));
  EXPECT_EQ(scalar("SELECT pg_typeof(id) FROM accounts LIMIT 1"), "bigint");
  EXPECT_EQ(
      scalar("SELECT convalidated FROM pg_constraint WHERE conrelid = 'parts'::regclass AND contype = 'f'"),
      "f");
  EXPECT_THROW(as_keeper("INSERT INTO parts VALUES (3, 88888)"), std::exception);
  as_keeper("DELETE FROM parts WHERE account = 99999");
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
  EXPECT_EQ(
      scalar("SELECT convalidated FROM pg_constraint WHERE conrelid = 'parts'::regclass AND contype = 'f'"),
      "t");
}

TEST_F(CarriedObjects, AnAbortLeavesNoTraceOfWhatWasPrepared) {
  as_keeper(
      "CREATE SCHEMA api; CREATE VIEW api.accounts AS SELECT * FROM public.accounts; CREATE VIEW over AS "
      "SELECT id FROM "
      "api.accounts; CREATE MATERIALIZED VIEW kept AS SELECT * FROM over; CREATE FUNCTION named(accounts) "
      "RETURNS text LANGUAGE "
      "sql AS 'SELECT $1.owner'");
  const std::string before = product_.schema();
  {
    const auto holder = holding("accounts IN ACCESS SHARE MODE");
    const Answer answer = up(kWiden, {"--cutover-attempts", "2", "--old-snapshots", "ignore"});
    EXPECT_EQ(answer.exit_code(), 4) << describe(answer.finished);
    EXPECT_EQ(answer.error_code(), "cutover-attempts-used-up");
  }
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_class WHERE relkind IN ('v', 'm') AND "
                   "relnamespace::regnamespace::text LIKE "
                   "'crossfade\\_1%'"),
            "3");
  EXPECT_EQ(product_.ask({"abort"}).exit_code(), 0);
  EXPECT_EQ(product_.schema(), before);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(CarriedObjects, ContractDropsNoViewThatSomebodyHasMadeOverTheOldTable) {
  as_keeper("CREATE VIEW seen AS SELECT id FROM accounts");
  ASSERT_EQ(up(kWiden).exit_code(), 0);
  as_keeper(
      "CREATE VIEW compare AS SELECT o.id FROM crossfade_1_old.accounts o JOIN crossfade_1_old.seen USING "
      "(id)");
  const Answer refused = product_.ask({"contract"});
  EXPECT_NE(refused.exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM compare"), "2000");
  as_keeper("DROP VIEW compare");
  EXPECT_EQ(product_.ask({"contract"}).exit_code(), 0);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

class Group : public CarriedObjects {
 protected:
  Group() {
    as_keeper(
        "CREATE TABLE parts (id integer PRIMARY KEY, account integer NOT NULL REFERENCES accounts);"
        "INSERT INTO parts SELECT i, i FROM generate_series(1, 300) i");
  }
  static std::string both() {
    return std::string(kWiden) + "ALTER TABLE parts ALTER COLUMN account TYPE bigint;\n";
  }
  std::vector<std::string> types() {
    return product_.database().column(
        "SELECT format_type(atttypid, -1) FROM pg_attribute WHERE (attrelid, attname) IN "
        "(('accounts'::regclass, 'id'), "
        "('parts'::regclass, 'account')) ORDER BY attrelid::regclass::text");
  }
};

TEST_F(Group, IsCutOverInOneTransactionOrNotAtAll) {
  {
    const auto holder = holding("parts IN ACCESS SHARE MODE");
    const Answer answer = up(both(), {"--cutover-attempts", "3", "--old-snapshots", "ignore"});
    EXPECT_EQ(answer.exit_code(), 4) << describe(answer.finished);
    EXPECT_THAT(product_.database().column("SELECT phase FROM crossfade.runs"),
                ElementsAre("ready", "ready"));
    EXPECT_THAT(types(), ElementsAre("integer", "integer"));
  }
  as_keeper("INSERT INTO accounts VALUES (5000, 'late', 1); INSERT INTO parts VALUES (5000, 5000)");
  const Answer answer = up(both(), {"--contract"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_THAT(types(), ElementsAre("bigint", "bigint"));
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts JOIN parts ON account = accounts.id"), "301");
  EXPECT_EQ(
      scalar("SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND conrelid = 'parts'::regclass"),
      "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(Group, ShowsBothRunsAndIsAbortedAsAWhole) {
  product_.write("0001_change.sql", both());
  EXPECT_EQ(product_.ask({"up", "--postpone-cutover"}).exit_code(), 4);
  const Answer status = product_.ask({"status"});
  EXPECT_EQ(status.document.at("runs").as_array().size(), 2U);
  EXPECT_EQ(status.text("/runs/0/state") == "waiting" || status.text("/runs/1/state") == "waiting", true);
  const Answer aborted = product_.ask({"abort", "2"});
  EXPECT_EQ(aborted.exit_code(), 0) << describe(aborted.finished);
  EXPECT_EQ(aborted.document.at("runs").as_array().size(), 2U);
  EXPECT_THAT(product_.traces(), IsEmpty());
  EXPECT_THAT(types(), ElementsAre("integer", "integer"));
}

TEST_F(Group, StartsATableOverThatWasRewrittenWhileItWaited) {
  product_.write("0001_change.sql", both());
  EXPECT_EQ(product_.ask({"up", "--postpone-cutover"}).exit_code(), 4);
  as_keeper("VACUUM FULL accounts");
  as_keeper("UPDATE accounts SET balance = 5 WHERE id < 100");
  const Answer first = product_.ask({"cutover"});
  EXPECT_EQ(first.exit_code(), 0) << describe(first.finished);
  const Answer answer = product_.ask({"up", "--contract"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_THAT(types(), ElementsAre("bigint", "bigint"));
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE balance = 5"), "99");
}

TEST_F(Group, OfOneTableAnnouncesTheColumnThatStaysNarrow) {
  product_.write("0001_change.sql", kWiden);
  const Finished planned = product_.run({"plan"});
  EXPECT_EQ(planned.exit_code, 0);
  EXPECT_THAT(planned.output + planned.errors, HasSubstr("parts.account"));
}

}  // namespace
}  // namespace crossfade::tests
