// Whatever is wrong with what the product is given: one clear message that names the object, the promised
// exit code, and nothing changed in the database, not even the journal.
#include "tests/end-to-end/product.h"

#include <fmt/format.h>

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Wrong {
  std::string name;
  std::string before;  ///< SQL as the table's owner, after kAccounts
  std::string migration;
  int exit_code;
  std::string error_code;
  std::string object;      ///< part of error.object
  std::string words = "";  ///< somewhere else in the message
};

void PrintTo(const Wrong& wrong, std::ostream* stream) {
  *stream << wrong.name;
}

template <class Case>
std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

class BadMigration : public ::testing::TestWithParam<Wrong> {};

TEST_P(BadMigration, IsRefusedInOneMessageAndChangesNothing) {
  const Wrong& wrong = GetParam();
  Product product;
  product.as("keeper", kAccounts);
  if (!wrong.before.empty()) product.as("keeper", wrong.before);
  product.write("0001_change.sql", wrong.migration);
  const std::string before = product.schema();
  for (const std::string command : {"plan", "up"}) {
    SCOPED_TRACE(command);
    const Answer answer = product.ask({command});
    EXPECT_EQ(answer.exit_code(), wrong.exit_code) << describe(answer.finished);
    EXPECT_EQ(answer.document.at("exit_code").as_int64(), wrong.exit_code);
    EXPECT_EQ(answer.error_code(), wrong.error_code);
    EXPECT_THAT(answer.text("/error/object"), HasSubstr(wrong.object));
    EXPECT_THAT(boost::json::serialize(answer.document.at("error")), HasSubstr(wrong.words));
    EXPECT_NE(answer.text("/error/next"), "null");
    EXPECT_THAT(answer.finished.errors, HasSubstr(wrong.object));
    if (command == "plan" && wrong.exit_code == 5) {
      EXPECT_EQ(answer.text("/refusals/0/code"), wrong.error_code);
    }
  }
  EXPECT_EQ(product.schema(), before);
  EXPECT_FALSE(product.has_journal());
}

