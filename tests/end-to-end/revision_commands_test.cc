// The commands on the graph of revisions, with the real binary and a real database: what they print, what
// they record, and that bad input changes nothing.
#include "tests/end-to-end/product.h"

#include <fmt/format.h>

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using Names = std::set<std::string>;
using List = std::vector<std::string>;

List list(const Answer& answer, std::string_view pointer) {
  List out;
  for (const boost::json::value& value : at(answer.document, pointer).as_array())
    out.emplace_back(value.as_string());
  return out;
}

// 0001 ── 0002_a ── 0004_m
//   └──── 0003_b ────┘
class Branches : public ::testing::Test {
 protected:
  Branches() {
    product_.write("0001_first.sql", "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 1;\n");
    product_.write("0002_a.sql", "-- crossfade:labels billing\nSELECT 1; SELECT 2;\n");
    product_.write("0003_b.sql", "-- crossfade:revises 0001_first\nSELECT 3;\n");
  }
  void merge() { product_.write("0004_m.sql", "-- crossfade:revises 0002_a, 0003_b\nSELECT 4;\n"); }

  Answer expect(std::vector<std::string> arguments, int exit_code) {
    Answer answer = product_.ask(std::move(arguments));
    EXPECT_EQ(answer.exit_code(), exit_code) << describe(answer.finished);
    EXPECT_EQ(answer.document.at("exit_code").as_int64(), exit_code);
    return answer;
  }
  std::string text(std::vector<std::string> arguments) {
    const Finished finished = product_.run(std::move(arguments));
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    return finished.output;
  }
  List applied() {
    if (!product_.has_journal()) return {};
    return product_.database().column("SELECT revision FROM crossfade.revisions ORDER BY 1");
  }
  std::string events(const std::string& what) {
    return product_.database().scalar("SELECT count(*) FROM crossfade.events WHERE what = '" + what + "'");
  }

  Product product_;
};

TEST_F(Branches, HeadsAreNamedWithoutADatabase) {
  const Finished finished = run_crossfade({"--format", "json", "--database", "host=/nowhere dbname=shop",
                                           "--dir", product_.folder().path().string(), "heads"});
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(boost::json::serialize(parse_document(finished.output).at("heads")), R"(["0002_a","0003_b"])");
  EXPECT_EQ(text({"heads"}), "0002_a (head) [billing]\n0003_b (head)\n");
  merge();
  EXPECT_EQ(list(expect({"heads"}, 0), "/heads"), List{"0004_m"});
}

TEST_F(Branches, CurrentIsWhatNothingAppliedBuildsOn) {
  EXPECT_EQ(list(expect({"current"}, 0), "/current"), List{});
  EXPECT_EQ(text({"current"}), "nothing is applied\n");
  EXPECT_FALSE(product_.has_journal()) << "reading creates nothing";
  expect({"stamp", "heads"}, 0);
  EXPECT_EQ(list(expect({"current"}, 0), "/current"), (List{"0002_a", "0003_b"}));
  EXPECT_EQ(text({"current"}), "0002_a (head) [billing]\n0003_b (head)\n");
  const std::string verbose = text({"current", "--verbose"});
  EXPECT_THAT(verbose, HasSubstr("0001_first -> 0002_a"));
  EXPECT_THAT(verbose, HasSubstr("by keeper, without a run"));
  EXPECT_EQ(expect({"status"}, 0).text("/current"), R"(["0002_a","0003_b"])");
  std::filesystem::remove(product_.folder().path() / "0003_b.sql");
  EXPECT_THAT(text({"current"}), HasSubstr("0003_b (no file)"));
}

