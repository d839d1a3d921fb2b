// The documents of --format json, member by member: programs read them, so a member that is missing, renamed
// or of another type is a defect. Exactly one document on standard output, whatever happens; people's text
// without it.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using Names = std::set<std::string>;

Names with_common(Names own) {
  own.insert({"schema", "command", "exit_code", "error"});
  return own;
}

void expect_common(const Answer& answer, const std::string& command, int exit_code) {
  SCOPED_TRACE(describe(answer.finished));
  const boost::json::object& document = answer.document.as_object();
  EXPECT_EQ(answer.exit_code(), exit_code);
  EXPECT_EQ(document.at("schema").as_int64(), 1);
  EXPECT_EQ(document.at("command").as_string(), command);
  EXPECT_EQ(document.at("exit_code").as_int64(), exit_code);
  if (exit_code == 0) {
    EXPECT_TRUE(document.at("error").is_null());
    return;
  }
  const boost::json::object& error = document.at("error").as_object();
  EXPECT_EQ(members(error), (Names{"code", "object", "message", "expected", "found", "next"}));
  for (const char* always : {"code", "object", "message", "next"}) {
    ASSERT_TRUE(error.at(always).is_string()) << always;
    EXPECT_FALSE(error.at(always).as_string().empty()) << always;
  }
  for (const char* maybe : {"expected", "found"}) {
    EXPECT_TRUE(error.at(maybe).is_null() ||
                (error.at(maybe).is_string() && !error.at(maybe).as_string().empty()));
  }
}

void expect_run(const boost::json::value& value) {
  const boost::json::object& run = value.as_object();
  EXPECT_EQ(members(run), (Names{"run", "revision", "table", "strategy", "phase", "state", "resumed",
                                 "rows_copied", "keys_replayed", "verify", "cutover", "ms"}));
  EXPECT_TRUE(run.at("run").is_int64());
  EXPECT_EQ(run.at("table").as_string(), "public.accounts");
  EXPECT_EQ(run.at("strategy").as_string(), "shadow");
  EXPECT_TRUE(run.at("resumed").is_bool());
  EXPECT_TRUE(run.at("rows_copied").is_int64());
  EXPECT_TRUE(run.at("keys_replayed").is_int64());
  EXPECT_EQ(members(run.at("verify")), (Names{"mode", "rows", "differences", "not_compared"}));
  EXPECT_TRUE(run.at("verify").at("rows").is_int64());
  EXPECT_TRUE(run.at("verify").at("differences").is_int64());
  EXPECT_TRUE(run.at("verify").at("not_compared").is_array());
  if (!run.at("cutover").is_null()) {
    EXPECT_EQ(members(run.at("cutover")), (Names{"attempts", "wait_ms", "hold_ms"}));
    EXPECT_TRUE(run.at("cutover").at("attempts").is_int64());
    EXPECT_TRUE(run.at("cutover").at("hold_ms").is_number());
  }
  EXPECT_EQ(members(run.at("ms")), (Names{"copy", "build", "replay", "verify", "total"}));
  for (const auto& part : run.at("ms").as_object()) EXPECT_TRUE(part.value().is_number()) << part.key();
}

class Documents : public ::testing::Test {
 protected:
  Documents() {
    product_.as("keeper", kAccounts);
    product_.write("0001_widen.sql", kWiden);
  }
  Product product_;
};

TEST_F(Documents, OfUpAndTheCommandsOnARun) {
  const Answer postponed = product_.ask({"up", "--postpone-cutover"});
  expect_common(postponed, "up", 4);
  EXPECT_EQ(members(postponed.document), with_common({"runs"}));
  expect_run(at(postponed.document, "/runs/0"));

  const struct {
    std::vector<std::string> arguments;
    int exit_code;
  } steps[] = {{{"pause"}, 0}, {{"cutover"}, 4}, {{"resume"}, 4}, {{"cutover"}, 0}, {{"contract"}, 0}};
  for (const auto& step : steps) {
    const Answer answer = product_.ask(step.arguments);
    expect_common(answer, step.arguments.front(), step.exit_code);
    EXPECT_EQ(members(answer.document), with_common({"runs"}));
    expect_run(at(answer.document, "/runs/0"));
  }
  EXPECT_EQ(postponed.text("/runs/0/rows_copied"), "2000");

  product_.write("0002_text.sql", "ALTER TABLE accounts ALTER id TYPE text;\n");
  ASSERT_EQ(product_.ask({"up", "--postpone-cutover"}).exit_code(), 4);
  const Answer aborted = product_.ask({"abort"});
  expect_common(aborted, "abort", 0);
  expect_run(at(aborted.document, "/runs/0"));
}