const std::string kWidenT = kWiden;
const Wrong kMigrations[] = {
    {"NoSuchTable", "", "ALTER TABLE shop.nothing ALTER id TYPE bigint;\n", 5, "no-such-table",
     "shop.nothing"},
    {"NoSuchColumn", "", "\nALTER TABLE accounts ALTER nothing TYPE bigint;\n", 5, "statement-fails",
     "0001_change.sql:2:1", "nothing"},
    {"SyntaxError", "", "ALTER TABLE accounts\n  ALTER COLUMN id TIPE bigint;\n", 2, "syntax-error",
     "0001_change.sql:2:19", "TIPE"},
    {"NoKey", "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey", kWidenT, 5, "no-usable-key",
     "public.accounts"},
    {"NullableKey",
     "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey, ALTER id DROP NOT NULL, ADD UNIQUE (id)", kWidenT,
     5, "no-usable-key", "public.accounts"},
    {"PartialKey",
     "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey; CREATE UNIQUE INDEX ON accounts (id) WHERE id > 0",
     kWidenT, 5, "no-usable-key", "public.accounts"},
    {"KeyThatFoldsTogether", "", "ALTER TABLE accounts ALTER id TYPE bigint USING id / 2;\n", 5,
     "no-usable-key", "public.accounts", "id / 2"},
    {"KeyThatLosesDigits", "ALTER TABLE accounts ALTER id TYPE numeric(10,2)",
     "ALTER TABLE accounts ALTER id TYPE numeric(10,0);\n", 5, "no-usable-key", "public.accounts",
     "numeric(10,0)"},
    {"SubqueryInBackfill", "",
     "-- crossfade:backfill accounts.balance = (SELECT max(balance) FROM accounts)\n" + kWidenT, 5,
     "sub-query-in-expression", "public.accounts.balance"},
    {"SystemColumn", "", "ALTER TABLE accounts ALTER owner TYPE text USING owner || ctid::text;\n", 5,
     "statement-fails", "0001_change.sql:1:1", "ctid"},
    {"KeyThatTellsMoreThanBefore",
     "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
     "CREATE TABLE names (name text COLLATE folding PRIMARY KEY)",
     "ALTER TABLE names ALTER name TYPE text COLLATE \"C\", ADD token uuid DEFAULT gen_random_uuid();\n", 5,
     "no-usable-key", "public.names"},
    {"EmptyFile", "", "-- nothing yet\n", 5, "nothing-to-do", "0001_change.sql"},
    {"OpaqueStatement", "", kWidenT + "DO $$ BEGIN PERFORM 1; END $$;\n", 5, "opaque-statement",
     "0001_change.sql:2:1"},
    {"TransactionControl", "", "BEGIN;\n" + kWidenT + "COMMIT;\n", 5, "transaction-control",
     "0001_change.sql:1:1"},
    {"MissingTableInALaterStatement", "", kWidenT + "CREATE INDEX ON nothing (id);\n", 5, "no-such-table",
     "nothing"},
    {"DropWithDependents", "CREATE VIEW rich AS SELECT * FROM accounts", "DROP TABLE accounts;\n", 5,
     "has-dependents", "0001_change.sql:1:1", "rich"},
    {"ExclusionConstraint", "",
     kWidenT + "ALTER TABLE accounts ADD EXCLUDE USING gist (int8range(id, id + 1) WITH &&) DEFERRABLE;\n", 5,
     "exclusion-constraint", "public.accounts"},
    {"UsingOverValuesThatTheFileMakes", "",
     "ALTER TABLE accounts ADD token uuid DEFAULT gen_random_uuid();\nALTER TABLE accounts ALTER owner TYPE "
     "text USING "
     "owner || token;\n",
     5, "expression-over-new-values", "public.accounts.owner", "token"},
    {"NotNullWithoutValue", "", "ALTER TABLE accounts ADD note text NOT NULL, ALTER id TYPE bigint;\n", 5,
     "not-null-without-value", "public.accounts.note"},
    {"ForcedRowSecurity", "ALTER TABLE accounts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY", kWidenT,
     5, "row-security-filters", "public.accounts"},
    {"PartitionKey", "CREATE TABLE p (id integer PRIMARY KEY) PARTITION BY RANGE (id)",
     "ALTER TABLE p ALTER id TYPE bigint;\n", 5, "statement-fails", "0001_change.sql:1"},
    {"AView", "CREATE VIEW rich AS SELECT * FROM accounts", "-- crossfade:rewrite rich\n", 5,
     "not-an-ordinary-table", "public.rich"},
};

INSTANTIATE_TEST_SUITE_P(All, BadMigration, ::testing::ValuesIn(kMigrations), name_of<Wrong>);

TEST(BadMigration, ListsEveryRefusalAtOnce) {
  Product product;
  product.as("keeper",
             std::string(kAccounts) +
                 "; CREATE TABLE richer () INHERITS (accounts); CREATE TABLE copies (copy accounts);"
                 "ALTER TABLE accounts DROP CONSTRAINT accounts_pkey");
  product.write("0001_change.sql", kWiden);
  const Answer answer = product.ask({"plan"});
  EXPECT_EQ(answer.exit_code(), 5);
  std::set<std::string> codes;
  for (const auto& refusal : answer.document.at("refusals").as_array()) {
    EXPECT_EQ(members(refusal), (std::set<std::string>{"code", "object", "message", "next"}));
    codes.insert(text_at(refusal, "/code"));
  }
  EXPECT_THAT(codes, ::testing::IsSupersetOf({"inheritance", "row-type-use", "no-usable-key"}));
  EXPECT_EQ(product.ask({"up"}).exit_code(), 5);
}

struct WrongFiles {
  std::string name;
  std::vector<std::pair<std::string, std::string>> files;
  std::string words;
};

class BadDirectory : public ::testing::TestWithParam<WrongFiles> {};

TEST_P(BadDirectory, IsAUsageError) {
  Product product;
  product.as("keeper", kAccounts);
  for (const auto& [name, text] : GetParam().files) product.write(name, text);
  for (const std::string command : {"plan", "up"}) {
    const Answer answer = product.ask({command});
    EXPECT_EQ(answer.exit_code(), 2) << describe(answer.finished);
    EXPECT_THAT(answer.finished.errors, HasSubstr(GetParam().words));
  }
  EXPECT_FALSE(product.has_journal());
}

