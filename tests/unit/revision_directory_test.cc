#include "migrations/revision_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "migrations/new_file.h"
#include "migrations/new_revision.h"

namespace crossfade::migrations {
namespace {

using Names = std::vector<std::string>;

struct Text {
  std::string revision;
  std::string text;
};

RevisionDirectory directory(const std::vector<Text>& texts) {
  std::vector<MigrationFile> files;
  for (const Text& each : texts)
    files.push_back(parse_migration_text(each.revision, each.revision + ".sql", each.text));
  return {"migrations", std::move(files)};
}

Names names(const std::vector<const MigrationFile*>& files) {
  Names out;
  for (const MigrationFile* file : files) out.push_back(file->revision);
  return out;
}

Names order(const RevisionDirectory& revisions) {
  return names(revisions.pending({}));
}

template <typename Action>
Problem refusal(Action action) {
  try {
    action();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    return failure.problem();
  }
  ADD_FAILURE() << "not refused";
  return {};
}

TEST(RevisionDirectory, LetsEveryFileReviseThePreviousOneByName) {
  const RevisionDirectory revisions = directory({{"3", ""}, {"1", ""}, {"2", ""}});
  EXPECT_EQ(order(revisions), (Names{"1", "2", "3"}));
  EXPECT_EQ(revisions.find("3").revises, Names{"2"});
  EXPECT_TRUE(revisions.find("1").revises.empty());
  EXPECT_EQ(revisions.heads(), Names{"3"});
  EXPECT_EQ(revisions.only_head().revision, "3");
}

TEST(RevisionDirectory, OrdersByParentsThenByName) {
  const RevisionDirectory revisions = directory({{"0_merge", "-- crossfade:revises 2b, 2a"},
                                                 {"1", "-- crossfade:revises base"},
                                                 {"2a", "-- crossfade:revises 1"},
                                                 {"2b", "-- crossfade:revises 1"},
                                                 {"3", "-- crossfade:revises 2a"}});
  EXPECT_EQ(order(revisions), (Names{"1", "2a", "2b", "0_merge", "3"}));
  EXPECT_EQ(revisions.heads(), (Names{"0_merge", "3"}));
  const Problem problem = refusal([&] { revisions.only_head(); });
  EXPECT_EQ(problem.code, "several-heads");
  EXPECT_EQ(problem.found, "0_merge, 3");
}

TEST(RevisionDirectory, DependsOnOrdersAcrossBranchesWithoutMakingAParent) {
  const RevisionDirectory revisions = directory({{"1", ""},
                                                 {"2", "-- crossfade:revises 1\n-- crossfade:depends-on 9"},
                                                 {"9", "-- crossfade:revises 1"}});
  EXPECT_EQ(order(revisions), (Names{"1", "9", "2"}));
  EXPECT_EQ(revisions.heads(), (Names{"2", "9"}));
  EXPECT_EQ(names(revisions.up_to(revisions.find("2"))), (Names{"1", "9", "2"}));
  EXPECT_EQ(names(revisions.up_to(revisions.find("9"))), (Names{"1", "9"}));
}

TEST(RevisionDirectory, LeavesOutWhatIsApplied) {
  const RevisionDirectory revisions = directory({{"1", ""}, {"2", ""}, {"3", ""}});
  const Names applied = {"1", "long gone"};
  EXPECT_EQ(names(revisions.pending(applied)), (Names{"2", "3"}));
}

TEST(RevisionDirectory, FindsByNameLabelAndUniquePrefix) {
  const RevisionDirectory revisions =
      directory({{"2026", ""}, {"2026_a", "-- crossfade:labels release-1"}, {"2026_b", ""}});
  EXPECT_EQ(revisions.find("2026").revision, "2026");
  EXPECT_EQ(revisions.find("2026_b").revision, "2026_b");
  EXPECT_EQ(revisions.find("release-1").revision, "2026_a");
  EXPECT_EQ(refusal([&] { revisions.find("2026_"); }).found, "2026_a, 2026_b");
  EXPECT_EQ(refusal([&] { revisions.find("x"); }).code, "no-such-revision");
  EXPECT_EQ(refusal([&] { revisions.find(""); }).code, "no-such-revision");
  EXPECT_EQ(revisions.find_exactly("2026_"), nullptr);
}

TEST(RevisionDirectory, NamesTheRevisionsOfACycle) {
  const Problem problem = refusal([] {
    directory({{"1", "-- crossfade:revises base"},
               {"2", "-- crossfade:revises 4"},
               {"3", "-- crossfade:revises 2"},
               {"4", "\n-- crossfade:revises 1\n-- crossfade:depends-on 3"},
               {"5", "-- crossfade:revises 4"}});
  });
  EXPECT_EQ(problem.code, "revision-cycle");
  EXPECT_NE(problem.message.find("2 → 4 → 3 → 2"), std::string::npos) << problem.message;
  EXPECT_EQ(refusal([] { directory({{"1", "-- crossfade:revises 1"}}); }).code, "revision-cycle");
}

TEST(RevisionDirectory, NamesMissingParentsAndDuplicates) {
  const Problem missing = refusal([] { directory({{"1", ""}, {"2", "\n-- crossfade:revises 0"}}); });
  EXPECT_EQ(missing.code, "missing-revision");
  EXPECT_EQ(missing.object, "2.sql:2:1");
  EXPECT_EQ(refusal([] { directory({{"2", "-- crossfade:depends-on 0"}}); }).code, "missing-revision");
  EXPECT_EQ(refusal([] { directory({{"1", ""}, {"1", ""}}); }).code, "duplicate-revision");
  EXPECT_EQ(refusal([] {
              directory({{"1", "-- crossfade:labels a"}, {"2", "-- crossfade:labels a"}});
            }).code,
            "duplicate-label");
}

class RevisionFolder : public testing::Test {
 protected:
  RevisionFolder()
      : folder_(std::filesystem::path(testing::TempDir()) /
                ("crossfade_revisions_" +
                 std::string(testing::UnitTest::GetInstance()->current_test_info()->name()))) {
    std::filesystem::remove_all(folder_);
  }
  ~RevisionFolder() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, std::string_view text) const {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  static std::time_t local(int year, int month, int day, int hour, int minute) {
    std::tm time{};
    time.tm_year = year - 1900;
    time.tm_mon = month - 1;
    time.tm_mday = day;
    time.tm_hour = hour;
    time.tm_min = minute;
    time.tm_isdst = -1;
    return std::mktime(&time);
  }

  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
};

TEST_F(RevisionFolder, IsReadByName) {
  write("2.sql", "");
  write("10.SQL", "");
  write("README.md", "not a revision");
  write(".hidden.sql", "-- +goose Up");
  std::filesystem::create_directories(folder() / "3.sql");
  EXPECT_EQ(order(load_directory(folder())), (Names{"10", "2"}));
}

TEST_F(RevisionFolder, WithoutMigrationsIsRefused) {
  EXPECT_EQ(refusal([&] { load_directory(folder()); }).code, "no-migrations");
  write("README.md", "");
  EXPECT_EQ(refusal([&] { load_directory(folder()); }).code, "no-migrations");
  write("1.up.sql", "");
  EXPECT_EQ(refusal([&] { load_directory(folder()); }).code, "foreign-format");
}

TEST_F(RevisionFolder, GetsNewFilesFromATemplate) {
  const auto path = create_migration_file(folder() / "made", kFileNameTemplate,
                                          {.message = "  Orders: add region!\n", .revises = {"a", "b"}},
                                          local(2026, 3, 9, 7, 5));
  EXPECT_EQ(path.filename(), "20260309_0705_orders_add_region.sql");
  const MigrationFile file = parse_migration_file(path);
  EXPECT_EQ(file.revises, (Names{"a", "b"}));
  EXPECT_EQ(file.up_sql, "\n");
  EXPECT_TRUE(file.has_down);
}

TEST_F(RevisionFolder, OrdersFilesOfOneMinuteAsTheyWereMade) {
  const std::time_t now = local(2026, 3, 9, 7, 59);
  for (const char* message : {"users", "add email", "more", "drop"})
    create_revision(folder(), kFileNameTemplate, {.message = message}, now);
  EXPECT_EQ(order(load_directory(folder())), (Names{"20260309_0759_users", "20260309_0800_add_email",
                                                    "20260309_0800_more", "20260309_0801_drop"}));
}

TEST_F(RevisionFolder, TakesNoTimeFromAFileThatIsFarAhead) {
  write("20300101_0000_later.sql", "");
  const auto make = [&] {
    create_revision(folder(), kFileNameTemplate, {.message = "now"}, local(2026, 3, 9, 7, 59));
  };
  EXPECT_EQ(refusal(make).code, "order-by-name");
}

TEST_F(RevisionFolder, KeepsAFileThatIsThereAlready) {
  const NewRevision revision{.message = "same"};
  const std::time_t now = local(2026, 3, 9, 7, 5);
  const auto path = create_migration_file(folder(), kFileNameTemplate, revision, now);
  write(path.filename().string(), "SELECT 1;");
  EXPECT_EQ(refusal([&] { create_migration_file(folder(), kFileNameTemplate, revision, now); }).code,
            "file-exists");
  EXPECT_EQ(parse_migration_file(path).up_sql, "SELECT 1;");
}

TEST_F(RevisionFolder, RefusesMessagesThatReadAsDirectives) {
  const auto make = [&](const std::string& message) {
    create_migration_file(folder(), kFileNameTemplate, {.message = message}, 0);
  };
  EXPECT_EQ(refusal([&] { make("crossfade:allow"); }).code, "malformed-directive");
  EXPECT_EQ(refusal([&] { make("+goose Up"); }).code, "foreign-format");
  EXPECT_FALSE(std::filesystem::exists(folder()));
}

TEST(NewFileName, ReplacesThePlaceholders) {
  std::tm time{};
  time.tm_year = 126;
  time.tm_mon = 10;
  time.tm_mday = 2;
  time.tm_hour = 23;
  time.tm_min = 4;
  time.tm_sec = 9;
  EXPECT_EQ(new_file_name("YYYYMMDDHHMMSS_slug", "Add É x", time), "20261102230409_add_x.sql");
  EXPECT_EQ(new_file_name("slug.sql", std::string(100, 'x'), time).size(), 64U);
  EXPECT_EQ(refusal([&] { new_file_name("YYYY.sql", "a", time); }).code, "bad-template");
  EXPECT_EQ(refusal([&] { new_file_name("../slug.sql", "a", time); }).code, "bad-template");
  EXPECT_EQ(refusal([&] { new_file_name(kFileNameTemplate, "é…", time); }).code, "no-slug");
}

}  // namespace
}  // namespace crossfade::migrations
