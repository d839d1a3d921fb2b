#include "migrations/revision_target.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace crossfade::migrations {
namespace {

using Names = std::vector<std::string>;

RevisionDirectory directory(const std::vector<std::pair<std::string, std::string>>& texts) {
  std::vector<MigrationFile> files;
  for (const auto& [revision, text] : texts)
    files.push_back(parse_migration_text(revision, revision + ".sql", text));
  return {"migrations", std::move(files)};
}

Names names(const std::vector<const MigrationFile*>& files) {
  Names out;
  for (const MigrationFile* file : files) out.push_back(file->revision);
  return out;
}

template <typename Action>
Problem refusal(Action action) {
  try {
    action();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    EXPECT_FALSE(failure.problem().next.empty());
    return failure.problem();
  }
  ADD_FAILURE() << "not refused";
  return {};
}

Names up(const RevisionDirectory& revisions, const Names& applied, std::string_view target) {
  return names(revisions_to_apply(revisions, applied, target));
}
Names down(const RevisionDirectory& revisions, const Names& applied, std::string_view target) {
  return names(revisions_to_take_back(revisions, applied, target));
}
Problem no_up(const RevisionDirectory& revisions, const Names& applied, std::string_view target) {
  return refusal([&] { revisions_to_apply(revisions, applied, target); });
}
Problem no_down(const RevisionDirectory& revisions, const Names& applied, std::string_view target) {
  return refusal([&] { revisions_to_take_back(revisions, applied, target); });
}

class Chain : public ::testing::Test {
 protected:
  const RevisionDirectory revisions_ = directory(
      {{"1-first", ""}, {"2-second", "-- crossfade:labels middle"}, {"3-third", ""}, {"4-fourth", ""}});
};

TEST_F(Chain, GoesUpToTheOnlyHeadByDefault) {
  EXPECT_EQ(names(revisions_to_apply(revisions_, {})), (Names{"1-first", "2-second", "3-third", "4-fourth"}));
  EXPECT_EQ(up(revisions_, {"1-first", "2-second"}, "head"), (Names{"3-third", "4-fourth"}));
  EXPECT_EQ(up(revisions_, {"1-first", "2-second"}, "heads"), (Names{"3-third", "4-fourth"}));
  EXPECT_EQ(up(revisions_, {"1-first", "2-second", "3-third", "4-fourth"}, "head"), Names{});
}

TEST_F(Chain, GoesUpToARevisionByAnyOfItsNames) {
  EXPECT_EQ(up(revisions_, {}, "2-second"), (Names{"1-first", "2-second"}));
  EXPECT_EQ(up(revisions_, {"1-first"}, "3"), (Names{"2-second", "3-third"}));
  EXPECT_EQ(up(revisions_, {}, "middle"), (Names{"1-first", "2-second"}));
  EXPECT_EQ(up(revisions_, {"1-first", "2-second", "3-third"}, "middle"), Names{});
  EXPECT_EQ(up(revisions_, {}, "base"), Names{});
  EXPECT_EQ(no_up(revisions_, {}, "x").code, "no-such-revision");
  EXPECT_EQ(no_up(revisions_, {}, "").code, "bad-target");
}

TEST_F(Chain, TakesSteps) {
  EXPECT_EQ(up(revisions_, {}, "+2"), (Names{"1-first", "2-second"}));
  EXPECT_EQ(up(revisions_, {"1-first"}, "+1"), Names{"2-second"});
  EXPECT_EQ(up(revisions_, {"1-first"}, "current+1"), Names{"2-second"});
  EXPECT_EQ(up(revisions_, {}, "2-second+1"), (Names{"1-first", "2-second", "3-third"}));
  EXPECT_EQ(up(revisions_, {}, "base+2"), (Names{"1-first", "2-second"}));
  EXPECT_EQ(up(revisions_, {}, "head-2"), (Names{"1-first", "2-second"}));
  EXPECT_EQ(up(revisions_, {}, "middle@+1"), Names{"1-first"});
  EXPECT_EQ(up(revisions_, {"1-first"}, "middle@+2"), (Names{"2-second", "3-third"}));
  const Problem problem = no_up(revisions_, {"1-first"}, "+4");
  EXPECT_EQ(problem.code, "too-few-revisions");
  EXPECT_EQ(problem.found, "3");
  EXPECT_EQ(no_up(revisions_, {}, "head+1").code, "too-few-revisions");
  EXPECT_EQ(no_up(revisions_, {}, "1-first-1").code, "too-few-revisions");
  for (const std::string_view target : {"-1", "+0", "middle@-1", "+", "+99999999999", "@head", "middle@"}) {
    const std::string code = no_up(revisions_, {"1-first", "2-second"}, target).code;
    EXPECT_TRUE(code == "bad-target" || code == "no-such-revision") << target << " " << code;
  }
}

TEST_F(Chain, ANameWithADashIsNotTakenApart) {
  const RevisionDirectory dashes =
      directory({{"2026-01", ""}, {"2026-01-2", ""}, {"a+1", ""}, {"b@head", ""}});
  EXPECT_EQ(up(dashes, {}, "2026-01"), Names{"2026-01"});
  EXPECT_EQ(up(dashes, {}, "2026-01-2"), (Names{"2026-01", "2026-01-2"}));
  EXPECT_EQ(up(dashes, {}, "2026-01+1"), (Names{"2026-01", "2026-01-2"}));
  EXPECT_EQ(up(dashes, {}, "a+1").size(), 3U);
  EXPECT_EQ(up(dashes, {}, "b@head").size(), 4U);
}

TEST_F(Chain, TakesTheLastOneBackByDefault) {
  const Names applied = {"1-first", "2-second", "3-third"};
  EXPECT_EQ(names(revisions_to_take_back(revisions_, applied)), Names{"3-third"});
  EXPECT_EQ(down(revisions_, applied, "-2"), (Names{"3-third", "2-second"}));
  EXPECT_EQ(down(revisions_, applied, "current-1"), Names{"3-third"});
  EXPECT_EQ(down(revisions_, applied, "base"), (Names{"3-third", "2-second", "1-first"}));
  EXPECT_EQ(down(revisions_, applied, "1"), (Names{"3-third", "2-second"}));
  EXPECT_EQ(down(revisions_, applied, "head-2"), Names{"3-third"});
  EXPECT_EQ(down(revisions_, applied, "3-third"), Names{});
  EXPECT_EQ(down(revisions_, applied, "current"), Names{});
  EXPECT_EQ(no_down(revisions_, applied, "-4").found, "3");
  EXPECT_EQ(no_down(revisions_, {}, "-1").code, "too-few-revisions");
  EXPECT_EQ(no_down(revisions_, applied, "head").code, "not-applied");
  EXPECT_EQ(no_down(revisions_, applied, "+1").code, "bad-target");
  EXPECT_EQ(down(revisions_, {"1-first", "gone"}, "base"), Names{"1-first"});
}

// 1 ── a1 ── a2 ── m ── z
//  └── b1 ── b2 ──┘
//  └── c1, which depends on b1
class Branches : public ::testing::Test {
 protected:
  const RevisionDirectory revisions_ =
      directory({{"1", ""},
                 {"a1", "-- crossfade:revises 1\n-- crossfade:labels billing"},
                 {"a2", "-- crossfade:revises a1"},
                 {"b1", "-- crossfade:revises 1\n-- crossfade:labels stock"},
                 {"b2", "-- crossfade:revises b1"},
                 {"c1", "-- crossfade:revises 1\n-- crossfade:depends-on b1\n-- crossfade:labels crm"},
                 {"m", "-- crossfade:revises a2, b2"},
                 {"z", "-- crossfade:revises m"}});
};

TEST_F(Branches, NameTheirHeadsWhereOneIsWanted) {
  const Problem problem = no_up(revisions_, {}, "head");
  EXPECT_EQ(problem.code, "several-heads");
  EXPECT_EQ(problem.found, "c1, z");
  EXPECT_EQ(up(revisions_, {}, "heads").size(), 8U);
  EXPECT_EQ(up(revisions_, {"1", "b1"}, "crm@head"), Names{"c1"});
  EXPECT_EQ(up(revisions_, {"1", "a1", "b1"}, "billing@head"), (Names{"a2", "b2", "m", "z"}));
  EXPECT_EQ(no_up(revisions_, {}, "1@head").found, "c1, z");
  EXPECT_EQ(up(revisions_, {}, "1@heads").size(), 8U);
}

TEST_F(Branches, BringWhatARevisionDependsOn) {
  EXPECT_EQ(up(revisions_, {}, "c1"), (Names{"1", "b1", "c1"}));
  EXPECT_EQ(up(revisions_, {"1", "a1"}, "m"), (Names{"a2", "b1", "b2", "m"}));
}

TEST_F(Branches, AreAmbiguousForAStepThatDoesNotSayWhich) {
  const Problem problem = no_up(revisions_, {"1"}, "+1");
  EXPECT_EQ(problem.code, "ambiguous-step");
  EXPECT_EQ(problem.found, "a1, b1, c1");
  EXPECT_EQ(up(revisions_, {}, "+1"), Names{"1"});
  EXPECT_EQ(up(revisions_, {"1"}, "stock@+1"), Names{"b1"});
  EXPECT_EQ(up(revisions_, {"1"}, "crm@+1"), (Names{"b1", "c1"}));
  EXPECT_EQ(up(revisions_, {}, "stock@+2"), (Names{"1", "b1"}));
  EXPECT_EQ(up(revisions_, {"1", "a1"}, "+1"), Names{"a2"}) << "it continues what is applied";
  EXPECT_EQ(up(revisions_, {"1", "a1", "a2", "b1", "b2"}, "+2"), (Names{"m", "z"}));
  EXPECT_EQ(no_up(revisions_, {}, "1+1").code, "ambiguous-step");
  EXPECT_EQ(no_up(revisions_, {}, "m-1").found, "a2, b2");
  EXPECT_EQ(up(revisions_, {"1"}, "stock@m-1"), (Names{"b1", "b2"}));
  EXPECT_EQ(no_up(revisions_, {}, "billing@b1").code, "not-on-branch");
}

TEST_F(Branches, AreTakenBackChildrenAndDependentsFirst) {
  const Names all = {"1", "a1", "a2", "b1", "b2", "c1", "m", "z"};
  EXPECT_EQ(down(revisions_, all, "base"), (Names{"z", "m", "c1", "b2", "b1", "a2", "a1", "1"}));
  EXPECT_EQ(down(revisions_, all, "b1"), (Names{"z", "m", "c1", "b2"})) << "c1 depends on b1";
  EXPECT_EQ(down(revisions_, all, "a2"), (Names{"z", "m"})) << "b2 stays";
  EXPECT_EQ(down(revisions_, all, "stock@base"), (Names{"z", "m", "c1", "b2", "b1"}));
  EXPECT_EQ(down(revisions_, {"1", "b1", "c1"}, "-1"), Names{"c1"}) << "b1 is needed by c1";
  EXPECT_EQ(down(revisions_, {"1", "b1", "c1"}, "stock@-1"), (Names{"c1", "b1"}));
  const Problem problem = no_down(revisions_, all, "-1");
  EXPECT_EQ(problem.code, "ambiguous-step");
  EXPECT_EQ(problem.found, "c1, z");
  EXPECT_NE(problem.next.find("c1@-1"), std::string::npos);
  EXPECT_EQ(down(revisions_, all, "crm@-1"), Names{"c1"});
  EXPECT_EQ(down(revisions_, {"1", "a1", "a2", "b1", "b2", "m"}, "-1"), Names{"m"});
  EXPECT_EQ(no_down(revisions_, {"1", "a1", "a2", "b1", "b2", "m"}, "-2").found, "a2, b2");
  EXPECT_EQ(no_down(revisions_, {"1", "a1"}, "heads").code, "not-applied");
}

TEST_F(Branches, SeveralFirstRevisionsDoNotGoTogether) {
  const RevisionDirectory roots =
      directory({{"a1", ""}, {"b1", "-- crossfade:revises base\n-- crossfade:labels b"}, {"b2", ""}});
  EXPECT_EQ(down(roots, {"a1", "b1", "b2"}, "b@base"), (Names{"b2", "b1"}));
  EXPECT_EQ(down(roots, {"a1", "b1"}, "b@-1"), Names{"b1"});
  EXPECT_EQ(no_down(roots, {"a1", "b1"}, "-1").found, "a1, b1");
  EXPECT_EQ(no_down(roots, {"a1", "b1"}, "b1-1").code, "too-few-revisions");
  EXPECT_EQ(no_up(roots, {}, "+1").found, "a1, b1");
  EXPECT_EQ(up(roots, {}, "b@+1"), Names{"b1"});
}

TEST_F(Branches, NamesMeanOneRevisionOrSeveral) {
  const Names applied = {"1", "a1", "b1"};
  EXPECT_EQ(named_revisions(revisions_, applied, "current"), (RevisionSet{"a1", "b1"}));
  EXPECT_EQ(named_revisions(revisions_, applied, "billing@current"), RevisionSet{"a1"});
  EXPECT_EQ(named_revisions(revisions_, applied, "heads"), (RevisionSet{"c1", "z"}));
  EXPECT_EQ(named_revisions(revisions_, applied, "stock@-1"), RevisionSet{"a1"});
  EXPECT_TRUE(named_revisions(revisions_, applied, "base").empty());
  EXPECT_EQ(named_revision(revisions_, applied, "stock").revision, "b1");
  EXPECT_EQ(refusal([&] { named_revision(revisions_, applied, "current"); }).found, "a1, b1");
  EXPECT_EQ(refusal([&] { named_revision(revisions_, applied, "base"); }).code, "bad-target");
}

TEST_F(Branches, AreMovedOneAtATime) {
  const auto at = [this](const Names& applied, const Names& targets) {
    return state_at(revisions_, applied, targets);
  };
  EXPECT_EQ(at({}, {"heads"}).size(), 8U);
  EXPECT_EQ(at({}, {"a1", "b1"}), (RevisionSet{"1", "a1", "b1"}));
  EXPECT_EQ(at({"1", "a1", "a2", "b1", "gone"}, {"a1"}), (RevisionSet{"1", "a1", "b1", "gone"}));
  EXPECT_EQ(at({"1", "b1", "b2", "c1"}, {"b1"}), (RevisionSet{"1", "b1"}));
  EXPECT_EQ(at({"1", "a1", "gone"}, {"base"}), RevisionSet{});
  EXPECT_EQ(at({"1", "a1", "b1"}, {"stock@base"}), (RevisionSet{"1", "a1"}));
  EXPECT_EQ(at({"1", "a1"}, {"-1"}), RevisionSet{"1"});
  EXPECT_EQ(at({"1", "a1"}, {"+1"}), (RevisionSet{"1", "a1", "a2"}));
  EXPECT_EQ(refusal([&] { at({"1"}, {"base", "a1"}); }).code, "bad-target");
}

}  // namespace
}  // namespace crossfade::migrations
