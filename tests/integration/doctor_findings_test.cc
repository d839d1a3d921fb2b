#include "checkers/doctor_findings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scratch_database.h"

namespace crossfade::checkers {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Doctor : public ::testing::Test {
 protected:
  std::vector<std::string> leftovers(const std::string& role = "postgres") {
    std::vector<std::string> out;
    const auto session = database_.session(role);
    for (const Problem& problem : find_leftovers(*session)) {
      EXPECT_FALSE(problem.message.empty() || problem.next.empty()) << problem.object;
      out.push_back(problem.code + ": " + problem.object);
    }
    return out;
  }

  void record_runs(const std::string& values) {
    database_.execute(
        "CREATE SCHEMA crossfade; CREATE TABLE crossfade.runs (run bigint PRIMARY KEY, phase text, state "
        "text);"
        "INSERT INTO crossfade.runs VALUES " +
        values);
  }

  std::unique_ptr<postgres::Session> named_session(const std::string& name) {
    auto session = database_.application_session();
    session->run({"test.name", "SET application_name = '" + name + "'"});
    return session;
  }

  tests::ScratchDatabase database_;
};

TEST_F(Doctor, FindsNothingInAnEmptyDatabase) {
  EXPECT_THAT(leftovers(), IsEmpty());
  EXPECT_THAT(leftovers(database_.create_role("anybody")), IsEmpty());
}

TEST_F(Doctor, FindsWhatIsLeftWhereNoRunIsKnown) {
  database_.execute(
      "CREATE SCHEMA crossfade_3; CREATE SCHEMA crossfade_3_old; CREATE SCHEMA crossfade_three; CREATE TABLE "
      "t (id integer);"
      "CREATE FUNCTION crossfade_3.capture() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER captured AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION crossfade_3.capture();"
      "CREATE INDEX t_id ON t (id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = "
      "'t_id'::regclass");
  const auto session = named_session("crossfade/3/copy");
  const std::string pid = std::to_string(session->backend_pid());
  EXPECT_THAT(leftovers(),
              ElementsAre("left-over-trigger: trigger captured on public.t",
                          "left-over-schema: schema crossfade_3", "left-over-schema: schema crossfade_3_old",
                          "invalid-index: index public.t_id", "left-over-session: pid " + pid));
}

TEST_F(Doctor, SeesTheSessionsOfOtherRoles) {
  const auto session = named_session("crossfade/3/copy");
  EXPECT_THAT(leftovers(database_.create_role("anybody")),
              ElementsAre("left-over-session: pid " + std::to_string(session->backend_pid())));
}

TEST_F(Doctor, LeavesUnfinishedAndSoakingRunsAlone) {
  record_runs(
      "(1, 'copying', 'running'), (2, 'soaking', 'running'), (3, 'ready', 'postponed'), (12, 'aborted', "
      "'done')");
  database_.execute(
      "CREATE SCHEMA crossfade_1; CREATE SCHEMA crossfade_2; CREATE SCHEMA crossfade_2_old; CREATE SCHEMA "
      "crossfade_3;"
      "CREATE SCHEMA crossfade_12");
  const auto session = named_session("crossfade/1/epoch");
  EXPECT_THAT(leftovers(), ElementsAre("left-over-schema: schema crossfade_12"));
}

TEST_F(Doctor, FindsRunsThatNobodyWorksOn) {
  record_runs(
      "(1, 'copying', 'running'), (2, 'copying', 'interrupted'), (3, 'verifying', 'paused'), (4, 'building', "
      "'failed'),"
      "(5, 'contracted', 'done')");
  const auto stale = named_session("crossfade/2/copy");
  const auto other = named_session("crossfade/11/copy");
  EXPECT_THAT(leftovers(), UnorderedElementsAre(
                               "interrupted-run: run 1", "interrupted-run: run 2", "interrupted-run: run 4",
                               "left-over-session: pid " + std::to_string(stale->backend_pid()),
                               "left-over-session: pid " + std::to_string(other->backend_pid())));
}

TEST_F(Doctor, DoesNotCallAnIndexThatIsBeingBuiltALeftOver) {
  database_.execute(
      "CREATE TABLE t (id integer); CREATE INDEX t_id ON t (id);"
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_id'::regclass");
  const auto builder = database_.application_session();
  builder->run({"test.lock", "BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE"});
  EXPECT_THAT(leftovers(), IsEmpty());
  builder->run({"test.end", "ROLLBACK"});
  EXPECT_THAT(leftovers(), ElementsAre("invalid-index: index public.t_id"));
}

TEST_F(Doctor, SaysThatItCannotTellWithoutTheJournal) {
  record_runs("(1, 'copying', 'running')");
  database_.execute("CREATE SCHEMA crossfade_1; CREATE SCHEMA crossfade_2");
  EXPECT_THAT(leftovers(database_.create_role("anybody")), ElementsAre("unreadable-journal: crossfade.runs"));
}

}  // namespace
}  // namespace crossfade::checkers
