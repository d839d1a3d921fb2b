// A later statement of a revision means what the ones before it have left: names after a rename, several
// names in one statement, tables that the revision itself has made, values that it has changed. Each of these
// once went to the wrong table, or to none.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class StatementOrder : public OneRevision {
 protected:
  StatementOrder() { product_.as("keeper", kAccounts); }

  void expect_refused(const std::string& sql, const std::string& code) {
    const Answer answer = up(sql, {"--approve"});
    EXPECT_EQ(answer.exit_code(), 5) << sql << describe(answer.finished);
    EXPECT_EQ(answer.error_code(), code) << sql;
  }
};

TEST_F(StatementOrder, ADropBehindARenameMeansTheTableThatHasTheNameThen) {
  product_.as("keeper", "CREATE TABLE accounts_new (id integer PRIMARY KEY, fresh boolean)");
  const Answer done =
      up("ALTER TABLE accounts RENAME TO accounts_old;\n"
         "ALTER TABLE accounts_new RENAME TO accounts;\n"
         "DROP TABLE accounts_old;\n",
         {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = "
                   "'fresh'"),
            "1");
  EXPECT_EQ(scalar("SELECT to_regclass('accounts_old') IS NULL"), "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(StatementOrder, AStatementBehindARenameFindsTheNewName) {
  const Answer done =
      up("ALTER TABLE accounts RENAME TO ledgers;\nALTER TABLE ledgers ADD COLUMN note text;\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(note) FROM ledgers"), "0");
}

TEST_F(StatementOrder, ATableThatTookALiveNameIsNotNewAnyMore) {
  const Answer done =
      up("CREATE TABLE accounts_new (LIKE accounts INCLUDING ALL);\n"
         "ALTER TABLE accounts RENAME TO accounts_old;\n"
         "ALTER TABLE accounts_new RENAME TO accounts;\n"
         "CREATE INDEX accounts_by_balance ON accounts (balance);\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT plan::text LIKE '%CONCURRENTLY%' FROM crossfade.runs ORDER BY run DESC LIMIT 1"),
            "t");
}