const WrongFiles kDirectories[] = {
    {"Empty", {}, "migration"},
    {"SeveralHeads",
     {{"0001_a.sql", kWiden},
      {"0002_b.sql", "-- crossfade:revises 0001_a\n" + kWidenT},
      {"0003_c.sql", "-- crossfade:revises 0001_a\n" + kWidenT}},
     "0003_c"},
    {"UnknownParent", {{"0001_a.sql", "-- crossfade:revises 0000_nothing\n" + kWidenT}}, "0000_nothing"},
    {"DownFiles", {{"0001_a.up.sql", kWiden}, {"0001_a.down.sql", kWiden}}, "0001_a"},
    {"GooseAnnotations",
     {{"0001_a.sql", "-- +goose ENVSUB ON\n-- +goose Up\n" + kWidenT + "-- +goose Down\n"}},
     "goose"},
    {"LiquibaseHeader",
     {{"0001_a.sql", "--liquibase formatted sql\n--changeset me:1\n" + kWidenT}},
     "liquibase"},
    {"UnknownDirective", {{"0001_a.sql", "-- crossfade:rewirte accounts\n"}}, "rewirte"},
};

INSTANTIATE_TEST_SUITE_P(All, BadDirectory, ::testing::ValuesIn(kDirectories), name_of<WrongFiles>);

TEST(BadDirectoryPath, IsAUsageError) {
  Product product;
  for (const std::string command : {"plan", "up"}) {
    const Finished finished = run_crossfade(
        {"--database", product.database().connection_string("keeper"), "--dir", "/nowhere/at/all", command});
    EXPECT_EQ(finished.exit_code, 2) << describe(finished);
    EXPECT_THAT(finished.errors, HasSubstr("/nowhere/at/all"));
  }
}

TEST(EditedFile, IsRefusedOnceApplied) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql", kWiden);
  ASSERT_EQ(product.ask({"up", "--contract"}).exit_code(), 0);
  product.write("0001_change.sql", kWidenT + "-- an afterthought\n");
  for (const std::string command : {"plan", "up"}) {
    const Answer answer = product.ask({command});
    EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
    EXPECT_EQ(answer.error_code(), "edited-file");
    EXPECT_THAT(answer.text("/error/object"), HasSubstr("0001_change.sql"));
  }
  EXPECT_EQ(product.ask({"status"}).exit_code(), 0);
}

struct WrongData {
  std::string name;
  std::string spoil;  ///< makes row 77 unfit
  std::string migration;
  std::string mend;
  std::string named;  ///< how the message names the row
};

class BadData : public ::testing::TestWithParam<WrongData> {};

TEST_P(BadData, IsNamedAndTheRunGoesOnOnceItIsMended) {
  const WrongData& wrong = GetParam();
  Product product;
  product.as("keeper", kAccounts);
  product.as("keeper", wrong.spoil);
  product.write("0001_change.sql", wrong.migration);
  const Answer refused = product.ask({"up"});
  EXPECT_EQ(refused.exit_code(), 5) << describe(refused.finished);
  EXPECT_EQ(refused.error_code(), "data-rejected");
  EXPECT_EQ(refused.text("/error/object"), "public.accounts");
  EXPECT_THAT(refused.text("/error/found"), HasSubstr(wrong.named));
  product.as("shop", "UPDATE accounts SET balance = balance WHERE id < 10");

  product.as("keeper", wrong.mend);
  const Answer done = product.ask({"up", "--contract"});
  EXPECT_EQ(done.exit_code(), 0) << describe(done.finished);
  EXPECT_EQ(done.text("/runs/0/resumed"), "true");
  EXPECT_EQ(done.text("/runs/0/verify/differences"), "0");
  EXPECT_EQ(product.database().scalar("SELECT count(*) FROM accounts"), "2000");
}

TEST_P(BadData, LeavesNothingAfterAnAbort) {
  const WrongData& wrong = GetParam();
  Product product;
  product.as("keeper", kAccounts);
  product.as("keeper", wrong.spoil);
  product.write("0001_change.sql", wrong.migration);
  const std::string before = product.schema();
  ASSERT_EQ(product.ask({"up"}).exit_code(), 5);
  const Answer aborted = product.ask({"abort"});
  EXPECT_EQ(aborted.exit_code(), 0) << describe(aborted.finished);
  EXPECT_EQ(product.schema(), before);
  EXPECT_THAT(product.traces(), IsEmpty());
}