TEST_F(Branches, HistoryIsNewestFirst) {
  merge();
  const Answer fresh = expect({"history"}, 0);
  EXPECT_EQ(fresh.text("/revisions/0/revision"), "0004_m");
  EXPECT_EQ(members(at(fresh.document, "/revisions/0")),
            (Names{"revision", "revises", "depends_on", "labels", "applied", "applied_at", "path", "is_head",
                   "is_branch_point", "is_merge"}));
  EXPECT_EQ(fresh.text("/revisions/0/revises"), R"(["0002_a","0003_b"])");
  EXPECT_EQ(fresh.text("/revisions/0/is_merge"), "true");
  EXPECT_EQ(fresh.text("/revisions/0/is_head"), "true");
  EXPECT_EQ(fresh.text("/revisions/0/applied"), "false");
  EXPECT_EQ(fresh.text("/revisions/0/applied_at"), "null");
  EXPECT_EQ(fresh.text("/revisions/2/labels"), R"(["billing"])");
  EXPECT_EQ(fresh.text("/revisions/3/is_branch_point"), "true");
  expect({"stamp", "billing"}, 0);
  EXPECT_EQ(text({"history"}),
            "pending  0002_a, 0003_b -> 0004_m (head, merge)\n"
            "pending  0001_first -> 0003_b\n"
            "applied  0001_first -> 0002_a [billing]\n"
            "applied  base -> 0001_first (branch point)\n");
  EXPECT_THAT(text({"history", "--verbose"}), HasSubstr("0003_b.sql"));
  EXPECT_EQ(expect({"history"}, 0).text("/revisions/2/applied"), "true");
}

TEST_F(Branches, HistoryShowsARange) {
  merge();
  expect({"stamp", "billing"}, 0);
  const auto names = [&](const std::string& range) {
    const Answer answer = expect({"history", "--range", range}, 0);
    std::string out;
    for (const boost::json::value& each : at(answer.document, "/revisions").as_array())
      out += text_at(each, "/revision").substr(0, 4) + " ";
    return out;
  };
  EXPECT_EQ(names("billing:"), "0004 0002 ");
  EXPECT_EQ(names(":current"), "0002 0001 ");
  EXPECT_EQ(names("base:head"), "0004 0003 0002 0001 ");
  EXPECT_EQ(names("0001:0003"), "0003 0001 ");
  EXPECT_EQ(names("0003:0002"), "");
  EXPECT_EQ(names("current-1:current"), "0002 0001 ");
}

TEST_F(Branches, HistoryAndShowWorkWithoutADatabase) {
  for (const std::string command : {"history", "show"}) {
    std::vector<std::string> arguments = {"--database", "host=/nowhere dbname=shop", "--dir",
                                          product_.folder().path().string(), command};
    if (command == "show") arguments.emplace_back("0002");
    const Finished shown = run_crossfade(arguments);
    EXPECT_EQ(shown.exit_code, 0) << describe(shown);
    EXPECT_THAT(shown.output, HasSubstr("known: "));
    arguments.insert(arguments.begin(), {"--format", "json"});
    const boost::json::value document = parse_document(run_crossfade(arguments).output);
    EXPECT_EQ(text_at(document, command == "show" ? "/applied" : "/revisions/0/applied"), "null");
  }
}

TEST_F(Branches, ShowTellsAboutOneRevision) {
  merge();
  const Answer fresh = expect({"show", "billing"}, 0);
  EXPECT_EQ(fresh.text("/revision"), "0002_a");
  EXPECT_EQ(fresh.text("/children"), R"(["0004_m"])");
  EXPECT_EQ(fresh.text("/statements"), "2");
  EXPECT_EQ(fresh.text("/fingerprint").size(), 32U);
  EXPECT_EQ(fresh.text("/applied_by"), "null");
  expect({"stamp", "0002"}, 0);
  const Answer answer = expect({"show", "current"}, 0);
  EXPECT_EQ(answer.text("/revision"), "0002_a");
  EXPECT_EQ(answer.text("/applied"), "true");
  EXPECT_EQ(answer.text("/applied_by"), "keeper");
  const std::string shown = text({"show", "0001_first"});
  EXPECT_THAT(shown, HasSubstr("followed by: 0002_a, 0003_b"));
  EXPECT_THAT(shown, HasSubstr("statements: 1; down section: yes"));
  EXPECT_THAT(shown, HasSubstr("by keeper, without a run"));
  product_.write("0002_a.sql", "-- crossfade:labels billing\nSELEKT;\n");
  const Answer broken = expect({"show", "0002"}, 2);
  EXPECT_EQ(broken.error_code(), "syntax-error");
  EXPECT_EQ(broken.text("/statements"), "null");
  EXPECT_EQ(broken.text("/applied"), "true");
}

