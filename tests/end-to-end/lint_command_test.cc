// `lint` as a team's CI runs it: the exit code, every format, files and directories, with and without a
// database.
#include "tests/end-to-end/product.h"

#include <algorithm>
#include <fstream>

namespace crossfade::tests {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

constexpr const char* kNoDatabase = "postgresql://nobody@127.0.0.1:1/nothing";

/// Without a database, unless the arguments name one.
Finished lint_in(const Folder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--dir", folder.path().string()});
  Command command = crossfade_command(std::move(arguments));
  command.environment = {{"CROSSFADE_DATABASE_URL", ""}, {"DATABASE_URL", ""}, {"PGHOST", "/nowhere"}};
  return run(std::move(command));
}

std::vector<std::string> codes(const boost::json::value& document) {
  std::vector<std::string> out;
  for (const boost::json::value& finding : at(document, "/findings").as_array())
    out.push_back(text_at(finding, "/code"));
  return out;
}

std::string with_down(const std::string& up) {
  return "-- migrate:up\n" + up + "\n-- migrate:down\nSELECT 1;\n";
}

TEST(LintCommand, IsQuietAndDoneWhereNothingIsToBeSaid) {
  const Folder folder;
  folder.write("0001_a.sql", with_down("CREATE TABLE t (id bigint PRIMARY KEY);"));
  const Finished finished = lint_in(folder, {"lint"});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_EQ(finished.output, "0 errors, 0 warnings, 0 notes in 1 file\n");
  EXPECT_EQ(finished.errors, "");
}

TEST(LintCommand, FailsForErrorsAlone) {
  const Folder folder;
  const std::string warned = folder.write("0001_a.sql", with_down("ALTER TABLE t RENAME a TO b;")).string();
  const std::string wrong = folder.write("0002_b.sql", with_down("ALTER TABLE t DROP a;")).string();
  EXPECT_EQ(lint_in(folder, {"lint", warned}).exit_code, 0);
  const Finished finished = lint_in(folder, {"lint"});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.output, HasSubstr(warned + ":2:1: warning: t: RENAME COLUMN"));
  EXPECT_THAT(finished.output, HasSubstr(wrong + ":2:1: error: t: DROP COLUMN"));
  EXPECT_THAT(finished.output, HasSubstr("[drop-column]\n    Deploy an application first"));
  EXPECT_THAT(finished.output, HasSubstr("1 error, 1 warning, 0 notes in 2 files\n"));
  EXPECT_THAT(finished.errors, HasSubstr("lint found errors"));
}

TEST(LintCommand, WritesOneJsonDocument) {
  const Folder folder;
  folder.write("0001_a.sql", with_down("DROP TABLE t;\nALTER TABLE u ALTER i TYPE bigint;"));
  const Finished finished = lint_in(folder, {"--format", "json", "lint"});
  const boost::json::value document = parse_document(finished.output);
  EXPECT_EQ(members(document),
            (std::set<std::string>{"schema", "command", "exit_code", "error", "findings"}));
  EXPECT_EQ(text_at(document, "/command"), "lint");
  EXPECT_EQ(text_at(document, "/exit_code"), "1");
  EXPECT_EQ(text_at(document, "/error/code"), "lint-errors");
  const boost::json::value& first = at(document, "/findings/0");
  EXPECT_EQ(members(first),
            (std::set<std::string>{"code", "level", "file", "line", "column", "message", "fix", "hazard"}));
  EXPECT_EQ(text_at(first, "/code"), "drop-table");
  EXPECT_EQ(text_at(first, "/level"), "error");
  EXPECT_EQ(text_at(first, "/line"), "2");
  EXPECT_EQ(text_at(first, "/hazard"), "65");
  EXPECT_THAT(codes(document), ElementsAre("drop-table", "change-type"));
}

