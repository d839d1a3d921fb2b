// Statements that need no new table, through the commands: what each does to a table that is in use, resuming
// at the statement, approval and quarantine, several strategies in one revision.
#include <thread>

#include "postgres/error.h"
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class InPlace : public OneRevision {
 protected:
  InPlace() {
    product_.as("keeper", kAccounts);
    product_.as("keeper",
                "CREATE TABLE owners (name text PRIMARY KEY);"
                "INSERT INTO owners SELECT DISTINCT owner FROM accounts");
  }

  Answer ask(std::vector<std::string> arguments) { return product_.ask(std::move(arguments)); }

  std::vector<std::string> strategies_of(const Answer& plan) {
    std::vector<std::string> out;
    for (const auto& step : at(plan.document, "/revisions/0/steps").as_array())
      out.emplace_back(step.at("strategy").as_string());
    return out;
  }

  /// Schema dumps after crossfade and after plain statements, without what only the other has.
  void expect_same_schema_as(const std::string& sql) {
    Product plain;
    plain.as("keeper", kAccounts);
    plain.as("keeper",
             "CREATE TABLE owners (name text PRIMARY KEY); INSERT INTO owners SELECT DISTINCT owner FROM "
             "accounts");
    plain.as("keeper", sql);
    EXPECT_EQ(product_.schema(), plain.schema());
    EXPECT_EQ(product_.rows("accounts"), plain.rows("accounts"));
  }

  void expect_as_plain(const std::string& sql, std::vector<std::string> options = {}) {
    const Answer answer = up(sql, std::move(options));
    ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    expect_same_schema_as(sql);
    EXPECT_THAT(product_.traces(), IsEmpty());
    EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "1");
  }
};

TEST_F(InPlace, CatalogChangesRunAsTheyAre) {
  expect_as_plain(
      "ALTER TABLE accounts ADD COLUMN note text, ADD COLUMN made timestamptz DEFAULT '2026-01-01 "
      "00:00+00';\n"
      "ALTER TABLE accounts ALTER COLUMN balance SET DEFAULT 5;\n"
      "ALTER TABLE accounts RENAME COLUMN owner TO holder;\n"
      "COMMENT ON TABLE accounts IS 'held by somebody';\n");
}

TEST_F(InPlace, AnInPlaceRunIsDoneAtOnceAndSaysSo) {
  const Answer answer = up("ALTER TABLE accounts ADD COLUMN note text;\n");
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(answer.text("/runs/0/strategy"), "in-place");
  EXPECT_EQ(answer.text("/runs/0/phase"), "contracted");
  EXPECT_EQ(answer.text("/runs/0/state"), "done");
  EXPECT_EQ(answer.text("/runs/0/table"), "public.accounts");
}

TEST_F(InPlace, NotNullGoesByWayOfAValidatedCheck) {
  expect_as_plain("ALTER TABLE accounts ALTER COLUMN balance SET NOT NULL;\n");
}

