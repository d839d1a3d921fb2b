// The ways of a run through the commands: soaking, contract, postponing, pausing, aborting, verifying, and
// what each command answers where it does not apply.
#include <thread>

#include "postgres/error.h"
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Flow : public ::testing::Test {
 protected:
  Flow() {
    product_.as("keeper", kAccounts);
    product_.write("0001_widen.sql", kWiden);
  }

  Answer ask(std::vector<std::string> arguments) { return product_.ask(std::move(arguments)); }
  std::string type_of_id() {
    return product_.database().scalar(
        "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'accounts'::regclass AND "
        "attnum = "
        "1");
  }
  std::vector<std::string> events() {
    return product_.database().column("SELECT what FROM crossfade.events ORDER BY event");
  }
  void expect_application_unaffected() {
    product_.as(
        "shop",
        "INSERT INTO accounts VALUES (100000, 'new', 1); UPDATE accounts SET balance = 2 WHERE id = 100000;"
        "DELETE FROM accounts WHERE id = 100000; SELECT count(*) FROM accounts");
  }

  Product product_;
};

TEST_F(Flow, UpLeavesTheOldTableSoakingAndGuarded) {
  const Answer up = ask({"up"});
  ASSERT_EQ(up.exit_code(), 0) << describe(up.finished);
  EXPECT_EQ(up.text("/runs/0/phase"), "soaking");
  EXPECT_EQ(up.text("/runs/0/state"), "done");
  EXPECT_EQ(type_of_id(), "bigint");
  EXPECT_EQ(product_.database().scalar("SELECT count(*) FROM crossfade_1_old.accounts"), "2000");
  for (const std::string write :
       {"INSERT INTO crossfade_1_old.accounts VALUES (1, '', 1)",
        "UPDATE crossfade_1_old.accounts SET balance = 1", "DELETE FROM crossfade_1_old.accounts",
        "TRUNCATE crossfade_1_old.accounts"}) {
    for (const std::string prefix : {"", "SET session_replication_role = replica; "}) {
      try {
        product_.as("postgres", prefix + write);
        ADD_FAILURE() << prefix + write << " went through";
      } catch (const postgres::DatabaseError& error) {
        EXPECT_EQ(error.sqlstate(), "55000");
        EXPECT_THAT(error.report().hint, HasSubstr("accounts"));
      }
    }
  }
  expect_application_unaffected();
}

TEST_F(Flow, UpAgainDoesNothing) {
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  const std::string before = product_.schema();
  const std::size_t recorded = events().size();
  const Answer again = ask({"up"});
  EXPECT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_TRUE(again.document.at("runs").as_array().empty());
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(events().size(), recorded);
}

TEST_F(Flow, ContractRemovesEverythingOfTheRun) {
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  const Answer contract = ask({"contract"});
  EXPECT_EQ(contract.exit_code(), 0) << describe(contract.finished);
  EXPECT_EQ(contract.text("/runs/0/phase"), "contracted");
  EXPECT_THAT(product_.traces(), IsEmpty());
  EXPECT_EQ(ask({"contract"}).exit_code(), 5);
  EXPECT_EQ(ask({"contract", "1"}).exit_code(), 5);
  expect_application_unaffected();
}

TEST_F(Flow, UpContractGoesToTheEnd) {
  const Answer up = ask({"up", "--contract"});
  EXPECT_EQ(up.exit_code(), 0) << describe(up.finished);
  EXPECT_EQ(up.text("/runs/0/phase"), "contracted");
  EXPECT_THAT(product_.traces(), IsEmpty());
  EXPECT_EQ(ask({"doctor"}).exit_code(), 0);
}