TEST_F(Branches, StampRecordsWithoutRunningAndMovesBack) {
  merge();
  product_.write("0005_never.sql", "this is no SQL, and nobody runs it");
  const Answer up = expect({"stamp", "0002_a"}, 0);
  EXPECT_EQ(list(up, "/stamped"), (List{"0001_first", "0002_a"}));
  EXPECT_EQ(list(up, "/removed"), List{});
  EXPECT_EQ(list(expect({"stamp", "head"}, 0), "/stamped"), (List{"0003_b", "0004_m", "0005_never"}));
  const Answer back = expect({"stamp", "billing"}, 0);
  EXPECT_EQ(list(back, "/removed"), (List{"0005_never", "0004_m"}));
  EXPECT_EQ(applied(), (List{"0001_first", "0002_a", "0003_b"}));
  EXPECT_EQ(events("stamp"), "3");
  EXPECT_EQ(product_.database().scalar(
                "SELECT detail ->> 'removed' FROM crossfade.events ORDER BY event DESC LIMIT 1"),
            R"(["0005_never", "0004_m"])");
  const Answer again = expect({"stamp", "billing"}, 0);
  EXPECT_EQ(again.text("/stamped") + again.text("/removed"), "[][]");
  EXPECT_EQ(events("stamp"), "3") << "what changes nothing is no event";
  EXPECT_EQ(list(expect({"stamp", "billing@base"}, 0), "/removed"), List{"0002_a"});
  EXPECT_EQ(list(expect({"stamp", "-1"}, 0), "/removed"), List{"0003_b"});
  EXPECT_EQ(list(expect({"stamp", "base"}, 0), "/removed"), List{"0001_first"});
  EXPECT_EQ(applied(), List{});
  EXPECT_EQ(text({"stamp", "0001"}), "recorded as applied: 0001_first\n");
}

TEST_F(Branches, StampPurgeForgetsWhatHasNoFile) {
  expect({"stamp", "heads"}, 0);
  std::filesystem::remove(product_.folder().path() / "0003_b.sql");
  EXPECT_EQ(list(expect({"stamp", "0002_a"}, 0), "/removed"), List{});
  const Answer answer = expect({"stamp", "--purge", "0002_a"}, 0);
  EXPECT_EQ(list(answer, "/removed"), List{"0003_b"});
  EXPECT_EQ(list(answer, "/stamped"), List{});
  expect({"repair"}, 0);
}

TEST_F(Branches, TwoStampsAtOnceAgree) {
  Process first(product_.command({"stamp", "heads"}));
  Process second(product_.command({"stamp", "heads"}));
  EXPECT_EQ(first.wait().exit_code, 0) << first.errors();
  EXPECT_EQ(second.wait().exit_code, 0) << second.errors();
  EXPECT_EQ(applied(), (List{"0001_first", "0002_a", "0003_b"}));
  EXPECT_EQ(events("stamp"), "1");
}

TEST_F(Branches, AStampWaitsForAnotherAndThenLooksAgain) {
  expect({"stamp", "0001"}, 0);
  const auto other = product_.database().application_session("keeper");
  other->run({"test.hold", fmt::format("BEGIN; SELECT pg_advisory_xact_lock({}, 0);"
                                       "INSERT INTO crossfade.revisions VALUES ('0002_a', 'other')",
                                       0x63660005)});
  Process stamp(product_.command({"stamp", "heads"}));
  EXPECT_FALSE(stamp.wait_for(std::chrono::milliseconds(700)).has_value());
  other->run({"test.hold", "COMMIT"});
  const Finished finished = stamp.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(finished.output, "recorded as applied: 0003_b\n");
}