TEST_F(StatementOrder, EveryNameOfADropCounts) {
  product_.as("keeper", "CREATE TABLE old_one (id integer); CREATE TABLE old_two (id integer)");
  expect_refused("CREATE TABLE scratch (id integer);\nDROP TABLE scratch, old_one;\n", "split-statement");
  expect_refused("DROP TABLE old_one, not_there;\n", "no-such-table");
  const Answer done =
      up("DROP TABLE IF EXISTS not_there, old_one;\nDROP TABLE IF EXISTS old_two, nor_this;\n",
         {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('old_one') IS NULL AND to_regclass('old_two') IS NULL"), "t");
}

TEST_F(StatementOrder, AnUpdateReadsWhatTheTypeChangeBeforeItLeft) {
  const std::string sql =
      "ALTER TABLE accounts ALTER COLUMN balance TYPE bigint USING balance * 100;\n"
      "ALTER TABLE accounts ADD COLUMN total bigint NOT NULL DEFAULT 0;\n"
      "UPDATE accounts SET total = balance + 1;\n";
  const Answer done = up(sql, {"--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE total IS DISTINCT FROM balance + 1"), "0");
  EXPECT_EQ(scalar("SELECT balance FROM accounts WHERE id = 7"), "700");
}

TEST_F(StatementOrder, AFillBehindATypeChangeIsNoBackfillOfTheOldRow) {
  expect_refused(
      "ALTER TABLE accounts ALTER COLUMN balance TYPE bigint USING balance * 100;\n"
      "ALTER TABLE accounts ADD COLUMN total bigint NOT NULL;\n"
      "UPDATE accounts SET total = balance + 1;\n",
      "not-null-without-value");
}

TEST_F(StatementOrder, APartitionIsDetachedWhenItIsSetAside) {
  product_.as("keeper",
              "CREATE TABLE events (at date) PARTITION BY RANGE (at);"
              "CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2019-01-01') TO ('2020-01-01');"
              "INSERT INTO events VALUES ('2019-05-05')");
  ASSERT_EQ(up("DROP TABLE events_1;\n", {"--approve"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM events"), "0");
  ASSERT_EQ(product_.ask({"revert"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM events"), "1");
  const Answer done = up("ALTER TABLE events DETACH PARTITION events_1;\nDROP TABLE events_1;\n",
                         {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM events"), "0");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(StatementOrder, ATableThatInheritsNoMoreIsSetAsideLikeAnyOther) {
  product_.as("keeper", "CREATE TABLE child () INHERITS (accounts); INSERT INTO child VALUES (1, 'x', 1)");
  const Answer done =
      up("ALTER TABLE child NO INHERIT accounts;\nDROP TABLE child;\n", {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts"), "2000");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(StatementOrder, ATableThatOthersReferToIsNotSetAside) {
  product_.as("keeper", "CREATE TABLE items (id integer PRIMARY KEY, account integer REFERENCES accounts)");
  expect_refused("ALTER TABLE items ADD COLUMN note text;\nDROP TABLE accounts;\n", "has-dependents");
  const Answer done = up("ALTER TABLE items DROP CONSTRAINT items_account_fkey;\nDROP TABLE accounts;\n",
                         {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
}

TEST_F(StatementOrder, AForeignKeyAndItsColumnMayGoOneAfterTheOther) {
  product_.as("keeper", "CREATE TABLE items (id integer PRIMARY KEY, account integer REFERENCES accounts)");
  const Answer done =
      up("ALTER TABLE items DROP CONSTRAINT items_account_fkey;\nALTER TABLE items DROP COLUMN account;\n",
         {"--approve", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(StatementOrder, AnIndexOfTheSameNameOnAnotherTableIsNotTakenForIt) {
  product_.as("keeper", "CREATE TABLE items (id integer); CREATE INDEX by_balance ON items (id)");
  expect_refused("CREATE INDEX by_balance ON accounts (balance);\n", "name-taken");
  expect_refused("ALTER TABLE accounts ADD CONSTRAINT by_balance UNIQUE (id, balance);\n", "name-taken");
  product_.as("keeper", "CREATE INDEX accounts_balance_idx ON items (id)");
  const Answer done = up("CREATE INDEX ON accounts (balance);\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('accounts_balance_idx1') IS NOT NULL"), "t");
}

TEST_F(StatementOrder, IfNotExistsBehindADropMakesItAnew) {
  const Answer done =
      up("DROP INDEX IF EXISTS accounts_owner;\n"
         "CREATE INDEX IF NOT EXISTS accounts_owner ON accounts (owner);\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('accounts_owner') IS NOT NULL"), "t");
}

TEST_F(StatementOrder, AnIndexMayBeDroppedAndMadeAnewUnderItsName) {
  const Answer done =
      up("DROP INDEX accounts_owner;\nCREATE INDEX accounts_owner ON accounts (owner, id);\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_THAT(scalar("SELECT pg_get_indexdef('accounts_owner'::regclass)"), HasSubstr("(owner, id)"));
}

TEST_F(StatementOrder, EveryClauseOfAColumnIsCarriedOutOnce) {
  product_.as("keeper", "CREATE TABLE users (id integer PRIMARY KEY)");
  const Answer done =
      up("ALTER TABLE accounts ADD COLUMN rank integer CHECK (rank > 0) CHECK (rank < 100);\n"
         "ALTER TABLE accounts ADD COLUMN holder integer REFERENCES users DEFERRABLE INITIALLY DEFERRED;\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(
      scalar("SELECT count(*) FROM pg_constraint WHERE conrelid = 'accounts'::regclass AND conname LIKE "
             "'accounts_rank_check%' AND convalidated"),
      "2");
  EXPECT_EQ(scalar("SELECT condeferrable AND condeferred FROM pg_constraint WHERE conrelid = "
                   "'accounts'::regclass AND contype = 'f'"),
            "t");
}

TEST_F(StatementOrder, APrimaryKeyOverTwoNullableColumnsValidatesBoth) {
  product_.as("keeper", "CREATE TABLE tags (a integer, b integer); INSERT INTO tags VALUES (1, 1), (1, 2)");
  const Answer done = up("ALTER TABLE tags ADD PRIMARY KEY (a, b);\n");
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.steps WHERE name LIKE '%validate constraint%'"), "2");
}

TEST_F(StatementOrder, VacuumFullOfSeveralTablesIsRefused) {
  product_.as("keeper", "CREATE TABLE items (id integer)");
  expect_refused("VACUUM FULL accounts, items;\n", "rewrite-impossible");
}

TEST_F(StatementOrder, ARevertTakesBackWhatWasSetAsideAndNothingElse) {
  product_.as("keeper", "CREATE TABLE items (id integer)");
  const std::string sql = "CREATE TABLE kept (id integer);\nDROP TABLE items;\n";
  ASSERT_EQ(up(sql, {"--approve"}).exit_code(), 0);
  ASSERT_EQ(product_.ask({"revert"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT to_regclass('kept') IS NOT NULL AND to_regclass('items') IS NOT NULL"), "t");
  const Answer again = up(sql, {"--approve", "--contract"});
  ASSERT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('items') IS NULL"), "t");
}

TEST_F(StatementOrder, ARevertedDownLeavesTheRevisionApplied) {
  const std::string sql =
      "-- migrate:up\nCREATE TABLE items (id integer);\n-- migrate:down\nDROP TABLE items;\n";
  ASSERT_EQ(up(sql).exit_code(), 0);
  const Answer down = product_.ask({"down", "--allow-data-loss"});
  ASSERT_EQ(down.exit_code(), 0) << describe(down.finished);
  const Answer reverted = product_.ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('items') IS NOT NULL"), "t");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "1");
}

TEST_F(StatementOrder, AnIndexMayBeMadeDroppedAndMadeAnew) {
  product_.write("0001_one.sql", "CREATE INDEX again ON accounts (balance);\n");
  product_.write("0002_two.sql", "DROP INDEX again;\nCREATE INDEX again ON accounts (balance, id);\n");
  EXPECT_EQ(product_.ask({"plan"}).exit_code(), 0);
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
}

TEST_F(StatementOrder, AForeignKeyInTheSameAlterAsARewriteWantsAStatementOfItsOwn) {
  product_.as("keeper", "CREATE TABLE owners (id integer PRIMARY KEY)");
  expect_refused(
      "ALTER TABLE accounts ADD COLUMN c integer REFERENCES owners, ALTER COLUMN id TYPE bigint;\n",
      "split-statement");
  EXPECT_EQ(up("ALTER TABLE accounts ADD COLUMN c integer REFERENCES owners, ADD COLUMN d integer REFERENCES "
               "owners "
               "CHECK (d <> c);\nALTER TABLE accounts ADD COLUMN e text;\n")
                .exit_code(),
            0);
}

TEST_F(StatementOrder, WhatATriggerBeforeItWouldLoseStopsTruncateBeforeAnythingRuns) {
  product_.as("keeper",
              "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'");
  expect_refused(
      "CREATE TRIGGER noted BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION noted();\nTRUNCATE "
      "accounts;\n",
      "dependent-made-before");
  EXPECT_FALSE(product_.has_journal());
}

TEST_F(StatementOrder, FunctionsThatMayHaveEffectsAreOpaqueWhereverTheyStand) {
  product_.as("keeper",
              "CREATE FUNCTION effects() RETURNS integer LANGUAGE sql AS 'DELETE FROM accounts WHERE id = 1 "
              "RETURNING "
              "1';"
              "CREATE FUNCTION pure() RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT 1'");
  for (const char* sql :
       {"INSERT INTO accounts VALUES (9001, 'x', effects());\n", "CREATE TABLE x AS SELECT effects();\n",
        "CREATE MATERIALIZED VIEW x AS SELECT effects();\n", "UPDATE accounts SET balance = effects();\n",
        "INSERT INTO accounts SELECT 9001, 'x', effects();\n",
        "CREATE FUNCTION more() RETURNS integer LANGUAGE sql AS 'SELECT 1';\nCREATE TABLE x AS SELECT "
        "more();\n"})
    expect_refused(sql, "opaque-statement");
  EXPECT_EQ(up("INSERT INTO accounts VALUES (9001, 'x', pure());\nUPDATE accounts SET balance = pure();\n")
                .exit_code(),
            0);
  product_.write("0002_marked.sql",
                 "-- crossfade:opaque one row\nINSERT INTO accounts VALUES (9002, 'x', effects());\n");
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
}

TEST_F(StatementOrder, ConcurrentlyOnATableOfTheSameFileIsDoneAtOnce) {
  const Answer answer =
      up("CREATE TABLE fresh (id integer);\nCREATE INDEX CONCURRENTLY fresh_id ON fresh (id);\n"
         "REINDEX INDEX CONCURRENTLY fresh_id;\nDROP INDEX CONCURRENTLY fresh_id;\nVACUUM fresh;\n");
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST_F(StatementOrder, ATypeGoesWithTheTableAndTheColumnThatUseIt) {
  product_.as(
      "keeper",
      "CREATE TYPE mood AS ENUM ('good'); CREATE DOMAIN cents AS integer; CREATE TYPE other AS ENUM ('x');"
      "CREATE TABLE moods (m mood, list mood[]); INSERT INTO moods VALUES ('good');"
      "ALTER TABLE accounts ADD COLUMN price cents, ADD COLUMN o other");
  const std::string before = product_.schema();
  expect_refused(
      "DROP TABLE moods;\nALTER TABLE accounts DROP COLUMN price;\nDROP TYPE mood;\nDROP TYPE other;\n",
      "has-dependents");
  const Answer answer =
      up("DROP TABLE moods;\nALTER TABLE accounts DROP COLUMN price;\nDROP TYPE mood;\n"
         "DROP DOMAIN cents;\n",
         {"--approve"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_type WHERE typname IN ('mood', 'cents') AND typnamespace = "
                   "'public'::regnamespace"),
            "0");
  const Answer reverted = product_.ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(product_.schema(), before);
  ASSERT_EQ(product_.ask({"up", "--approve", "--contract"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_type WHERE typname IN ('mood', 'cents')"), "0");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

}  // namespace
}  // namespace crossfade::tests