TEST_F(Documents, OfARunThatIsNotThere) {
  for (const std::string command : {"pause", "resume", "cutover", "contract", "abort", "verify"}) {
    const Answer answer = product_.ask({command, "41"});
    expect_common(answer, command, 5);
    EXPECT_EQ(answer.error_code(), "no-such-run");
  }
}

TEST_F(Documents, OfEveryCommandThatCannotReachTheServer) {
  const struct {
    std::vector<std::string> arguments;
    Names own;
  } commands[] = {
      {{"init"}, {"changed"}},
      {{"lint"}, {"findings"}},
      {{"plan"}, {"fingerprint", "revisions", "refusals"}},
      {{"up"}, {"runs"}},
      {{"status"}, {"current", "heads", "runs"}},
      {{"current"}, {"current"}},
      {{"stamp", "head"}, {"stamped", "removed"}},
      {{"repair"}, {"edited", "missing", "out_of_order", "accepted"}},
      {{"pause"}, {"runs"}},
      {{"resume"}, {"runs"}},
      {{"cutover"}, {"runs"}},
      {{"contract"}, {"runs"}},
      {{"abort"}, {"runs"}},
      {{"verify"},
       {"run", "mode", "left", "right", "complete", "exact", "equal", "rows_left", "rows_right", "chunks",
        "keys_excluded", "not_compared", "differences", "examples"}},
      {{"doctor"}, {"findings"}},
  };
  for (const auto& command : commands) {
    std::vector<std::string> arguments = {"--format",   "json",
                                          "--database", "host=/nowhere dbname=shop",
                                          "--dir",      product_.folder().path().string()};
    arguments.insert(arguments.end(), command.arguments.begin(), command.arguments.end());
    Finished finished = run_crossfade(arguments);
    boost::json::value document = parse_document(finished.output);
    const Answer answer{std::move(finished), std::move(document)};
    expect_common(answer, command.arguments.front(), 1);
    EXPECT_EQ(members(answer.document), with_common(command.own));
    if (command.arguments.front() == "verify") {
      EXPECT_EQ(answer.text("/equal"), "null");
      EXPECT_EQ(answer.text("/complete"), "false");
    }
  }
}

TEST_F(Documents, OfStatus) {
  const Names run_names = {
      "run",     "revision",         "table", "phase", "state", "reason", "paused_by", "owner", "progress",
      "backlog", "oldest_xmin_age_s"};
  const Answer fresh = product_.ask({"status"});
  expect_common(fresh, "status", 0);
  EXPECT_EQ(members(fresh.document), with_common({"current", "heads", "runs"}));
  EXPECT_EQ(fresh.text("/heads"), "[\"0001_widen\"]");
  EXPECT_EQ(fresh.text("/current"), "[]");
  EXPECT_EQ(fresh.text("/runs"), "[]");

  auto blocker = product_.database().application_session("shop");
  blocker->run({"test.block", "BEGIN; UPDATE accounts SET balance = 1 WHERE id = 1"});
  Process up(product_.command({"up", "--progress", "plain"}));
  ASSERT_TRUE(up.wait_for_errors("waiting for")) << up.errors();
  const Answer working = product_.ask({"status"});
  const boost::json::value& run = at(working.document, "/runs/0");
  EXPECT_EQ(members(run), run_names);
  EXPECT_EQ(members(run.at("owner")), (Names{"pid", "host", "since"}));
  EXPECT_TRUE(run.at("owner").at("pid").is_int64());
  EXPECT_EQ(members(run.at("progress")), (Names{"rows_done", "rows_total", "rows_per_s", "eta_s"}));
  EXPECT_EQ(members(run.at("backlog")), (Names{"keys", "bytes", "oldest_s"}));
  EXPECT_EQ(run.at("phase").as_string(), "expanding");
  EXPECT_TRUE(run.at("paused_by").is_null());
  blocker->run({"test.block", "ROLLBACK"});
  ASSERT_EQ(up.wait().exit_code, 0);

  const Answer soaking = product_.ask({"status"});
  EXPECT_EQ(soaking.text("/current/0"), "0001_widen");
  EXPECT_EQ(members(at(soaking.document, "/runs/0")), run_names);
  EXPECT_EQ(soaking.text("/runs/0/phase"), "soaking");
  EXPECT_EQ(soaking.text("/runs/0/state"), "done");
  EXPECT_EQ(soaking.text("/runs/0/owner"), "null");
  EXPECT_EQ(soaking.text("/runs/0/reason"), "null");
}