TEST_F(Flow, ASecondRevisionWaitsForTheContract) {
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  product_.write("0002_text.sql", "ALTER TABLE accounts ALTER id TYPE text;\n");
  const Answer refused = ask({"up"});
  EXPECT_EQ(refused.exit_code(), 4) << describe(refused.finished);
  EXPECT_THAT(refused.text("/error/next"), HasSubstr("contract"));
  EXPECT_EQ(type_of_id(), "bigint");

  const Answer done = ask({"up", "--contract"});
  EXPECT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(done.text("/runs/0/run"), "1");
  EXPECT_EQ(done.text("/runs/0/phase"), "contracted");
  EXPECT_EQ(done.text("/runs/1/run"), "2");
  EXPECT_EQ(done.text("/runs/1/phase"), "contracted");
  EXPECT_EQ(type_of_id(), "text");
  EXPECT_EQ(ask({"status"}).text("/current/0"), "0002_text");
}

TEST_F(Flow, APostponedRunIsCutOverByNothingButCutover) {
  const Answer postponed = ask({"up", "--postpone-cutover"});
  EXPECT_EQ(postponed.exit_code(), 4) << describe(postponed.finished);
  EXPECT_EQ(postponed.text("/runs/0/phase"), "ready");
  EXPECT_EQ(postponed.text("/runs/0/state"), "postponed");
  EXPECT_EQ(postponed.text("/runs/0/verify/mode"), "full");
  EXPECT_EQ(postponed.text("/runs/0/verify/differences"), "0");
  EXPECT_EQ(postponed.text("/runs/0/verify/rows"), "2000");
  EXPECT_EQ(postponed.text("/runs/0/cutover"), "null");

  for (const auto& command : {std::vector<std::string>{"up"}, {"up", "--contract"}, {"resume"}}) {
    const Answer again = ask(command);
    EXPECT_EQ(again.exit_code(), 4) << describe(again.finished);
    EXPECT_THAT(again.text("/error/next"), HasSubstr("crossfade cutover 1"));
    EXPECT_EQ(type_of_id(), "integer");
  }

  product_.as("shop", "INSERT INTO accounts SELECT i, 'late', i FROM generate_series(3001, 3500) AS i");
  product_.as("shop", "DELETE FROM accounts WHERE id < 100; UPDATE accounts SET owner = 'x' WHERE id < 200");
  const Answer cutover = ask({"cutover"});
  EXPECT_EQ(cutover.exit_code(), 0) << describe(cutover.finished);
  EXPECT_EQ(cutover.text("/runs/0/phase"), "soaking");
  EXPECT_EQ(cutover.text("/runs/0/resumed"), "true");
  EXPECT_EQ(cutover.text("/runs/0/verify/rows"), "2401");  // a new full pass
  EXPECT_EQ(cutover.text("/runs/0/keys_replayed"), "699");
  EXPECT_EQ(type_of_id(), "bigint");
  EXPECT_EQ(product_.rows("accounts"), product_.rows("crossfade_1_old.accounts"));
}

TEST_F(Flow, APauseEndsTheProcessAndHoldsUntilItIsLifted) {
  auto blocker = product_.database().application_session("shop");
  blocker->run({"test.block", "BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1"});
  Process up(product_.command({"up", "--progress", "plain"}));
  ASSERT_TRUE(up.wait_for_errors("waiting for")) << up.errors();

  const Answer pause = ask({"pause"});
  EXPECT_EQ(pause.exit_code(), 0) << describe(pause.finished);
  EXPECT_EQ(pause.text("/runs/0/state"), "paused");
  const auto ended = up.wait_for(std::chrono::seconds(10));
  ASSERT_TRUE(ended.has_value()) << up.errors();
  EXPECT_EQ(ended->exit_code, 4) << describe(*ended);
  EXPECT_THAT(ended->errors, HasSubstr("paused by"));
  blocker->run({"test.block", "ROLLBACK"});

  const Answer again = ask({"up"});
  EXPECT_EQ(again.exit_code(), 4) << describe(again.finished);
  EXPECT_EQ(again.error_code(), "paused");
  EXPECT_THAT(again.text("/error/found"), ::testing::ContainsRegex("paused by .+@.+ at [0-9]{4}-"));
  const Answer status = ask({"status"});
  EXPECT_EQ(status.text("/runs/0/state"), "paused");
  EXPECT_NE(status.text("/runs/0/paused_by"), "null");
  EXPECT_EQ(ask({"pause"}).exit_code(), 5);

  const Answer resumed = ask({"resume"});
  EXPECT_EQ(resumed.exit_code(), 0) << describe(resumed.finished);
  EXPECT_EQ(resumed.text("/runs/0/phase"), "soaking");
  EXPECT_THAT(events(), ::testing::IsSupersetOf({"pause", "resume"}));
}