const WrongData kData[] = {
    {"Check", "SELECT 1", "ALTER TABLE accounts ADD CHECK (balance <> 77), ALTER id TYPE bigint;\n",
     "UPDATE accounts SET balance = 78 WHERE id = 77", "id = 77"},
    {"NotNull", "UPDATE accounts SET balance = NULL WHERE id = 77",
     "ALTER TABLE accounts ALTER balance SET NOT NULL, ALTER id TYPE bigint;\n",
     "UPDATE accounts SET balance = 78 WHERE id = 77", "id = 77"},
    {"Unique", "UPDATE accounts SET balance = 78 WHERE id = 77",
     "ALTER TABLE accounts ADD UNIQUE (balance), ALTER id TYPE bigint;\n",
     "UPDATE accounts SET balance = 77 WHERE id = 77", "(balance)=(78)"},
    {"Cast", "UPDATE accounts SET owner = id; UPDATE accounts SET owner = 'x' WHERE id = 77",
     "ALTER TABLE accounts ALTER owner TYPE integer USING owner::integer;\n",
     "UPDATE accounts SET owner = '7' WHERE id = 77", "id = 77"},
    {"Range", "UPDATE accounts SET balance = 70000 WHERE id = 77",
     "ALTER TABLE accounts ALTER balance TYPE smallint;\n", "UPDATE accounts SET balance = 7 WHERE id = 77",
     "id = 77"},
    {"Length", "UPDATE accounts SET owner = repeat('x', 99) WHERE id = 77",
     "ALTER TABLE accounts ALTER owner TYPE varchar(20);\n", "UPDATE accounts SET owner = 'x' WHERE id = 77",
     "id = 77"},
};

INSTANTIATE_TEST_SUITE_P(All, BadData, ::testing::ValuesIn(kData), name_of<WrongData>);

TEST(BadDataWrittenMeanwhile, IsNamedByReplay) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql",
                "ALTER TABLE accounts ADD CHECK (balance <> 77777), ALTER id TYPE bigint;\n");
  ASSERT_EQ(product.ask({"up", "--postpone-cutover"}).exit_code(), 4);
  product.as("shop", "UPDATE accounts SET balance = 77777 WHERE id = 5");
  const Answer refused = product.ask({"cutover"});
  EXPECT_EQ(refused.exit_code(), 5) << describe(refused.finished);
  EXPECT_EQ(refused.error_code(), "data-rejected");
  EXPECT_THAT(refused.text("/error/found"), HasSubstr("id = 5"));
  product.as("shop", "UPDATE accounts SET balance = 7 WHERE id = 5");
  EXPECT_EQ(product.ask({"cutover"}).exit_code(), 0);
}

TEST(MissingPrivileges, AreRefusedByName) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql", kWiden);
  for (const std::string command : {"plan", "up"}) {
    const Answer stranger = product.ask({command}, "reader");
    EXPECT_EQ(stranger.exit_code(), 5) << describe(stranger.finished);
    EXPECT_EQ(stranger.error_code(), "not-owner") << describe(stranger.finished);
    EXPECT_THAT(stranger.text("/error/message"), HasSubstr("reader"));
  }
  product.as("postgres", "ALTER TABLE accounts OWNER TO reader");
  const Answer owner = product.ask({"up"}, "reader");
  EXPECT_EQ(owner.exit_code(), 5) << describe(owner.finished);
  EXPECT_THAT(owner.finished.output, HasSubstr("GRANT CREATE ON DATABASE"));
  EXPECT_FALSE(product.has_journal());
}

TEST(Server, Unreachable) {
  Product product;
  product.write("0001_change.sql", kWiden);
  for (const std::string command : {"up", "plan", "status", "init", "doctor"}) {
    const Finished finished =
        run_crossfade({"--format", "json", "--database", "host=/nowhere dbname=x user=y", "--dir",
                       product.folder().path().string(), command});
    EXPECT_EQ(finished.exit_code, 1) << describe(finished);
    EXPECT_EQ(text_at(parse_document(finished.output), "/error/code"), "unreachable") << describe(finished);
    EXPECT_THAT(finished.errors, HasSubstr("/nowhere"));
  }
}

