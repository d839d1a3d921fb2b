#include "orchestrator/alembic/project.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/alembic/settings_file.h"
#include "orchestrator/alembic/statement_log.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(History, HasParentsDependenciesAndPaths) {
  const auto history = parse_history(
      "Rev: c (head) (mergepoint)\nMerges: a, b\nAlso depends on: d\nBranch names: x\nPath: /p/c.py\n\n"
      "    Both again\n    \n    Rev: not this\n\n"
      "Rev: a (branchpoint)\nParent: <base>\nBranches into: b, c\nPath: /p/a.py\n\n    First\n\n");
  ASSERT_EQ(history.size(), 2);
  EXPECT_TRUE(history[0].head);
  EXPECT_THAT(history[0].parents, ElementsAre("a", "b"));
  EXPECT_THAT(history[0].depends_on, ElementsAre("d"));
  EXPECT_EQ(history[0].path, "/p/c.py");
  EXPECT_EQ(history[0].message, "Both again");
  EXPECT_THAT(history[1].parents, IsEmpty());
  EXPECT_THAT(with_ancestors(history, {"c"}), ElementsAre("a", "b", "c", "d"));
}

TEST(Words, AreSplitAsAShellWouldWithoutExpandingAnything) {
  EXPECT_THAT(split_words("flask --app 'my app' db"), ElementsAre("flask", "--app", "my app", "db"));
  EXPECT_THAT(split_words("a \"b \\\" $HOME\" c\\ d *"), ElementsAre("a", "b \" $HOME", "c d", "*"));
  EXPECT_THROW(split_words("flask 'db"), Failure);
  EXPECT_THROW(split_words("  "), Failure);
}

TEST(Passwords, AreNeverShown) {
  EXPECT_EQ(without_passwords("at postgresql://me:secret@host/db and more"),
            "at postgresql://me:***@host/db and more");
  EXPECT_EQ(without_passwords("postgresql+psycopg2://me:s@cr:et@host"), "postgresql+psycopg2://me:***@host");
  EXPECT_EQ(without_passwords("host=x password=secret user=y"), "host=x password=*** user=y");
  EXPECT_EQ(without_passwords("https://sqlalche.me/e/14/e3q8"), "https://sqlalche.me/e/14/e3q8");
}

TEST(LastWords, AreTheExceptionOfATraceback) {
  EXPECT_EQ(
      last_words(
          "Traceback (most recent call last):\n  File \"x\"\n    ^^^\nTypeError: 'NoneType' object is not "
          "iterable\n"),
      "TypeError: 'NoneType' object is not iterable");
  EXPECT_EQ(last_words("INFO  [alembic] x\nFAILED: Can't locate revision identified by 'x'\n"),
            "FAILED: Can't locate revision identified by 'x'");
  EXPECT_EQ(last_words("one\ntwo"), "two");
}

TEST(OfflineFailures, PointToRecordingWhereARevisionAskedTheDatabase) {
  const auto code = [](int exit_code, const std::string& errors, const std::string& output = "") {
    try {
      require_success({exit_code, output, errors}, "alembic");
    } catch (const Failure& failure) {
      return failure.problem().code + " " + std::to_string(static_cast<int>(failure.exit_code()));
    }
    return std::string();
  };
  EXPECT_EQ(code(0, "noise"), "");
  EXPECT_EQ(code(1, "TypeError: 'NoneType' object is not iterable"), "alembic-offline 5");
  EXPECT_EQ(code(1, "sqlalchemy.exc.NoInspectionAvailable: No inspection"), "alembic-offline 5");
  EXPECT_EQ(code(255, "ERROR Can't locate it", "FAILED: Can't locate it"), "alembic-command 2");
  EXPECT_EQ(code(1, "ImportError: no module"), "alembic-command 1");
}