TEST_F(Branches, BadInputIsRefusedAndChangesNothing) {
  const struct {
    std::vector<std::string> arguments;
    int exit_code;
    std::string code;
    std::string words;
  } mistakes[] = {
      {{"stamp"}, 2, "usage", "--from"},
      {{"stamp", "head"}, 2, "several-heads", "0002_a, 0003_b"},
      {{"stamp", "nothing"}, 2, "no-such-revision", "nothing"},
      {{"stamp", "000"}, 2, "ambiguous-revision", "0001_first, 0002_a, 0003_b"},
      {{"stamp", "base", "0001"}, 2, "bad-target", "base"},
      {{"stamp", "+9"}, 2, "ambiguous-step", "0002_a, 0003_b"},
      {{"stamp", "--from", "flyway"}, 2, "usage", "flyway"},
      {{"stamp", "--from", "dbmate", "0001"}, 2, "usage", "both"},
      {{"stamp", "--table", "x", "0001"}, 2, "usage", "--table"},
      {{"stamp", "--from", "dbmate"}, 5, "no-such-table", "schema_migrations"},
      {{"stamp", "--from", "dbmate", "--table", "a.b.c"}, 2, "bad-table-name", "a.b.c"},
      {{"show", "nothing"}, 2, "no-such-revision", "nothing"},
      {{"show", "heads"}, 2, "ambiguous-revision", "0002_a, 0003_b"},
      {{"show"}, 2, "usage", "revision"},
      {{"history", "--range", "0001"}, 2, "bad-range", "0001"},
      {{"history", "--range", "0001:nothing"}, 2, "no-such-revision", "nothing"},
      {{"merge", "0002_a"}, 2, "nothing-to-merge", "two"},
      {{"merge", "0001", "0003"}, 2, "not-a-head", "0001_first"},
      {{"merge"}, 2, "usage", "revisions"},
      {{"new", "more"}, 2, "several-heads", "--revises 0002_a"},
      {{"new", "more", "--revises", "nothing"}, 2, "no-such-revision", "nothing"},
      {{"new", "more", "--revises", "0002", "--label", "billing"}, 2, "duplicate-label", "billing"},
      {{"new", "more", "--revises", "0002", "--depends-on", "nothing"}, 2, "no-such-revision", "nothing"},
      {{"new", "more", "--revises", "0002", "--template", "0000_slug"}, 2, "order-by-name", "0001_first"},
  };
  for (const auto& mistake : mistakes) {
    SCOPED_TRACE(testing::PrintToString(mistake.arguments));
    const Answer answer = expect(mistake.arguments, mistake.exit_code);
    EXPECT_EQ(answer.error_code(), mistake.code);
    EXPECT_THAT(boost::json::serialize(answer.document.at("error")), HasSubstr(mistake.words));
    EXPECT_NE(answer.text("/error/next"), "null");
  }
  EXPECT_FALSE(product_.has_journal());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(product_.folder().path()), {}), 3);
}