TEST_F(InPlace, AConstraintThatOldRowsBreakIsRefusedAndNamesThem) {
  product_.as("keeper", "UPDATE accounts SET balance = NULL WHERE id IN (7, 8)");
  const Answer answer = up("ALTER TABLE accounts ALTER COLUMN balance SET NOT NULL;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("id = 7"));
  const Answer abort = ask({"abort"});
  EXPECT_EQ(abort.exit_code(), 0) << describe(abort.finished);
  EXPECT_EQ(
      scalar("SELECT count(*) FROM pg_constraint WHERE conrelid = 'accounts'::regclass AND contype = 'c'"),
      "1");
  product_.as("keeper", "UPDATE accounts SET balance = 0 WHERE balance IS NULL");
  EXPECT_EQ(ask({"up"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT attnotnull FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = "
                   "'balance'"),
            "t");
}

TEST_F(InPlace, ChecksAndForeignKeysAreValidatedApart) {
  expect_as_plain(
      "ALTER TABLE accounts ADD CONSTRAINT rich CHECK (balance < 1000000);\n"
      "ALTER TABLE accounts ADD CHECK (owner <> '');\n"
      "ALTER TABLE accounts ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners ON DELETE CASCADE;\n");
}

TEST_F(InPlace, AForeignKeyNamesItsOrphans) {
  product_.as("keeper", "UPDATE accounts SET owner = 'nobody' WHERE id = 11");
  const Answer answer = up("ALTER TABLE accounts ADD FOREIGN KEY (owner) REFERENCES owners;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("id = 11"));
}

TEST_F(InPlace, IndexesAndUniqueConstraintsAreBuiltConcurrently) {
  expect_as_plain(
      "CREATE INDEX ON accounts (balance);\n"
      "CREATE UNIQUE INDEX accounts_pair ON accounts (owner, id) WHERE balance > 3;\n"
      "ALTER TABLE accounts ADD CONSTRAINT one_row UNIQUE (id, balance);\n"
      "DROP INDEX accounts_owner;\n");
}

TEST_F(InPlace, AStatementMayUseWhatTheOnesBeforeItMake) {
  expect_as_plain(
      "CREATE TYPE mood AS ENUM ('good');\n"
      "ALTER TABLE accounts ADD COLUMN mood mood DEFAULT 'good';\n"
      "CREATE TABLE regions (id bigint PRIMARY KEY);\n"
      "ALTER TABLE accounts ADD COLUMN region bigint REFERENCES regions (id);\n"
      "CREATE INDEX accounts_region ON accounts (region);\n"
      "CREATE SEQUENCE numbers;\n"
      "ALTER TABLE accounts ALTER COLUMN balance SET DEFAULT nextval('numbers');\n"
      "ALTER TABLE accounts ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owners NOT VALID;\n"
      "ALTER TABLE accounts VALIDATE CONSTRAINT owned;\n"
      "ALTER TABLE accounts RENAME CONSTRAINT owned TO has_owner;\n"
      "ALTER TABLE accounts ADD COLUMN parent bigint REFERENCES regions, ADD CHECK (parent > 0);\n");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.runs WHERE phase <> 'contracted'"), "0");
}

TEST_F(InPlace, WhatNoStatementMakesIsRefusedBeforeAnythingRuns) {
  const Answer answer = up("CREATE TYPE mood AS ENUM ('good');\nALTER TABLE accounts ADD COLUMN x gloom;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "statement-fails");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_type WHERE typname = 'mood'"), "0");
}

TEST_F(InPlace, ARewriteCarriesAViewOverThatTheSameFileMakes) {
  const Answer answer =
      up("COMMENT ON TABLE accounts IS 'first';\nCREATE VIEW rich AS SELECT id, balance FROM accounts;\n"
         "ALTER TABLE accounts ALTER COLUMN balance TYPE numeric(30, 4);\n");
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT pg_typeof(balance) FROM rich LIMIT 1"), "numeric");
}

TEST_F(InPlace, ATableThatIsThereAlreadyPointsToStamp) {
  const Answer answer = up("CREATE TABLE accounts (id bigint PRIMARY KEY);\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "exists-already");
  EXPECT_THAT(answer.text("/error/next"), HasSubstr("crossfade stamp 0001_change"));
  EXPECT_FALSE(product_.has_journal());
}

TEST_F(InPlace, ARefusedNotNullLeavesNothingThatTheApplicationMeets) {
  product_.as("keeper", "UPDATE accounts SET balance = NULL WHERE id = 7");
  EXPECT_EQ(up("ALTER TABLE accounts ALTER COLUMN balance SET NOT NULL;\n").exit_code(), 5);
  product_.as("keeper", "UPDATE accounts SET owner = owner WHERE id = 7");
}

TEST_F(InPlace, AChangeInsideAWithIsRefused) {
  const Answer answer =
      up("WITH gone AS (DELETE FROM accounts RETURNING owner) INSERT INTO owners SELECT owner || 'x' FROM "
         "gone;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "batch-effects");
}

TEST_F(InPlace, AFailingStatementIsNamed) {
  const Answer answer = up("INSERT INTO owners VALUES ('a'), ('a');\n");
  EXPECT_EQ(answer.exit_code(), 1) << describe(answer.finished);
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("1. INSERT INTO owners"));
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("0001_change"));
}

TEST_F(InPlace, ANameThatTheSameFileSetsFreeMayBeTakenAgain) {
  expect_as_plain(
      "ALTER TABLE accounts ADD CONSTRAINT pair UNIQUE (id, owner);\n"
      "ALTER TABLE accounts DROP CONSTRAINT pair;\n"
      "ALTER TABLE accounts ADD CONSTRAINT pair UNIQUE (owner, id);\n"
      "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey;\n"
      "ALTER TABLE accounts ADD PRIMARY KEY (id, owner);\n"
      "DROP INDEX accounts_owner;\n"
      "CREATE INDEX accounts_owner ON accounts (owner, balance);\n");
}

TEST_F(InPlace, DuplicatesUnderAUniqueIndexAreNamedAndLeaveNothing) {
  const Answer answer = up("CREATE UNIQUE INDEX lone_owner ON accounts (owner);\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("owner = owner"));
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

TEST_F(InPlace, StatusTellsHowFarAnUnfinishedRunIs) {
  up("COMMENT ON TABLE accounts IS 'all of them';\nCREATE UNIQUE INDEX lone_owner ON accounts (owner);\n");
  const Answer answer = ask({"status"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(answer.text("/runs/0/state"), "failed");
  EXPECT_EQ(answer.text("/runs/0/backlog/keys"), "0");
  const Finished told = product_.run({"status"});
  EXPECT_THAT(told.output, HasSubstr("reason: rows of the table are in the way"));
  EXPECT_THAT(told.output, HasSubstr("1 of 3 steps done; next: 2. look for duplicates under lone_owner"));
  EXPECT_THAT(told.output, Not(HasSubstr("rows 0")));
}

TEST_F(InPlace, AFailedBuildLeavesNothingInvalid) {
  const Answer answer = up("CREATE INDEX reciprocal ON accounts ((1 / (id - 5)));\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_class WHERE relname = 'reciprocal'"), "0");
}

TEST_F(InPlace, DuplicatesUnderAnExpressionAndAPredicateAreNamedBeforeTheBuild) {
  const Answer answer = up("CREATE UNIQUE INDEX lone_owner ON accounts (lower(owner)) WHERE id <= 98;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "data-rejected");
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("look for duplicates under lone_owner"));
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("lower(owner) = owner 1 (2 rows)"));
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_class WHERE relname = 'lone_owner'"), "0");
}

TEST_F(InPlace, AConstantKeyAndAKeyThatOnlyThePredicateMakesPossibleAreNoFalseAlarm) {
  product_.as(
      "keeper",
      "CREATE FUNCTION is_number(v text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$BEGIN RETURN v "
      "~ '^[0-9]+$'; END$$;"
      "CREATE TABLE settings (v text); INSERT INTO settings VALUES ('7')");
  EXPECT_EQ(up("CREATE UNIQUE INDEX only_row ON settings ((true));\n").exit_code(), 0);
  product_.as("keeper", "DROP INDEX only_row; INSERT INTO settings VALUES ('x'), ('y')");
  product_.write("0002_next.sql",
                 "CREATE UNIQUE INDEX numbers ON settings ((v::integer)) WHERE is_number(v);\n");
  const Answer answer = ask({"up"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST_F(InPlace, RowsThatAPredicateLeavesOutAreNoDuplicates) {
  EXPECT_EQ(up("CREATE UNIQUE INDEX lone_owner ON accounts (lower(owner)) WHERE id <= 97;\n").exit_code(), 0);
}

TEST_F(InPlace, APrimaryKeyNeedsNoLongLock) {
  product_.as("keeper",
              "CREATE TABLE plain (id integer, v text); INSERT INTO plain SELECT i, i FROM "
              "generate_series(1, 500) i");
  const Answer answer = up("ALTER TABLE plain ADD PRIMARY KEY (id);\n");
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT conname FROM pg_constraint WHERE conrelid = 'plain'::regclass AND contype = 'p'"),
            "plain_pkey");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(InPlace, AColumnComesApartFromItsConstraints) {
  expect_as_plain(
      "ALTER TABLE accounts ADD COLUMN code integer UNIQUE CHECK (code > 0);\n"
      "ALTER TABLE accounts ADD COLUMN boss text DEFAULT NULL REFERENCES owners;\n");
}

TEST_F(InPlace, TableWideChangesRunInBatches) {
  expect_as_plain(
      "UPDATE accounts SET balance = balance + 1 WHERE owner <> 'owner 3';\nDELETE FROM accounts WHERE id % "
      "10 = 0;\n");
  EXPECT_EQ(scalar("SELECT count(*) > 1 FROM crossfade.statements"), "t");
}

TEST_F(InPlace, NewObjectsRunPlainly) {
  expect_as_plain(
      "CREATE TYPE mood AS ENUM ('sad', 'ok');\n"
      "CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account integer REFERENCES "
      "accounts, mood mood);\n"
      "CREATE INDEX notes_account ON notes (account);\n"
      "ALTER TABLE notes ADD COLUMN body text NOT NULL DEFAULT random()::text;\n"
      "INSERT INTO notes (account) VALUES (1), (2);\n"
      "CREATE VIEW moods AS SELECT mood FROM notes;\n"
      "CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1';\n"
      "GRANT SELECT ON notes TO reader;\n");
}

TEST_F(InPlace, OneRevisionMayMixRewritesAndChangesInPlace) {
  const std::string sql =
      "CREATE TABLE extra (id integer);\n"
      "ALTER TABLE accounts ALTER COLUMN id TYPE bigint, ADD COLUMN seen boolean;\n"
      "CREATE INDEX accounts_balance ON accounts (balance);\n"
      "ALTER TABLE owners ADD COLUMN since date;\n";
  const Answer answer = up(sql, {"--contract"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  expect_same_schema_as(sql);
  EXPECT_THAT(product_.traces(), IsEmpty());
  EXPECT_EQ(scalar("SELECT string_agg(strategy, ',' ORDER BY run) FROM crossfade.runs"),
            "in-place,shadow,in-place");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.statements"), "5");
}

TEST_F(InPlace, AColumnThatAnUpdateFillsIsOneBackfill) {
  const std::string sql =
      "ALTER TABLE accounts ADD COLUMN doubled integer NOT NULL;\n"
      "UPDATE accounts SET doubled = balance * 2;\n";
  const Answer answer = up(sql, {"--contract"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE doubled = balance * 2"), "2000");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.runs"), "1");
}

TEST_F(InPlace, WhereNoNewTableIsPossibleAColumnIsFilledInBatches) {
  product_.as("keeper", "CREATE TABLE balances (copy accounts)");
  const Answer answer =
      up("ALTER TABLE accounts ADD COLUMN token uuid NOT NULL DEFAULT gen_random_uuid();\n");
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(DISTINCT token) FROM accounts"), "2000");
  EXPECT_EQ(
      scalar(
          "SELECT attnotnull FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attname = 'token'"),
      "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(InPlace, UpGoesOnWithTheFirstStatementThatIsNotDone) {
  const std::string good = "ALTER TABLE accounts ADD COLUMN first integer;\n";
  const Answer failed = up(good + "ALTER TABLE accounts ADD CONSTRAINT small CHECK (balance < 100);\n");
  ASSERT_EQ(failed.exit_code(), 5) << describe(failed.finished);
  const Answer abort = ask({"abort"});
  ASSERT_EQ(abort.exit_code(), 0) << describe(abort.finished);
  const Answer again = up(good + "ALTER TABLE accounts ADD CONSTRAINT small CHECK (balance < 100000);\n");
  EXPECT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "1");
}

TEST_F(InPlace, AFinishedStatementMustNotBeEdited) {
  ASSERT_EQ(up("ALTER TABLE accounts ADD COLUMN first integer;\nALTER TABLE accounts ADD CONSTRAINT small "
               "CHECK (balance < 100);\n")
                .exit_code(),
            5);
  ASSERT_EQ(ask({"abort"}).exit_code(), 0);
  const Answer again =
      up("ALTER TABLE accounts ADD COLUMN first bigint;\nALTER TABLE accounts ADD CONSTRAINT small CHECK "
         "(balance < 100000);\n");
  EXPECT_EQ(again.exit_code(), 5);
  EXPECT_EQ(again.error_code(), "edited-file");
}

TEST_F(InPlace, WhatIsDroppedNeedsApprovalAndComesBackUntilContract) {
  const std::string sql = "ALTER TABLE accounts DROP COLUMN balance;\nDROP TABLE owners;\n";
  const std::string before = product_.schema();
  const Answer asked = up(sql);
  EXPECT_EQ(asked.exit_code(), 4) << describe(asked.finished);
  EXPECT_EQ(asked.error_code(), "approval-needed");
  EXPECT_EQ(product_.schema(), before);
  ASSERT_EQ(ask({"approve", "0001"}).exit_code(), 0);
  const Answer dropped = ask({"up"});
  ASSERT_EQ(dropped.exit_code(), 0) << describe(dropped.finished);
  EXPECT_EQ(dropped.text("/runs/0/phase"), "soaking");
  product_.as("shop", "INSERT INTO accounts (id, owner) VALUES (100000, 'new')");
  EXPECT_THROW(product_.as("keeper", "SELECT balance FROM accounts"), postgres::DatabaseError);
  EXPECT_THROW(product_.as("keeper", "SELECT * FROM owners"), postgres::DatabaseError);
  const Answer reverted = ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(scalar("SELECT count(balance) FROM accounts"), "2001") << "the new row has the default";
  EXPECT_EQ(scalar("SELECT count(*) > 0 FROM owners"), "t");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "0");
}

TEST_F(InPlace, AnIdentityKeyAndAGeneratedColumnComeBackAsTheyWere) {
  product_.as("keeper",
              "CREATE TABLE tickets (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, seat integer, twice "
              "integer GENERATED ALWAYS AS (seat * 2) STORED); INSERT INTO tickets (seat) VALUES (1), (2)");
  const std::string before = product_.schema();
  ASSERT_EQ(up("ALTER TABLE tickets DROP COLUMN id;\nALTER TABLE tickets DROP COLUMN twice;\n", {"--approve"})
                .exit_code(),
            0);
  product_.as("keeper", "INSERT INTO tickets (seat) VALUES (3)");
  const Answer reverted = ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(product_.rows("tickets"), (std::vector<std::string>{"(1,1,2)", "(2,2,4)", "(3,3,6)"}));
  ASSERT_EQ(ask({"up", "--approve", "--contract"}).exit_code(), 0);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(InPlace, ContractDropsForGood) {
  const std::string sql = "ALTER TABLE accounts DROP COLUMN balance;\nDROP TABLE owners;\n";
  ASSERT_EQ(up(sql, {"--approve"}).exit_code(), 0);
  const Answer contract = ask({"contract"});
  ASSERT_EQ(contract.exit_code(), 0) << describe(contract.finished);
  EXPECT_THAT(product_.traces(), IsEmpty());
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND attnum > 0 "
                   "AND NOT attisdropped"),
            "2");
}

TEST_F(InPlace, SeveralDroppedTablesOfOneFileGoAndComeBackTogether) {
  product_.as("keeper", "CREATE TABLE first (id serial); CREATE TABLE second (id integer)");
  const std::string sql = "DROP TABLE first;\nDROP TABLE second;\n";
  ASSERT_EQ(up(sql, {"--approve"}).exit_code(), 0);
  const Answer reverted = ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('public.first') IS NULL OR to_regclass('public.second') IS NULL"),
            "f");
  EXPECT_THAT(product_.traces(), IsEmpty());
  const Answer again = up(sql, {"--approve", "--contract"});
  ASSERT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_EQ(scalar("SELECT to_regclass('public.first') IS NULL AND to_regclass('public.second') IS NULL"),
            "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(InPlace, AnAbortKeepsWhatFinishedStatementsHaveSetAside) {
  const Answer failed =
      up("DROP TABLE owners;\nALTER TABLE accounts ADD CHECK (balance < 100);\n", {"--approve"});
  ASSERT_EQ(failed.exit_code(), 5) << describe(failed.finished);
  const Answer aborted = ask({"abort"});
  ASSERT_EQ(aborted.exit_code(), 0) << describe(aborted.finished);
  EXPECT_EQ(aborted.text("/runs/0/phase"), "soaking");
  EXPECT_EQ(scalar("SELECT to_regclass('public.owners') IS NULL"), "t");
  const Answer reverted = ask({"revert"});
  ASSERT_EQ(reverted.exit_code(), 0) << describe(reverted.finished);
  EXPECT_EQ(scalar("SELECT count(*) > 0 FROM owners"), "t");
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(InPlace, ANewTableIsNotTakenForOneOfTheSameNameInAnotherSchema) {
  product_.as("keeper", "CREATE SCHEMA other");
  product_.write("0001_change.sql",
                 "CREATE TABLE other.accounts (id integer);\n"
                 "ALTER TABLE public.accounts ALTER COLUMN id TYPE bigint;\n"
                 "ALTER TABLE other.accounts ALTER COLUMN id TYPE bigint;\n");
  const Answer plan = ask({"plan"});
  ASSERT_EQ(plan.exit_code(), 0) << describe(plan.finished);
  EXPECT_THAT(strategies_of(plan), Contains("shadow"));
  const Answer done = ask({"up", "--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(done.text("/runs/1/strategy"), "shadow");
}

TEST_F(InPlace, IfNotExistsDoesNotMakeATableNew) {
  product_.as("keeper", "CREATE TABLE busy (id integer PRIMARY KEY); INSERT INTO busy VALUES (1)");
  const Answer done =
      up("CREATE TABLE IF NOT EXISTS busy (id integer PRIMARY KEY);\n"
         "ALTER TABLE busy ALTER COLUMN id TYPE bigint;\n",
         {"--contract"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(done.text("/runs/1/strategy"), "shadow");
}

TEST_F(InPlace, AViewMayBeDroppedAndMadeAnewAroundAChangeOfItsColumn) {
  product_.as("keeper", "CREATE VIEW rich AS SELECT id, balance FROM accounts WHERE balance > 10");
  const std::string alone = "ALTER TABLE accounts ALTER COLUMN balance TYPE bigint;\n";
  const std::string sql = "DROP VIEW rich;\n" + alone +
                          "CREATE VIEW rich AS SELECT id, balance FROM accounts WHERE balance > 10;\n";
  const Answer done = up(sql, {"--contract", "--approve"});
  ASSERT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(scalar("SELECT pg_typeof(balance) FROM rich LIMIT 1"), "bigint");
}

TEST_F(InPlace, AnIndexThatAConstraintNeedsIsNotDropped) {
  const Answer answer = up("DROP INDEX accounts_pkey;\n");
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "has-dependents");
  EXPECT_THAT(answer.text("/error/next"), HasSubstr("DROP CONSTRAINT \"accounts_pkey\""));
  EXPECT_FALSE(product_.has_journal());
}

TEST_F(InPlace, KeywordsMayBeWrittenInAnyCase) {
  expect_as_plain("Create Index Concurrently accounts_balance On accounts (balance);\n");
}

TEST_F(InPlace, ShowPrintsTheDefinitionsBeforeAndAfter) {
  ASSERT_EQ(up("ALTER TABLE accounts ADD COLUMN note text DEFAULT 'x';\n"
               "ALTER TABLE accounts DROP CONSTRAINT solvent;\n")
                .exit_code(),
            0);
  product_.write("0002_wider.sql", std::string(kWiden) + "CREATE INDEX ON accounts (balance);\n");
  ASSERT_EQ(ask({"up", "--contract"}).exit_code(), 0);
  const std::string first = product_.run({"show", "0001"}).output;
  EXPECT_THAT(first, HasSubstr("  public.accounts:\n      id integer NOT NULL\n"));
  EXPECT_THAT(first, HasSubstr("    + note text DEFAULT 'x'::text\n"));
  EXPECT_THAT(first, HasSubstr("    - CONSTRAINT solvent CHECK ((balance >= 0))\n"));
  const std::string second = product_.run({"show", "0002"}).output;
  EXPECT_THAT(second, HasSubstr("    - id integer NOT NULL\n"));
  EXPECT_THAT(second, HasSubstr("    + id bigint NOT NULL\n"));
  EXPECT_THAT(
      second,
      HasSubstr("    + CREATE INDEX accounts_balance_idx ON public.accounts USING btree (balance)\n"));
  EXPECT_THAT(second,
              HasSubstr("      CREATE INDEX accounts_owner ON public.accounts USING btree (owner)\n"));
  const Answer document = ask({"show", "0002"});
  EXPECT_EQ(document.text("/tables/0/table"), "public.accounts");
  EXPECT_EQ(document.text("/tables/0/before/0"), "id integer NOT NULL");
  EXPECT_EQ(document.text("/tables/0/after/0"), "id bigint NOT NULL");
}

TEST_F(InPlace, AnEmptySectionOfDbmateIsApplied) {
  product_.write("20260101000000_nothing.sql", "-- migrate:up\n\n-- migrate:down\n\n");
  const Answer answer = ask({"up"});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT revision FROM crossfade.revisions"), "20260101000000_nothing");
  EXPECT_EQ(ask({"down"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "0");
}

TEST_F(InPlace, BatchesKeepToTheirLargestSize) {
  const Answer answer =
      up("UPDATE accounts SET balance = balance + 1;\n", {"--batch-rows", "100", "--batch-pause", "0"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  // Each batch commits in a transaction of its own.
  EXPECT_EQ(scalar("SELECT count(DISTINCT xmin::text) FROM accounts"), "20");
}

TEST_F(InPlace, AdditiveOnlyRefusesWhatDropsOrNarrows) {
  for (const std::string sql :
       {"ALTER TABLE accounts DROP COLUMN balance;\n", "ALTER TABLE accounts RENAME COLUMN balance TO b;\n",
        "ALTER TABLE accounts ALTER COLUMN id TYPE smallint;\n", "DROP TABLE owners;\n",
        "-- crossfade:opaque why\nDO $$ BEGIN DROP TABLE owners; END $$;\n", "DROP INDEX accounts_owner;\n",
        "ALTER TABLE accounts DROP CONSTRAINT solvent;\n", "ALTER TABLE accounts ADD CHECK (id > 0);\n",
        "ALTER TABLE accounts ALTER COLUMN balance DROP DEFAULT;\n", "REVOKE SELECT ON accounts FROM shop;\n",
        "ALTER INDEX accounts_owner RENAME TO by_owner;\n"}) {
    const Answer answer = up(sql, {"--additive-only", "--approve"});
    EXPECT_EQ(answer.exit_code(), 5) << sql;
    EXPECT_EQ(answer.error_code(), "additive-only") << sql;
    EXPECT_EQ(up(sql, {"--additive-only", "--dry-run"}).exit_code(), 5) << sql;
  }
  EXPECT_EQ(up("ALTER TABLE accounts ADD COLUMN more text;\n", {"--additive-only"}).exit_code(), 0);
}

TEST_F(InPlace, OpaqueStatementsNeedTheOperatorsWord) {
  const std::string sql = "DO $$ BEGIN UPDATE accounts SET balance = 1 WHERE id = 1; END $$;\n";
  const Answer refused = up(sql);
  EXPECT_EQ(refused.exit_code(), 5);
  EXPECT_EQ(refused.error_code(), "opaque-statement");
  const Answer allowed = up("-- crossfade:opaque one row\n" + sql);
  EXPECT_EQ(allowed.exit_code(), 0) << describe(allowed.finished);
  EXPECT_EQ(scalar("SELECT balance FROM accounts WHERE id = 1"), "1");
}

TEST_F(InPlace, DownUndoesWhatUpDid) {
  const std::string before = product_.schema();
  product_.write(
      "0001_change.sql",
      "-- migrate:up\nCREATE INDEX accounts_balance ON accounts (balance);\nALTER TABLE accounts ALTER "
      "COLUMN id TYPE bigint;\n"
      "-- migrate:down\nALTER TABLE accounts ALTER COLUMN id TYPE integer;\nDROP INDEX accounts_balance;\n");
  ASSERT_EQ(ask({"up", "--contract"}).exit_code(), 0);
  const Answer down = ask({"down", "--contract"});
  ASSERT_EQ(down.exit_code(), 0) << describe(down.finished);
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "0");
  EXPECT_EQ(ask({"up", "--contract"}).exit_code(), 0);
}

TEST_F(InPlace, DownOffersTheInverseThatItKnowsAndRefusesLoss) {
  product_.write("0001_index.sql", "CREATE INDEX accounts_balance ON accounts (balance);\n");
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  const Answer offered = ask({"down"});
  EXPECT_EQ(offered.exit_code(), 5);
  EXPECT_THAT(offered.text("/error/found"), HasSubstr("DROP INDEX"));
  EXPECT_EQ(ask({"down", "--generated"}).exit_code(), 0);
  product_.write("0001_index.sql",
                 "-- migrate:up\nALTER TABLE accounts ADD COLUMN note text;\n-- migrate:down\nALTER TABLE "
                 "accounts DROP COLUMN note;\n");
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  const Answer refused = ask({"down"});
  EXPECT_EQ(refused.exit_code(), 5);
  EXPECT_EQ(refused.error_code(), "data-loss");
  EXPECT_EQ(ask({"down", "--allow-data-loss", "--contract"}).exit_code(), 0);
}

TEST_F(InPlace, APlanSaysWhatCanBePlannedOnlyLater) {
  product_.write("0001_mood.sql",
                 "CREATE TYPE mood AS ENUM ('good');\nALTER TABLE accounts ADD COLUMN mood mood;\n");
  product_.write("0002_index.sql", "CREATE INDEX by_mood ON accounts (mood);\n");
  const Answer planned = ask({"plan"});
  EXPECT_EQ(planned.exit_code(), 0) << describe(planned.finished);
  EXPECT_EQ(planned.text("/revisions/0/announcements/0/code"), "planned-later");
  EXPECT_THAT(planned.text("/revisions/0/announcements/0/object"), HasSubstr("0001_mood.sql:2:1"));
  EXPECT_EQ(planned.text("/revisions/1/announcements/0/code"), "planned-later");
  EXPECT_EQ(ask({"up"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_class WHERE relname = 'by_mood'"), "1");
}

TEST_F(InPlace, APlanOfSeveralRevisionsKnowsWhatTheFirstWillHaveDone) {
  product_.write("0001_add.sql",
                 "ALTER TABLE accounts ADD COLUMN note text;\nCREATE TABLE fresh (id integer);\nALTER TABLE "
                 "owners RENAME TO holders;\n");
  product_.write("0002_use.sql",
                 "ALTER TABLE accounts ADD CONSTRAINT noted CHECK (note <> '');\nCREATE INDEX ON fresh "
                 "(id);\nALTER TABLE holders ADD COLUMN age integer;\n");
  product_.write("0003_rewrite.sql",
                 "ALTER TABLE accounts ALTER COLUMN id TYPE bigint, ALTER COLUMN note TYPE varchar(40);\n");
  const Answer plan = ask({"plan"});
  EXPECT_EQ(plan.exit_code(), 0) << describe(plan.finished);
  EXPECT_THAT(plan.text("/revisions/2/steps/0/strategy"), HasSubstr("shadow"));
  const Answer done = ask({"up"});
  EXPECT_EQ(done.exit_code(), 0) << describe(done.finished);
}

TEST_F(InPlace, ReplicasWithoutATableToWaitForStartAtOnceToo) {
  product_.write("0001_change.sql", "CREATE TABLE fresh (id integer);\nSELECT 1;\n");
  std::vector<std::unique_ptr<Process>> replicas;
  for (int index = 0; index < 4; ++index)
    replicas.push_back(std::make_unique<Process>(product_.command({"up", "--wait", "--timeout", "60"})));
  for (const auto& replica : replicas) {
    const Finished finished = replica->wait();
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  }
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.runs"), "1");
}

TEST_F(InPlace, SeveralReplicasMayStartAtOnce) {
  product_.write("0001_change.sql",
                 "ALTER TABLE accounts ADD COLUMN note text;\nUPDATE accounts SET note = 'x';\nCREATE TABLE "
                 "fresh (id integer);\n");
  std::vector<std::unique_ptr<Process>> replicas;
  for (int index = 0; index < 4; ++index)
    replicas.push_back(std::make_unique<Process>(product_.command({"up", "--wait", "--timeout", "60"})));
  for (const auto& replica : replicas) {
    const Finished finished = replica->wait();
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  }
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE note = 'x'"), "2000");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.runs"), "1");
}

}  // namespace
}  // namespace crossfade::tests