TEST_F(Documents, OfPlan) {
  const Answer plan = product_.ask({"plan"});
  expect_common(plan, "plan", 0);
  EXPECT_EQ(members(plan.document), with_common({"fingerprint", "revisions", "refusals"}));
  EXPECT_TRUE(at(plan.document, "/fingerprint").is_string());
  EXPECT_EQ(plan.text("/refusals"), "[]");
  const boost::json::value& revision = at(plan.document, "/revisions/0");
  EXPECT_EQ(revision.at("revision").as_string(), "0001_widen");
  EXPECT_EQ(members(revision.at("estimate")), (Names{"rows", "disk_bytes", "wal_bytes", "seconds"}));
  std::int64_t number = 0;
  for (const boost::json::value& step : revision.at("steps").as_array()) {
    EXPECT_EQ(members(step), (Names{"number", "phase", "name", "strategy", "table", "sql", "locks",
                                    "in_transaction", "hazard", "reason"}));
    EXPECT_EQ(step.at("number").as_int64(), ++number);
    EXPECT_EQ(step.at("strategy").as_string(), "shadow");
    EXPECT_FALSE(step.at("sql").as_array().empty());
    EXPECT_TRUE(step.at("in_transaction").is_bool());
    for (const boost::json::value& lock : step.at("locks").as_array())
      EXPECT_EQ(members(lock), (Names{"relation", "mode"}));
  }
  EXPECT_GT(number, 5);
  EXPECT_EQ(product_.ask({"plan"}).text("/fingerprint"), plan.text("/fingerprint"));

  product_.as("keeper", "CREATE TABLE rich (copy accounts)");
  const Answer refused = product_.ask({"plan"});
  expect_common(refused, "plan", 5);
  EXPECT_EQ(members(at(refused.document, "/refusals/0")), (Names{"code", "object", "message", "next"}));

  product_.as("keeper", "DROP TABLE rich");
  ASSERT_EQ(product_.ask({"up"}).exit_code(), 0);
  const Answer nothing = product_.ask({"plan"});
  expect_common(nothing, "plan", 0);
  EXPECT_EQ(nothing.text("/revisions"), "[]");
}

TEST_F(Documents, OfVerify) {
  product_.as("keeper",
              "CREATE TABLE copy AS SELECT id::bigint + 9007199254740992 AS id, owner, balance FROM accounts;"
              "ALTER TABLE copy ADD PRIMARY KEY (id); CREATE TABLE other (LIKE copy INCLUDING ALL);"
              "INSERT INTO other SELECT * FROM copy; UPDATE other SET balance = -1 WHERE id % 2 = 1");
  const Answer answer = product_.ask({"verify", "copy", "--against", "other"});
  expect_common(answer, "verify", 3);
  EXPECT_EQ(
      members(answer.document),
      with_common({"run", "mode", "left", "right", "complete", "exact", "equal", "rows_left", "rows_right",
                   "chunks", "keys_excluded", "not_compared", "differences", "examples"}));
  EXPECT_EQ(members(at(answer.document, "/differences")), (Names{"missing", "extra", "changed"}));
  EXPECT_EQ(answer.text("/differences/changed"), "1000");
  EXPECT_EQ(members(at(answer.document, "/examples/0")), (Names{"key", "kind", "columns"}));
  EXPECT_TRUE(at(answer.document, "/examples/0/key/id").is_string());
  EXPECT_EQ(answer.text("/examples/0/key/id"), "9007199254740993");
}