TEST_F(Branches, MergeMakesAFileThatJoinsHeads) {
  const Answer answer = expect({"merge", "billing", "0003"}, 0);
  EXPECT_THAT(answer.text("/revision"), HasSubstr("merge_0002_a_and_0003_b"));
  std::ifstream stream(answer.text("/path"));
  const std::string file((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  EXPECT_THAT(file, HasSubstr("-- crossfade:revises 0002_a, 0003_b\n"));
  EXPECT_EQ(list(expect({"heads"}, 0), "/heads"), List{answer.text("/revision")});
  expect({"merge", "heads"}, 2);
}

TEST_F(Branches, MergeOfHeadsTakesAMessage) {
  const Answer answer = expect({"merge", "heads", "-m", "Join billing"}, 0);
  EXPECT_THAT(answer.text("/revision"), HasSubstr("join_billing"));
}

TEST_F(Branches, ARevisionWithoutStatementsIsSaidToBeAppliedAndTakenBack) {
  expect({"merge", "heads", "-m", "Join billing"}, 0);
  expect({"stamp", "heads"}, 0);
  expect({"stamp", "0002_a", "0003_b"}, 0);
  EXPECT_THAT(text({"up"}), HasSubstr("join_billing: applied; nothing of it was left to run\n"));
  EXPECT_THAT(text({"down", "--generated", "-1"}), HasSubstr("join_billing: taken back; nothing of it was"));
}

TEST_F(Branches, NewPutsAFileWhereItIsToldTo) {
  const Answer branch =
      expect({"new", "more", "--head", "billing@head", "--label", "more,extra", "--depends-on", "0003"}, 0);
  const Answer shown = expect({"show", "extra"}, 0);
  EXPECT_EQ(shown.text("/revision"), branch.text("/revision"));
  EXPECT_EQ(shown.text("/revises"), R"(["0002_a"])");
  EXPECT_EQ(shown.text("/depends_on"), R"(["0003_b"])");
  EXPECT_EQ(shown.text("/labels"), R"(["more","extra"])");
}

TEST(NewRevision, FollowsTheOnlyHeadWhateverItsName) {
  Product product;
  const std::string first = product.ask({"new", "first"}).text("/revision");
  product.write("zzz_last.sql", "-- crossfade:revises " + first + "\nSELECT 1;");
  const Answer answer = product.ask({"new", "second"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_EQ(product.ask({"show", answer.text("/revision")}).text("/revises"), R"(["zzz_last"])");
  EXPECT_EQ(product.ask({"heads"}).text("/heads"), "[\"" + answer.text("/revision") + "\"]");
  EXPECT_EQ(product.ask({"new", "root", "--revises", "base"}).exit_code(), 0);
  EXPECT_EQ(at(product.ask({"heads"}).document, "/heads").as_array().size(), 2U);
}

TEST_F(Branches, RepairNamesWhatDoesNotFitAndChangesNothing) {
  merge();
  expect({"repair"}, 0);
  EXPECT_FALSE(product_.has_journal());
  expect({"stamp", "head"}, 0);
  EXPECT_EQ(text({"repair"}), "the files and the journal agree\n");
  product_.write("0002_a.sql", "-- crossfade:labels billing\nSELECT 1; SELECT 22;\n");
  product_.write("0000_before.sql", "SELECT 0;\n");
  product_.write("0003_b.sql", "-- crossfade:revises 0000_before\nSELECT 3;\n");
  product_.database().execute("INSERT INTO crossfade.revisions VALUES ('0000_gone', 'x')");
  const Answer found = expect({"repair"}, 5);
  EXPECT_EQ(found.text("/edited/0/revision"), "0002_a");
  EXPECT_EQ(members(at(found.document, "/edited/0")), (Names{"revision", "path", "expected", "found"}));
  EXPECT_EQ(found.text("/edited/1/revision"), "0003_b");
  EXPECT_EQ(found.text("/missing/0/revision"), "0000_gone");
  EXPECT_EQ(found.text("/out_of_order/0/revision"), "0000_before");
  EXPECT_EQ(found.text("/out_of_order/0/applied_after"), R"(["0004_m"])");
  EXPECT_EQ(found.text("/accepted"), "[]");
  EXPECT_EQ(found.error_code(), "edited-file");
  EXPECT_THAT(found.text("/error/found"), HasSubstr("0000_gone"));
  EXPECT_EQ(events("repair"), "0");

  const Answer accepted = expect({"repair", "--accept", "billing"}, 5);
  EXPECT_EQ(list(accepted, "/accepted"), List{"0002_a"});
  EXPECT_EQ(accepted.text("/edited/0/revision"), "0003_b");
  EXPECT_EQ(events("repair"), "1");
  EXPECT_EQ(list(expect({"repair", "--accept", "billing"}, 5), "/accepted"), List{});
  EXPECT_EQ(events("repair"), "1");
  EXPECT_EQ(expect({"repair", "--accept", "0000_before"}, 2).error_code(), "not-applied");

  const Answer all = expect({"repair", "--all"}, 5);
  EXPECT_EQ(list(all, "/accepted"), List{"0003_b"});
  EXPECT_EQ(all.error_code(), "missing-file");
  expect({"stamp", "--purge", "head"}, 0);
  expect({"repair"}, 0);
}

TEST_F(Branches, PlanAndUpRefuseWhatRepairNames) {
  merge();
  expect({"stamp", "head"}, 0);
  product_.write("0000_before.sql", "SELECT 0;\n");
  for (const std::string command : {"plan", "up"}) {
    const Answer answer = expect({command}, 5);
    EXPECT_EQ(answer.error_code(), "out-of-order");
    EXPECT_THAT(answer.text("/error/object"), HasSubstr("0000_before.sql"));
    EXPECT_THAT(answer.text("/error/next"), HasSubstr("crossfade stamp 0004_m"));
  }
  expect({"stamp", "0004_m"}, 0);
  expect({"plan"}, 0);
  product_.database().execute("INSERT INTO crossfade.revisions VALUES ('0000_gone', 'x')");
  for (const std::string command : {"plan", "up"}) {
    const Answer answer = expect({command}, 5);
    EXPECT_EQ(answer.error_code(), "missing-file");
    EXPECT_EQ(answer.text("/error/object"), "0000_gone");
    EXPECT_THAT(answer.text("/error/next"), HasSubstr("stamp --purge"));
  }
}

TEST(StampOfARun, IsRefusedWhileTheRunIsNotFinished) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_widen.sql", kWiden);
  ASSERT_EQ(product.ask({"up", "--postpone-cutover"}).exit_code(), 4);
  const Answer under_way = product.ask({"stamp", "head"});
  EXPECT_EQ(under_way.exit_code(), 5) << describe(under_way.finished);
  EXPECT_EQ(under_way.error_code(), "unfinished-run");
  ASSERT_EQ(product.ask({"cutover"}).exit_code(), 0);
  EXPECT_EQ(product.ask({"stamp", "head"}).exit_code(), 0) << "there is nothing to record";
  const Answer soaking = product.ask({"stamp", "base"});
  EXPECT_EQ(soaking.exit_code(), 5);
  EXPECT_THAT(soaking.text("/error/next"), HasSubstr("contract"));
  ASSERT_EQ(product.ask({"contract"}).exit_code(), 0);
  EXPECT_EQ(product.ask({"stamp", "base"}).text("/removed"), R"(["0001_widen"])");
  EXPECT_THAT(product.run({"show", "head"}).output, HasSubstr("not applied"));
}

class Adoption : public ::testing::Test {
 protected:
  List stamped(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "stamp");
    const Answer answer = product_.ask(std::move(arguments));
    EXPECT_EQ(answer.exit_code(), 0) << describe(answer.finished);
    return list(answer, "/stamped");
  }
  Answer refused(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "stamp");
    Answer answer = product_.ask(std::move(arguments));
    EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
    EXPECT_FALSE(product_.has_journal());
    return answer;
  }
  Product product_;
};

TEST_F(Adoption, OfDbmateTakesExactlyItsVersions) {
  product_.as("keeper",
              "CREATE TABLE schema_migrations (version varchar(128) PRIMARY KEY);"
              "INSERT INTO schema_migrations VALUES ('20240101120000'), ('20240301120000')");
  const std::string text = "-- migrate:up\nSELECT 1;\n-- migrate:down\n";
  product_.write("20240101120000_a.sql", text);
  product_.write("20240201120000_b.sql", text);
  EXPECT_EQ(refused({"--from", "dbmate"}).text("/error/found"), "20240301120000");
  product_.write("20240301120000_c.sql", text);
  EXPECT_EQ(stamped({"--from", "dbmate"}), (List{"20240101120000_a", "20240301120000_c"}));
  EXPECT_EQ(stamped({"--from", "dbmate"}), List{});
  EXPECT_EQ(product_.ask({"repair"}).text("/out_of_order/0/revision"), "20240201120000_b");
  EXPECT_EQ(product_.database().scalar("SELECT detail ->> 'from' FROM crossfade.events"), "dbmate");
}

TEST_F(Adoption, OfGooseTakesTheLastRowOfAVersion) {
  product_.as("keeper",
              "CREATE TABLE goose_db_version (id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,"
              " version_id bigint NOT NULL, is_applied boolean NOT NULL, tstamp timestamp DEFAULT now());"
              "INSERT INTO goose_db_version (version_id, is_applied) VALUES (0, true), (1, true), (2, true),"
              " (2, false), (3, true), (3, false), (3, true)");
  for (const std::string name : {"00001_a", "00002_b", "00003_c"})
    product_.write(name + ".sql", "-- +goose Up\nSELECT 1;\n");
  EXPECT_EQ(stamped({"--from", "goose"}), (List{"00001_a", "00003_c"}));
}

TEST_F(Adoption, OfAlembicTakesWhatItsHeadsNeed) {
  product_.as("keeper",
              "CREATE SCHEMA ops; CREATE TABLE ops.alembic_version (version_num varchar(32) PRIMARY KEY);"
              "INSERT INTO ops.alembic_version VALUES ('ae10'), ('27c6')");
  product_.write("1975_first.sql", "");
  product_.write("27c6_second.sql", "-- crossfade:revises 1975_first\n");
  product_.write("ae10_third.sql", "-- crossfade:revises 1975_first\n");
  product_.write("ae1027_fourth.sql", "-- crossfade:revises ae10_third\n");
  EXPECT_EQ(refused({"--from", "alembic"}).error_code(), "no-such-table");
  EXPECT_EQ(stamped({"--from", "alembic", "--table", "ops.alembic_version"}),
            (List{"1975_first", "27c6_second", "ae10_third"}));
}

TEST_F(Adoption, IsRefusedWhereAVersionIsTwoFilesOrTheTableIsAnother) {
  product_.as("keeper",
              "CREATE TABLE schema_migrations (version text); INSERT INTO schema_migrations VALUES ('1');"
              "CREATE TABLE goose_db_version (id integer)");
  product_.write("1_a.sql", "SELECT 1;");
  product_.write("1_b.sql", "SELECT 1;");
  EXPECT_EQ(refused({"--from", "dbmate"}).text("/error/found"), "1: 1_a, 1_b");
  EXPECT_EQ(refused({"--from", "goose"}).error_code(), "not-a-version-table");
}

}  // namespace
}  // namespace crossfade::tests