TEST(Server, ReadOnly) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql", kWiden);
  product.as("postgres",
             "ALTER DATABASE " + product.database().name() + " SET default_transaction_read_only = on");
  const Answer answer = product.ask({"up"});
  EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
  EXPECT_EQ(answer.error_code(), "read-only");
  EXPECT_EQ(product.ask({"init"}).exit_code(), 5);
  EXPECT_FALSE(product.has_journal());
}

/// A copy of the shared server that follows it.
class Standby {
 public:
  explicit Standby(postgres::ThrowawayServer& primary) : primary_(primary) {
    const std::string data = folder_.path().string() + "/data";
    std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
    run_as_server({binary("pg_basebackup"), "--dbname=" + primary.connection_string(), "--pgdata=" + data,
                   "--write-recovery-conf", "--checkpoint=fast"});
    run_as_server({binary("pg_ctl"), "--pgdata=" + data, "--wait", "--log=" + data + "/log",
                   "--options=-c unix_socket_directories=" + folder_.path().string() + " -c hot_standby=on",
                   "start"});
  }
  ~Standby() {
    run_as_server(
        {binary("pg_ctl"), "--pgdata=" + folder_.path().string() + "/data", "--mode=immediate", "stop"});
  }
  std::string connection_string(const std::string& database) const {
    std::string primary = primary_.connection_string(database, "keeper");
    const std::string socket = primary_.folder().string();
    return primary.replace(primary.find(socket), socket.size(), folder_.path().string());
  }