TEST_F(Flow, APauseDoesNotForgetThatTheCutoverIsPostponed) {
  auto blocker = product_.database().application_session("shop");
  blocker->run({"test.block", "BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1"});
  Process up(product_.command({"up", "--postpone-cutover", "--progress", "plain"}));
  ASSERT_TRUE(up.wait_for_errors("waiting for")) << up.errors();
  ASSERT_EQ(ask({"pause"}).exit_code(), 0);
  ASSERT_TRUE(up.wait_for(std::chrono::seconds(10)).has_value());
  blocker->run({"test.block", "ROLLBACK"});
  const Answer resumed = ask({"resume"});
  EXPECT_EQ(resumed.exit_code(), 4) << describe(resumed.finished);
  EXPECT_EQ(resumed.error_code(), "postponed");
  EXPECT_EQ(type_of_id(), "integer");
  EXPECT_EQ(ask({"cutover"}).exit_code(), 0);
}

TEST_F(Flow, AKilledProcessDoesNotForgetThatTheCutoverIsPostponed) {
  Command command = product_.command({"up", "--postpone-cutover"});
  command.environment["CROSSFADE_FAULT"] = "index.build:before:kill";
  ASSERT_EQ(run(command).signal, SIGKILL);
  const Answer again = ask({"up"});
  EXPECT_EQ(again.exit_code(), 4) << describe(again.finished);
  EXPECT_EQ(again.text("/runs/0/state"), "postponed");
  EXPECT_EQ(again.text("/runs/0/resumed"), "true");
  EXPECT_EQ(type_of_id(), "integer");
}

/// Where a run stands when it is aborted: killed just before a query of that name.
class Abort : public Flow, public ::testing::WithParamInterface<const char*> {};

TEST_P(Abort, LeavesNoTrace) {
  const std::string before = product_.schema();
  const std::vector<std::string> rows = product_.rows("accounts");
  const std::string place = GetParam();
  if (place == "postponed") {
    ASSERT_EQ(ask({"up", "--postpone-cutover"}).exit_code(), 4);
  } else {
    Command command = product_.command({"up"});
    command.environment["CROSSFADE_FAULT"] = place + ":before:kill";
    ASSERT_EQ(run(command).signal, SIGKILL);
  }
  expect_application_unaffected();
  const Answer aborted = ask({"abort"});
  EXPECT_EQ(aborted.exit_code(), 0) << describe(aborted.finished);
  EXPECT_EQ(aborted.text("/runs/0/phase"), "aborted");
  EXPECT_EQ(product_.schema(), before);
  EXPECT_EQ(product_.rows("accounts"), rows);
  EXPECT_THAT(product_.traces(), IsEmpty());
  expect_application_unaffected();
  EXPECT_EQ(ask({"doctor"}).exit_code(), 0);
  EXPECT_EQ(ask({"abort"}).exit_code(), 5);
  EXPECT_EQ(ask({"status"}).text("/current"), "[]");

  const Answer anew = ask({"up"});
  EXPECT_EQ(anew.exit_code(), 0) << describe(anew.finished);
  EXPECT_EQ(anew.text("/runs/0/run"), "2");
  EXPECT_EQ(anew.text("/runs/0/resumed"), "false");
}

