// `check`: a whole directory up, down and up again on a server of its own.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTable =
    "-- migrate:up\nCREATE TABLE t (id integer PRIMARY KEY, v text);\n-- migrate:down\nDROP TABLE t;\n";

Answer check(const Folder& folder, std::vector<std::string> options = {}) {
  std::vector<std::string> words = {"--format", "json", "--progress", "none", "--dir", folder.path().string(),
                                    "check"};
  words.insert(words.end(), options.begin(), options.end());
  Finished finished = run_crossfade(std::move(words));
  boost::json::value document = parse_document(finished.output);
  return {std::move(finished), std::move(document)};
}

TEST(Check, PassesADirectoryThatGoesDownToWhereItCameFrom) {
  const Folder folder;
  folder.write("0001_table.sql", kTable);
  folder.write("0002_wider.sql",
               "-- migrate:up\nALTER TABLE t ALTER COLUMN id TYPE bigint;\nCREATE INDEX t_v ON t (v);\n"
               "-- migrate:down\nDROP INDEX t_v;\nALTER TABLE t ALTER COLUMN id TYPE integer;\n");
  const Answer answer = check(folder);
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(answer.document.at("steps").as_array().size(), 4U);
}

TEST(Check, NamesWhatADownSectionLeavesBehind) {
  const Folder folder;
  folder.write("0001_table.sql", kTable);
  folder.write(
      "0002_index.sql",
      "-- migrate:up\nCREATE INDEX t_v ON t (v);\nCREATE SEQUENCE s;\n-- migrate:down\nDROP INDEX t_v;\n");
  const Answer answer = check(folder);
  EXPECT_EQ(answer.exit_code(), 1) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "schema-differs");
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("CREATE SEQUENCE"));
  EXPECT_EQ(check(folder, {"--up-only"}).exit_code(), 0);
}

TEST(Check, NamesTheRevisionWhoseLeftOverTheNextOneTakesAway) {
  const Folder folder;
  folder.write("0001_table.sql",
               "-- migrate:up\nCREATE TABLE t (id integer);\nCREATE TABLE u (id integer);\n"
               "-- migrate:down\nDROP TABLE t, u;\nDROP SEQUENCE IF EXISTS s;\n");
  folder.write("0002_sequence.sql",
               "-- migrate:up\nCREATE SEQUENCE s;\nCREATE INDEX t_id ON t (id);\n"
               "-- migrate:down\nDROP INDEX t_id;\n");
  const Answer answer = check(folder);
  EXPECT_EQ(answer.exit_code(), 1) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "schema-differs");
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("`down` of revision 0002_sequence"));
}

TEST(Check, AColumnThatComesBackBehindTheOthersIsNoDifference) {
  const Folder folder;
  folder.write(
      "0001_table.sql",
      "-- migrate:up\nCREATE TABLE t (id integer, b text, c text);\n-- migrate:down\nDROP TABLE t;\n");
  folder.write("0002_drop.sql",
               "-- crossfade:allow drop-column a test\n-- migrate:up\nALTER TABLE t DROP COLUMN b;\n-- "
               "migrate:down\nALTER TABLE t ADD COLUMN b text;\n");
  EXPECT_EQ(check(folder).exit_code(), 0);
  folder.write("0002_drop.sql",
               "-- crossfade:allow drop-column a test\n-- migrate:up\nALTER TABLE t DROP COLUMN b;\n-- "
               "migrate:down\nALTER TABLE t ADD COLUMN b varchar;\n");
  EXPECT_EQ(check(folder).error_code(), "schema-differs");
}

TEST(Check, KnowsTheRolesThatTheFilesName) {
  const Folder folder;
  folder.write(
      "0001_table.sql",
      "-- migrate:up\nCREATE TABLE t (id integer);\nGRANT SELECT ON t TO \"Some reader\", PUBLIC;\n"
      "ALTER TABLE t OWNER TO keeper;\nGRANT app_group TO keeper;\n-- migrate:down\nDROP TABLE t;\n");
  const Answer answer = check(folder);
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST(Check, BranchesGoDownOneByOne) {
  const Folder folder;
  folder.write("0001_table.sql", kTable);
  folder.write("0002_left.sql",
               "-- crossfade:revises 0001_table\n-- migrate:up\nCREATE INDEX l ON t (v);\n"
               "-- migrate:down\nDROP INDEX l;\n");
  folder.write("0003_right.sql", "-- crossfade:revises 0001_table\nCREATE INDEX r ON t (v, id);\n");
  folder.write("0004_merge.sql", "-- crossfade:revises 0002_left, 0003_right\n");
  const Answer answer = check(folder);
  EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
}

TEST(Check, StopsAtLintErrorsAndAtFilesThatDoNotGoUp) {
  const Folder folder;
  folder.write("0001_opaque.sql", "DO $$ BEGIN END $$;\n");
  EXPECT_EQ(check(folder).exit_code(), 1);
  const Folder other;
  other.write("0001_missing.sql", "ALTER TABLE nothing ADD COLUMN x integer;\n");
  const Answer answer = check(other);
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "no-such-table");
}

}  // namespace
}  // namespace crossfade::tests