 private:
  std::string binary(const std::string& name) const { return (primary_.binaries() / name).string(); }
  static void run_as_server(std::vector<std::string> arguments) {
    if (::geteuid() == 0)
      arguments.insert(arguments.begin(),
                       {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"});
    const Finished finished = tests::run({.arguments = std::move(arguments), .environment = {}, .input = {}});
    if (finished.exit_code != 0) throw std::runtime_error(describe(finished));
  }

  postgres::ThrowawayServer& primary_;
  Folder folder_;
};

TEST(Server, Standby) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql", kWiden);
  const Standby standby(product.database().server());
  for (const std::string command : {"up", "init", "plan"}) {
    const Finished finished =
        run_crossfade({"--format", "json", "--database", standby.connection_string(product.database().name()),
                       "--dir", product.folder().path().string(), command});
    EXPECT_EQ(finished.exit_code, 5) << describe(finished);
    EXPECT_EQ(text_at(parse_document(finished.output), "/error/code"), "standby") << describe(finished);
  }
  EXPECT_FALSE(product.has_journal());
}

TEST(CommandLine, MistakesAreUsageErrorsThatNameTheMistake) {
  struct Mistake {
    std::vector<std::string> arguments;
    std::string named;
    std::string command;
  };
  const Mistake mistakes[] = {
      {{"bogus"}, "bogus", "bogus"},
      {{}, "", "null"},
      {{"up", "--bogus"}, "--bogus", "up"},
      {{"status", "extra"}, "extra", "status"},
      {{"--bogus", "up"}, "--bogus", "up"},
      {{"--progress", "loud", "up"}, "loud", "up"},
      {{"pause", "first"}, "first", "pause"},
      {{"new"}, "message", "new"},
      {{"up", "--workers", "0"}, "0", "up"},
      {{"up", "--workers", "many"}, "many", "up"},
      {{"up", "--old-snapshots", "maybe"}, "maybe", "up"},
  };
  for (const Mistake& mistake : mistakes) {
    std::vector<std::string> arguments = mistake.arguments;
    arguments.insert(arguments.begin(), {"--format", "json"});
    const Finished finished = run_crossfade(arguments);
    EXPECT_EQ(finished.exit_code, 2) << describe(finished);
    const boost::json::value document = parse_document(finished.output);
    EXPECT_EQ(text_at(document, "/command"), mistake.command);
    EXPECT_EQ(text_at(document, "/exit_code"), "2");
    EXPECT_THAT(text_at(document, "/error/message"), HasSubstr(mistake.named));
    EXPECT_THAT(finished.errors, HasSubstr(mistake.named));
  }
  EXPECT_EQ(run_crossfade({"--format", "xml", "up"}).exit_code, 2);
  EXPECT_EQ(run_crossfade({"--help"}).exit_code, 0);
  EXPECT_EQ(run_crossfade({"up", "--help"}).exit_code, 0);
  EXPECT_EQ(run_crossfade({"--version"}).exit_code, 0);
}

TEST(SettingsFile, WithAnUnknownKeyIsAUsageErrorThatNamesIt) {
  const Folder folder;
  const auto path = folder.write("crossfade.toml", "databse = \"postgresql://nowhere\"\n");
  const Finished finished = run_crossfade({"--config", path.string(), "status"});
  EXPECT_EQ(finished.exit_code, 2) << describe(finished);
  EXPECT_THAT(finished.errors, HasSubstr("databse"));
}

TEST(SettingsFile, GivesOptionsOfOneCommand) {
  const Folder folder;
  const auto path = folder.write("crossfade.toml", "[up]\nworkers = 0\n");
  const Finished finished = run_crossfade({"--config", path.string(), "up"});
  EXPECT_EQ(finished.exit_code, 2) << describe(finished);
  EXPECT_THAT(finished.errors, HasSubstr("workers"));
}

constexpr const char* kSecret = "tell-nobody";

TEST(Password, IsShownNowhereWhenTheServerIsUnreachable) {
  Product product;
  product.write("0001_change.sql", kWiden);
  const std::string addresses[] = {
      fmt::format("postgresql://somebody:{}@localhost:1/shop", kSecret),
      fmt::format("postgresql://somebody@localhost:1/shop?password={}&connect_timeout=1", kSecret),
      fmt::format("host=localhost port=1 user=somebody password={}", kSecret),
      fmt::format("host=localhost port=1 user=somebody password = '{}'", kSecret),
      fmt::format("postgresql://somebody:{}@localhost:notaport/shop", kSecret),
      fmt::format("host=localhost nonsense={0} password={0}", kSecret),
  };
  for (const std::string& address : addresses) {
    const Finished finished = run_crossfade(
        {"--format", "json", "--database", address, "--dir", product.folder().path().string(), "up"});
    EXPECT_NE(finished.exit_code, 0);
    if (address.find("nonsense") == std::string::npos) {
      EXPECT_THAT(finished.output + finished.errors, ::testing::Not(HasSubstr(kSecret))) << address;
    }
    const Finished mistyped = run_crossfade({"--format", "json", "--databse", address, "up"});
    EXPECT_EQ(mistyped.exit_code, 2);
    if (address.find("nonsense") == std::string::npos) {
      EXPECT_THAT(mistyped.output + mistyped.errors, ::testing::Not(HasSubstr(kSecret))) << address;
    }
  }
}

TEST(Password, StaysOutOfTheProcessTitleAndTheJournal) {
  Product product;
  product.as("keeper", kAccounts);
  product.write("0001_change.sql", kWiden);
  // The server trusts everybody, so the password is never asked for.
  Command command = crossfade_command(
      {"--database", product.database().connection_string("keeper") + " password=" + kSecret, "--dir",
       product.folder().path().string(), "up", "--progress", "plain"});
  auto blocker = product.database().application_session("keeper");
  blocker->run({"test.block", "BEGIN; LOCK TABLE accounts IN ROW EXCLUSIVE MODE"});
  Process process(command);
  ASSERT_TRUE(process.wait_for_errors("waiting for")) << process.errors();
  std::ifstream title(fmt::format("/proc/{}/cmdline", process.pid()));
  const std::string shown((std::istreambuf_iterator<char>(title)), std::istreambuf_iterator<char>());
  EXPECT_THAT(shown, HasSubstr("password="));
  EXPECT_THAT(shown, ::testing::Not(HasSubstr(kSecret)));
  blocker->run({"test.block", "ROLLBACK"});
  const Finished finished = process.wait();
  EXPECT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_THAT(finished.output + finished.errors, ::testing::Not(HasSubstr(kSecret)));
  for (const std::string table : {"runs", "events", "steps", "reports", "revisions"}) {
    EXPECT_THAT(product.rows("crossfade." + table), ::testing::Not(::testing::Contains(HasSubstr(kSecret))));
  }
}

}  // namespace
}  // namespace crossfade::tests
