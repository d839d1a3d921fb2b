// `plan --out` and `up --plan`: what was approved is what runs, also after an interruption.
#include <signal.h>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;

class ApprovedPlans : public OneRevision {
 protected:
  ApprovedPlans() { product_.as("keeper", kAccounts); }

  std::string saved() { return (product_.folder().path() / "plan.json").string(); }
  void save() { ASSERT_EQ(product_.ask({"plan", "--out", saved()}).exit_code(), 0); }
  Answer up_as_approved() { return product_.ask({"up", "--plan", saved()}); }

  void expect_changed(const Answer& answer, const std::string& what) {
    EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
    EXPECT_EQ(answer.error_code(), "plan-changed");
    EXPECT_THAT(answer.text("/error/message"), HasSubstr(what));
  }

  void write_several() {
    product_.write("0001_one.sql",
                   "ALTER TABLE accounts ADD COLUMN note text;\n"
                   "ALTER TABLE accounts ALTER COLUMN id TYPE bigint;\n"
                   "CREATE INDEX accounts_balance ON accounts (balance);\n");
    product_.write("0002_two.sql",
                   "CREATE TABLE extra (id integer);\nALTER TABLE extra ADD COLUMN v text;\n");
    product_.write(
        "0003_three.sql",
        "UPDATE accounts SET note = owner;\nALTER TABLE accounts ALTER COLUMN note SET NOT NULL;\n"
        "ALTER TABLE accounts ADD CONSTRAINT rich CHECK (balance >= 0), ADD UNIQUE (id, owner);\n");
  }

  void kill_at(const std::string& place) {
    Command command = product_.command({"up", "--contract", "--plan", saved()});
    command.environment["CROSSFADE_FAULT"] = place;
    const Finished killed = run(command);
    EXPECT_EQ(killed.signal, SIGKILL) << place << describe(killed);
  }
};

TEST_F(ApprovedPlans, ThePlanIsGoneOnWithAfterAnInterruption) {
  write_several();
  save();
  for (const char* place :
       {"copy.read.commit#1:before:kill", "cutover.swap#1:after:kill", "plain.statement#1:after:kill",
        "batch.advance#1:after:kill", "in_place.statement#1:after:kill", "build.index#1:after:kill"})
    kill_at(place);
  const Answer answer = product_.ask({"up", "--contract", "--plan", saved()});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.revisions"), "3");
  EXPECT_EQ(scalar("SELECT count(*) FROM crossfade.events WHERE what = 'saved plan'"), "3") << "one a part";
}

TEST_F(ApprovedPlans, WhatHasChangedIsNamed) {
  write_several();
  save();
  product_.as("keeper", "ALTER TABLE accounts ADD COLUMN between integer");
  expect_changed(up_as_approved(), "the table public.accounts");
  save();
  product_.write("0002_two.sql", "CREATE TABLE extra (id bigint);\n");
  expect_changed(up_as_approved(), "the text of revision 0002_two");
  write_several();
  product_.write("0004_four.sql", "CREATE TABLE more (id bigint);\n");
  expect_changed(up_as_approved(), "revision 0004_four");
  EXPECT_FALSE(product_.has_journal());
}

TEST_F(ApprovedPlans, WhatIsLeftMustStillBeWhatWasApproved) {
  product_.as("keeper", "CREATE TABLE orders (id integer PRIMARY KEY)");
  product_.write("0001_one.sql", "ALTER TABLE accounts ADD COLUMN note text;\n");
  product_.write("0002_two.sql",
                 "ALTER TABLE orders ADD COLUMN v text;\nCREATE INDEX orders_v ON orders (v);\n");
  save();
  kill_at("in_place.statement#1:after:kill");
  product_.write("0002_two.sql", "ALTER TABLE orders ADD COLUMN w text;\n");
  expect_changed(up_as_approved(), "the text of revision 0002_two");
  product_.write("0002_two.sql",
                 "ALTER TABLE orders ADD COLUMN v text;\nCREATE INDEX orders_v ON orders (v);\n");
  product_.as("keeper", "ALTER TABLE orders ADD COLUMN other text");
  expect_changed(up_as_approved(), "the table public.orders");
  EXPECT_EQ(product_.ask({"up", "0001_one"}).exit_code(), 0);
  save();
  EXPECT_EQ(up_as_approved().exit_code(), 0);
}

TEST_F(ApprovedPlans, AnUnfinishedRunOfAnotherUpIsNotPartOfIt) {
  product_.write("0001_one.sql", "UPDATE accounts SET balance = balance + 1;\n");
  Command command = product_.command({"up"});
  command.environment["CROSSFADE_FAULT"] = "batch.advance#1:after:kill";
  EXPECT_EQ(run(command).signal, SIGKILL);
  save();
  expect_changed(up_as_approved(), "was not started by this plan");
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
  EXPECT_EQ(scalar("SELECT count(*) FROM accounts WHERE balance = id + 1"), "2000");
}

TEST_F(ApprovedPlans, ARevisionThatIsGoneStopsTheRest) {
  write_several();
  save();
  kill_at("copy.read.commit#1:before:kill");
  std::filesystem::remove(product_.folder().path() / "0002_two.sql");
  expect_changed(up_as_approved(), "revision 0002_two");
}

TEST_F(ApprovedPlans, TablesThatThePlanItselfMakesGetTheirSafeWay) {
  product_.write("0001_one.sql", "CREATE TABLE notes (id integer PRIMARY KEY, v text);\n");
  product_.write("0002_two.sql",
                 "CREATE INDEX notes_v ON notes (v);\nALTER TABLE accounts ADD COLUMN n text;\n");
  product_.write("0003_three.sql", "DROP TABLE notes;\n");
  save();
  EXPECT_EQ(product_.ask({"plan"}).text("/revisions/2/approvals/0/code"), "approval-needed");
  const Answer answer = product_.ask({"up", "--approve", "--contract", "--plan", saved()});
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST_F(ApprovedPlans, ATriggerThatCameSinceIsAChange) {
  product_.write("0001_one.sql", "UPDATE accounts SET balance = balance + 1;\n");
  save();
  product_.as("keeper",
              "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
              "CREATE TRIGGER swallow BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION swallow()");
  expect_changed(up_as_approved(), "the table public.accounts");
}

TEST_F(ApprovedPlans, WhatNobodyHasSeenDoesNotRun) {
  product_.write("0001_mood.sql",
                 "CREATE TYPE mood AS ENUM ('good');\nALTER TABLE accounts ADD COLUMN mood mood;\n");
  save();
  expect_changed(up_as_approved(), "of revision 0001_mood is not what was approved");
  EXPECT_EQ(scalar("SELECT count(*) FROM pg_type WHERE typname = 'mood'"), "1");
  save();
  EXPECT_EQ(up_as_approved().exit_code(), 0);
}

TEST_F(ApprovedPlans, WhatIsNoPlanIsWrongUsage) {
  product_.write("0001_one.sql", "ALTER TABLE accounts ADD COLUMN note text;\n");
  EXPECT_EQ(up_as_approved().exit_code(), 2);
  product_.write("plan.json", "{\"fingerprint\": \"1\"}");
  EXPECT_EQ(product_.ask({"up", "--plan", (product_.folder().path() / "plan.json").string()}).exit_code(), 2);
}

}  // namespace
}  // namespace crossfade::tests