TEST_F(Documents, OfInitNewAndDoctor) {
  const Answer init = product_.ask({"init"});
  expect_common(init, "init", 0);
  EXPECT_EQ(members(init.document), with_common({"changed"}));
  const Answer made = product_.ask({"new", "something"});
  expect_common(made, "new", 0);
  EXPECT_EQ(members(made.document), with_common({"revision", "path"}));
  const Answer clean = product_.ask({"doctor"});
  expect_common(clean, "doctor", 0);
  EXPECT_EQ(clean.text("/findings"), "[]");

  product_.as("keeper", "CREATE SCHEMA crossfade_99");
  const Answer found = product_.ask({"doctor"});
  expect_common(found, "doctor", 1);
  EXPECT_EQ(members(at(found.document, "/findings/0")),
            (Names{"code", "object", "message", "expected", "found", "next"}));
}

TEST_F(Documents, OptionsStandBeforeOrBehindTheCommand) {
  const std::string database = product_.database().connection_string("keeper");
  const std::string folder = product_.folder().path().string();
  const std::vector<std::string> orders[] = {
      {"--format", "json", "--database", database, "--dir", folder, "status"},
      {"status", "--format", "json", "--database", database, "--dir", folder},
      {"--format=json", "status", "--database=" + database, "--dir=" + folder},
      {"--dir", folder, "plan", "--sql", "--format", "json", "--database", database},
  };
  for (const auto& arguments : orders) {
    const Finished finished = run_crossfade(arguments);
    EXPECT_EQ(finished.exit_code, 0) << describe(finished);
    EXPECT_EQ(text_at(parse_document(finished.output), "/exit_code"), "0");
  }
}

TEST_F(Documents, TheDatabaseMayComeFromTheEnvironment) {
  const std::string here = product_.database().connection_string("keeper");
  const std::string nowhere = "host=/nowhere dbname=x";
  const struct {
    std::map<std::string, std::string> environment;
    int exit_code;
  } cases[] = {
      {{{"CROSSFADE_DATABASE_URL", here}, {"DATABASE_URL", nowhere}}, 0},
      {{{"CROSSFADE_DATABASE_URL", ""}, {"DATABASE_URL", here}}, 0},
      {{{"CROSSFADE_DATABASE_URL", nowhere}, {"DATABASE_URL", here}}, 1},
  };
  for (const auto& variables : cases) {
    Command command = crossfade_command({"--dir", product_.folder().path().string(), "status"});
    command.environment = variables.environment;
    EXPECT_EQ(run(command).exit_code, variables.exit_code);
  }
}

TEST_F(Documents, ProgressIsLinesOfJsonOnStandardError) {
  for (const int exit_code : {4, 0}) {
    const Finished finished =
        product_.run(exit_code == 4 ? std::vector<std::string>{"--progress", "json", "--format", "json", "up",
                                                               "--postpone-cutover"}
                                    : std::vector<std::string>{"cutover", "--progress", "json"});
    EXPECT_EQ(finished.exit_code, exit_code) << describe(finished);
    std::istringstream lines(finished.errors);
    std::set<std::string> events;
    for (std::string line; std::getline(lines, line);) events.insert(text_at(parse_document(line), "/event"));
    EXPECT_THAT(events, ::testing::Contains("progress"));
    EXPECT_EQ(events.contains("error"), exit_code == 4);
  }
}

TEST_F(Documents, TextIsForPeople) {
  const Finished up = product_.run({"up", "--progress", "none"});
  EXPECT_EQ(up.exit_code, 0);
  EXPECT_THAT(up.output,
              ::testing::AllOf(::testing::HasSubstr("public.accounts"), ::testing::HasSubstr("soaking"),
                               ::testing::HasSubstr("crossfade contract 1")));
  EXPECT_EQ(up.output.find('{'), std::string::npos);
  EXPECT_EQ(product_.run({"up"}).output, "nothing is pending\n");
  EXPECT_THAT(product_.run({"status"}).output, ::testing::HasSubstr("0001_widen"));
}

}  // namespace
}  // namespace crossfade::tests