TEST(SettingsFile, IsCopiedWithAnotherUrlAndItsOwnFolder) {
  const std::string text =
      "[alembic]\nscript_location = %(here)s/migrations\nsqlalchemy.url = "
      "driver://old\n\n[logging]\nsqlalchemy.url = x\n";
  EXPECT_EQ(setting(text, "sqlalchemy.url"), "driver://old");
  EXPECT_EQ(with_setting(text, "sqlalchemy.url", "postgresql:///a%20b", "/the/project"),
            "[alembic]\nsqlalchemy.url = postgresql:///a%%20b\nscript_location = /the/project/migrations\n\n"
            "[logging]\nsqlalchemy.url = x\n");
}

std::string line(const std::string& session, const std::string& severity, const std::string& message,
                 const std::string& detail = "") {
  return "2026-01-01 00:00:00 UTC,\"app\",\"db\",1,\"[local]\"," + session + ",1,\"\",,,0," + severity +
         ",00000,\"" + message + "\",\"" + detail + "\",,,,,,,,\"\",\"client backend\",,0\n";
}

std::vector<std::string> texts(const std::string& log) {
  std::vector<std::string> out;
  for (const LoggedStatement& statement : committed_statements(log)) out.push_back(statement.text);
  return out;
}

TEST(StatementLog, KeepsWhatCommitted) {
  EXPECT_THAT(texts(line("a", "LOG", "statement: BEGIN") +
                    line("a", "LOG", "statement: CREATE TABLE t (\n  \"\"x\"\" int)") +
                    line("b", "LOG", "statement: SELECT 1") + line("a", "LOG", "statement: COMMIT") +
                    line("a", "LOG", "statement: BEGIN") + line("a", "LOG", "statement: DROP TABLE t") +
                    line("a", "LOG", "statement: ROLLBACK") + line("a", "LOG", "disconnection: x")),
              ElementsAre("CREATE TABLE t (\n  \"x\" int)", "SELECT 1"));
}

TEST(StatementLog, LeavesOutWhatFailedOrWasRolledBackToASavepoint) {
  EXPECT_THAT(
      texts(line("a", "LOG", "statement: BEGIN") + line("a", "LOG", "statement: INSERT INTO t VALUES (1)") +
            line("a", "LOG", "statement: SAVEPOINT sa_savepoint_1") +
            line("a", "LOG", "statement: INSERT INTO t VALUES (2)") + line("a", "ERROR", "duplicate key") +
            line("a", "LOG", "statement: ROLLBACK TO SAVEPOINT sa_savepoint_1") +
            line("a", "LOG", "statement: INSERT INTO t VALUES (3)") + line("a", "LOG", "statement: COMMIT") +
            line("a", "LOG", "statement: VACUUM t") + line("a", "ERROR", "no")),
      ElementsAre("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (3)"));
}

TEST(StatementLog, PutsParametersInTheirPlaces) {
  EXPECT_THAT(texts(line("a", "LOG", "execute <unnamed>: UPDATE t SET x = $1, y = $10, z = '$1' WHERE k = $2",
                         "parameters: $1 = 'it''s, $2 = 1', $2 = NULL, $10 = '5'")),
              ElementsAre("UPDATE t SET x = 'it''s, $2 = 1', y = '5', z = '$1' WHERE k = NULL"));
  EXPECT_EQ(with_parameters("SELECT $1", "Parameters: $1 = 'x'"), "SELECT 'x'");
  EXPECT_THROW(with_parameters("SELECT $1", ""), Failure);
}

TEST(StatementLog, SeesWhoAsked) {
  EXPECT_TRUE(
      has_logged(line("a", "LOG", "statement: SELECT version_num FROM alembic_version"), "alembic_version"));
  EXPECT_TRUE(has_logged(line("a", "LOG", "execute x: SELECT $1", "parameters: $1 = 'alembic_version'"),
                         "alembic_version"));
  EXPECT_FALSE(has_logged(line("a", "LOG", "statement: SELECT 1"), "alembic_version"));
}

}  // namespace
}  // namespace crossfade::orchestrator