INSTANTIATE_TEST_SUITE_P(At, Abort,
                         ::testing::Values("expand.create.statement", "capture.statement",
                                           "journal.list_chunks", "copy.write.commit", "purge.delete",
                                           "index.build", "vacuum.shadow", "verify.record.commit",
                                           "cutover.swap", "postponed"),
                         [](const ::testing::TestParamInfo<const char*>& place) {
                           std::string name = place.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(Flow, ASoakingRunIsNeitherVerifiedNorAborted) {
  ASSERT_EQ(ask({"up"}).exit_code(), 0);
  for (const auto& command : {std::vector<std::string>{"verify"},
                              {"verify", "1"},
                              {"verify", "accounts"},
                              {"abort"},
                              {"abort", "1"},
                              {"pause"},
                              {"resume"},
                              {"cutover"},
                              {"cutover", "1"}}) {
    const Answer answer = ask(command);
    EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  }
  EXPECT_EQ(ask({"status"}).text("/runs/0/phase"), "soaking");
}

TEST_F(Flow, VerifyFindsTheRunByNumberOrTable) {
  ASSERT_EQ(ask({"up", "--postpone-cutover"}).exit_code(), 4);
  for (const auto& command : {std::vector<std::string>{"verify"},
                              {"verify", "1"},
                              {"verify", "accounts"},
                              {"verify", "public.accounts"},
                              {"verify", "\"accounts\""}}) {
    const Answer answer = ask(command);
    EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    EXPECT_EQ(answer.text("/run"), "1");
    EXPECT_EQ(answer.text("/equal"), "true");
    EXPECT_EQ(answer.text("/rows_left"), "2000");
  }
  EXPECT_EQ(ask({"verify", "2"}).exit_code(), 5);
  EXPECT_EQ(ask({"verify", "nothing"}).exit_code(), 5);
}

TEST_F(Flow, VerifyNamesWhatDiffersAndNothingIsCutOver) {
  ASSERT_EQ(ask({"up", "--postpone-cutover"}).exit_code(), 4);
  product_.as("postgres",
              "SET session_replication_role = replica; SET crossfade.run = '1';"
              "UPDATE crossfade_1.accounts SET balance = balance + 1 WHERE id = 777;"
              "DELETE FROM crossfade_1.accounts WHERE id = 778");
  const Answer answer = ask({"verify"});
  EXPECT_EQ(answer.exit_code(), 3) << describe(answer.finished);
  EXPECT_EQ(answer.text("/equal"), "false");
  EXPECT_EQ(answer.text("/differences/changed"), "1");
  EXPECT_EQ(answer.text("/differences/missing"), "1");
  EXPECT_EQ(answer.text("/examples/0/key/id"), "777");
  EXPECT_TRUE(at(answer.document, "/examples/0/key/id").is_string());
  EXPECT_EQ(answer.text("/examples/0/columns/0"), "balance");
  EXPECT_EQ(ask({"cutover"}).exit_code(), 3);
  EXPECT_EQ(ask({"resume"}).exit_code(), 3);
  EXPECT_EQ(type_of_id(), "integer");
  EXPECT_EQ(ask({"abort"}).exit_code(), 0);
}

TEST_F(Flow, VerifyComparesAnyTwoTables) {
  product_.as("keeper",
              "CREATE TABLE copy (LIKE accounts INCLUDING ALL); INSERT INTO copy SELECT * FROM accounts");
  const Answer equal = ask({"verify", "accounts", "--against", "copy"});
  EXPECT_EQ(equal.exit_code(), 0) << describe(equal.finished);
  EXPECT_EQ(equal.text("/run"), "null");
  EXPECT_EQ(equal.text("/equal"), "true");
  product_.as("keeper", "UPDATE copy SET owner = 'somebody else' WHERE id = 12");
  const Answer different = ask({"verify", "public.accounts", "--against", "public.copy"});
  EXPECT_EQ(different.exit_code(), 3) << describe(different.finished);
  EXPECT_EQ(different.text("/examples/0/key/id"), "12");
  EXPECT_EQ(different.text("/examples/0/kind"), "changed");
  EXPECT_EQ(ask({"verify", "accounts", "--against", "nothing"}).exit_code(), 5);
  EXPECT_FALSE(product_.has_journal());
}

TEST_F(Flow, SeveralEligibleRunsAreListed) {
  product_.as("keeper", "CREATE TABLE second (id integer PRIMARY KEY)");
  product_.write("0002_second.sql", "ALTER TABLE second ALTER id TYPE bigint;\n");
  ASSERT_EQ(ask({"up"}).exit_code(), 0);  // both soak
  const Answer answer = ask({"contract"});
  EXPECT_EQ(answer.exit_code(), 2) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "several-runs");
  EXPECT_THAT(answer.text("/error/found"),
              ::testing::AllOf(HasSubstr("1 (0001_widen"), HasSubstr("2 (0002_second")));
  EXPECT_EQ(ask({"contract", "2"}).exit_code(), 0);
  EXPECT_EQ(ask({"contract"}).exit_code(), 0);
  EXPECT_THAT(product_.traces(), IsEmpty());
}

TEST_F(Flow, ReadingCommandsCreateNothing) {
  const std::string before = product_.schema();
  for (const auto& command : {std::vector<std::string>{"plan"}, {"plan", "--sql"}, {"status"}, {"doctor"}}) {
    EXPECT_EQ(ask(command).exit_code(), 0);
    EXPECT_EQ(product_.run(command).exit_code, 0);
  }
  for (const auto& command : {std::vector<std::string>{"verify"}, {"abort"}, {"pause"}, {"contract", "1"}})
    EXPECT_EQ(ask(command).exit_code(), 5);
  EXPECT_FALSE(product_.has_journal());
  EXPECT_EQ(product_.schema(), before);
}

TEST_F(Flow, SkippingVerificationIsWrittenDown) {
  const Answer up = ask({"up", "--skip-verification"});
  EXPECT_EQ(up.exit_code(), 0) << describe(up.finished);
  EXPECT_EQ(up.text("/runs/0/verify/mode"), "none");
  EXPECT_THAT(events(), Contains("verification skipped on request"));
  EXPECT_EQ(product_.database().scalar(
                "SELECT who FROM crossfade.events WHERE what = 'verification skipped on request'"),
            "keeper");
}

TEST_F(Flow, InitAndNewPrepareAndChangeNothingElse) {
  EXPECT_EQ(ask({"init"}).text("/changed"), "true");
  EXPECT_TRUE(product_.has_journal());
  EXPECT_EQ(ask({"init"}).text("/changed"), "false");
  const Answer made = ask({"new", "Add a Region!"});
  EXPECT_EQ(made.exit_code(), 0);
  EXPECT_THAT(made.text("/revision"), ::testing::MatchesRegex("[0-9]{8}_[0-9]{4}_add_a_region"));
  EXPECT_TRUE(std::filesystem::exists(made.text("/path")));
}

TEST_F(Flow, AnInterruptStopsTheRunWhichThenGoesOn) {
  auto blocker = product_.database().application_session("shop");
  blocker->run({"test.block", "BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1"});
  Process up(product_.command({"--format", "json", "--progress", "plain", "up"}));
  ASSERT_TRUE(up.wait_for_errors("waiting for")) << up.errors();
  up.send_signal(SIGINT);
  const auto ended = up.wait_for(std::chrono::seconds(10));
  ASSERT_TRUE(ended.has_value());
  EXPECT_EQ(ended->exit_code, 4) << describe(*ended);
  EXPECT_EQ(text_at(parse_document(ended->output), "/exit_code"), "4");
  EXPECT_EQ(ask({"status"}).text("/runs/0/state"), "interrupted");
  blocker->run({"test.block", "ROLLBACK"});
  const Answer done = ask({"up"});
  EXPECT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(done.text("/runs/0/resumed"), "true");
}

TEST_F(Flow, ASecondProcessOnTheSameTableIsRefused) {
  auto blocker = product_.database().application_session("shop");
  blocker->run({"test.block", "BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1"});
  Process up(product_.command({"up", "--progress", "plain"}));
  ASSERT_TRUE(up.wait_for_errors("waiting for")) << up.errors();
  const Answer second = ask({"up"});
  EXPECT_EQ(second.exit_code(), 5) << describe(second.finished);
  EXPECT_EQ(second.error_code(), "table-held");
  const Answer status = ask({"status"});
  EXPECT_EQ(status.text("/runs/0/owner/pid"), std::to_string(up.pid()));
  blocker->run({"test.block", "ROLLBACK"});
  EXPECT_EQ(up.wait().exit_code, 0);
}

}  // namespace
}  // namespace crossfade::tests