TEST(LintCommand, WritesSarif) {
  const Folder folder;
  folder.write("0001 aü.sql", with_down("DROP TABLE t;\n  CREATE TABLE n (id serial);"));
  folder.write("0002_b.sql", "SELEC 1;");
  const Finished finished = lint_in(folder, {"lint", "--format", "sarif"});
  EXPECT_EQ(finished.exit_code, 2);
  const boost::json::value document = parse_document(finished.output);
  EXPECT_EQ(text_at(document, "/version"), "2.1.0");
  EXPECT_THAT(text_at(document, "/$schema"), HasSubstr("sarif-2.1.0"));
  ASSERT_EQ(at(document, "/runs").as_array().size(), 1U);
  EXPECT_EQ(text_at(document, "/runs/0/tool/driver/name"), "crossfade");
  const boost::json::array& rules = at(document, "/runs/0/tool/driver/rules").as_array();
  const std::set<std::string> levels = {"none", "note", "warning", "error"};
  std::set<std::string> ids;
  for (const boost::json::value& rule : rules) {
    EXPECT_TRUE(ids.insert(text_at(rule, "/id")).second);
    EXPECT_FALSE(text_at(rule, "/shortDescription/text").empty());
    EXPECT_TRUE(levels.contains(text_at(rule, "/defaultConfiguration/level")));
  }
  const boost::json::array& results = at(document, "/runs/0/results").as_array();
  ASSERT_EQ(results.size(), 3U);
  std::vector<std::string> found;
  for (const boost::json::value& result : results) {
    found.push_back(text_at(result, "/ruleId"));
    const auto index = static_cast<std::size_t>(at(result, "/ruleIndex").as_int64());
    ASSERT_LT(index, rules.size());
    EXPECT_EQ(text_at(rules.at(index), "/id"), found.back());
    EXPECT_TRUE(levels.contains(text_at(result, "/level")));
    EXPECT_FALSE(text_at(result, "/message/text").empty());
    const boost::json::value& place = at(result, "/locations/0/physicalLocation");
    EXPECT_GE(at(place, "/region/startLine").as_int64(), 1);
    EXPECT_GE(at(place, "/region/startColumn").as_int64(), 1);
    EXPECT_THAT(text_at(place, "/artifactLocation/uri"), Not(HasSubstr(" ")));
  }
  EXPECT_THAT(found, UnorderedElementsAre("drop-table", "integer-key", "syntax-error"));
  EXPECT_THAT(finished.output, HasSubstr("0001%20a%C3%BC.sql"));
}

TEST(LintCommand, WritesWorkflowCommandsWithEverythingEscaped) {
  const Folder folder;
  std::filesystem::create_directory(folder.path() / "a,b");
  const std::string path =
      folder.write("a,b/0001:b%.sql", with_down("CREATE TABLE \"a%b\" (\"x,y:z\" timestamp);")).string();
  const std::string escaped = folder.path().string() + "/a%2Cb/0001%3Ab%25.sql";
  const Finished finished = lint_in(folder, {"lint", "--format=github", path});
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(finished.output, StartsWith("::notice file=" + escaped +
                                          ",line=2,col=21,title=timestamp-without-time-zone::a%25b.x,y:z: a "
                                          "timestamp column"));
  EXPECT_THAT(finished.output, HasSubstr("%0AUse timestamptz."));
  EXPECT_EQ(std::count(finished.output.begin(), finished.output.end(), '\n'), 1);
  folder.write("0002_b.sql", with_down("DROP TABLE t;"));
  EXPECT_THAT(lint_in(folder, {"lint", "--format", "github"}).output, StartsWith("::error file="));
}

TEST(LintCommand, AloneHasTheFormatsOfCodeHosts) {
  const Folder folder;
  folder.write("0001_a.sql", with_down("CREATE TABLE t (id bigint);"));
  for (const std::string format : {"sarif", "github"}) {
    const Finished finished = lint_in(folder, {"--format", format, "status", "--database", kNoDatabase});
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_THAT(finished.errors, HasSubstr("only `lint` writes"));
  }
  EXPECT_EQ(lint_in(folder, {"lint", "--format", "xml"}).exit_code, 2);
}

TEST(LintCommand, GoesOnBehindAFileThatDoesNotParse) {
  const Folder folder;
  folder.write("0001_a.sql", with_down("ALTER TABLE t\n  ADD;"));
  folder.write("0002_b.sql", "-- crossfade:alow x y\nSELECT 1;");
  folder.write("0003_c.sql", with_down("ALTER TABLE t ADD c int GENERATED ALWAYS AS (i) VIRTUAL;"));
  folder.write("0004_d.sql", with_down("DROP TABLE t;"));
  const Finished finished = lint_in(folder, {"--format", "json", "lint"});
  EXPECT_EQ(finished.exit_code, 2);
  const boost::json::value document = parse_document(finished.output);
  EXPECT_THAT(codes(document),
              UnorderedElementsAre("syntax-error", "unknown-directive", "newer-syntax", "drop-table"));
  EXPECT_EQ(text_at(document, "/error/code"), "syntax-error");
  EXPECT_EQ(text_at(document, "/findings/0/line"), "3");
}

TEST(LintCommand, ReadsTheWholeFolderForTheSakeOfOneFile) {
  const Folder folder;
  folder.write("0001_a.sql",
               "CREATE TABLE p (id bigint PRIMARY KEY);\nCREATE TABLE t (p bigint);\nDROP TABLE x;");
  const std::string key =
      folder.write("0002_b.sql", with_down("ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES p NOT VALID;"))
          .string();
  EXPECT_THAT(lint_in(folder, {"lint", key}).output, HasSubstr("[unindexed-foreign-key]"));
  folder.write("0003_c.sql", "CREATE INDEX ON t (p);");
  const Finished indexed = lint_in(folder, {"lint", key});
  EXPECT_EQ(indexed.exit_code, 0);
  EXPECT_EQ(indexed.output, "0 errors, 0 warnings, 0 notes in 1 file\n");
  // A neighbour that does not parse is its own affair.
  folder.write("0004_d.sql", "SELEC 1;");
  EXPECT_EQ(lint_in(folder, {"lint", key}).exit_code, 0);
}

TEST(LintCommand, RefusesWhatIsNotThere) {
  const Folder folder;
  EXPECT_EQ(lint_in(folder, {"lint"}).exit_code, 2);
  const Finished missing = lint_in(folder, {"lint", (folder.path() / "no.sql").string()});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.errors, HasSubstr("there is no such file"));
}

TEST(LintCommand, ConnectsOnlyWhereADatabaseIsGiven) {
  const Folder folder;
  folder.write("0001_a.sql", with_down("ALTER TABLE t ALTER i TYPE bigint;"));
  EXPECT_EQ(lint_in(folder, {"lint", "--database", kNoDatabase}).exit_code, 1);
  EXPECT_EQ(lint_in(folder, {"lint", "--database", kNoDatabase, "--text-only"}).exit_code, 0);
}

TEST(LintCommand, KnowsMoreWithADatabase) {
  Product product;
  product.as("keeper", kAccounts);
  product.as("keeper",
             "CREATE DOMAIN positive AS int CHECK (value > 0); CREATE DOMAIN plain AS int;"
             "CREATE TABLE names (id int PRIMARY KEY, name varchar(50), code varchar(50) CHECK (code <> ''),"
             "  parent int REFERENCES names, shown text);"
             "CREATE INDEX ON names (parent); CREATE VIEW shown AS SELECT shown FROM names;"
             "INSERT INTO names SELECT i, i, i FROM generate_series(1, 300) AS i; ANALYZE names");
  product.write("0001_a.sql", with_down("ALTER TABLE names ALTER name TYPE varchar(80);\n"
                                        "ALTER TABLE names ALTER code TYPE varchar(80);\n"
                                        "ALTER TABLE names ADD a positive, ADD b plain;\n"
                                        "ALTER TABLE accounts ALTER owner SET NOT NULL;\n"
                                        "ALTER TABLE names ALTER name TYPE varchar(20);\n"
                                        "ALTER TABLE names ALTER parent TYPE bigint;"));
  product.write("0002_b.sql", with_down("ALTER TABLE names RENAME name TO title;\n"
                                        "ALTER TABLE names ADD FOREIGN KEY (parent) REFERENCES accounts;\n"
                                        "ALTER TABLE names ALTER title TYPE text;"));
  product.write("0003_c.sql",
                with_down("ALTER TABLE nowhere ADD c int;\nALTER TABLE accounts ALTER nothing TYPE int;"));
  const std::string before = product.schema();
  const Answer answer = product.ask({"lint"});
  EXPECT_EQ(answer.exit_code(), 1);
  std::vector<std::string> found;
  for (const boost::json::value& finding : at(answer.document, "/findings").as_array()) {
    const std::string file = text_at(finding, "/file");
    found.push_back(file.substr(file.size() - 10, 4) + ":" + text_at(finding, "/line") + " " +
                    text_at(finding, "/code"));
  }
  EXPECT_THAT(found, ElementsAre("0001:3 widen-type",                 // the CHECK is read again
                                 "0001:4 add-domain-column",          // but not for the plain domain
                                 "0001:5 many-locks-in-transaction",  // SET NOT NULL changes nothing
                                 "0001:6 narrow-type", "0001:7 change-type", "0001:7 change-key-type",
                                 "0002:2 rename-column", "0002:3 add-foreign-key", "0002:3 foreign-key-type",
                                 "0003:2 no-such-table", "0003:3 statement-fails",
                                 "0003:3 many-locks-in-transaction"))
      << answer.finished.output;
  EXPECT_THAT(answer.finished.output, HasSubstr("about 300 rows"));
  EXPECT_EQ(product.schema(), before);
  EXPECT_FALSE(product.has_journal());
  EXPECT_EQ(product.ask({"lint", "--text-only"}).exit_code(), 0);
}

TEST(LintCommand, DoesNotHoldTheDatabaseAgainstAppliedFiles) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_a.sql", with_down("ALTER TABLE accounts ALTER id TYPE bigint;"));
  ASSERT_EQ(product.ask({"up", "--contract"}).exit_code(), 0);
  product.write("0002_b.sql", with_down("ALTER TABLE accounts ALTER id TYPE bigint;"));
  const Answer answer = product.ask({"lint"});
  ASSERT_EQ(answer.exit_code(), 0) << answer.finished.output;
  // The first was a rewrite when it was applied; the second does nothing any more.
  EXPECT_THAT(codes(answer.document), ElementsAre("change-type"));
  EXPECT_THAT(answer.text("/findings/0/file"), HasSubstr("0001_a.sql"));
}

TEST(LintCommand, TakesTheTextWhereItMayNotTryStatements) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_a.sql", with_down("ALTER TABLE accounts ALTER id TYPE bigint;"));
  const Finished finished = product.run({"--format", "json", "lint"}, "reader");
  EXPECT_EQ(finished.exit_code, 0);
  EXPECT_THAT(codes(parse_document(finished.output)), ElementsAre("change-type"));
}

}  // namespace
}  // namespace crossfade::tests
