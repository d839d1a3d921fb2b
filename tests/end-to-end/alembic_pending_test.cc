// What is pending in a real Alembic project, as crossfade reads it, and what it refuses to read.
#include "tests/end-to-end/alembic_project.h"

namespace crossfade::tests {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::vector<std::string> revisions(const Answer& answer) {
  std::vector<std::string> out;
  for (const auto& revision : at(answer.document, "/revisions").as_array())
    out.push_back(text_at(revision, "/revision"));
  return out;
}

std::string statements(const Answer& answer, std::size_t revision) {
  std::string out;
  const auto& document = at(answer.document, "/revisions").as_array().at(revision);
  for (const auto& statement : at(document, "/statements").as_array())
    out += std::string(statement.as_string()) + ";";
  return out;
}

TEST(AlembicPending, ShowsEveryRevisionOfAnEmptyDatabase) {
  Product product;
  const AlembicProject shop("shop", product);
  const Answer answer = shop.ask("pending", {});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_THAT(revisions(answer), SizeIs(18));
  EXPECT_EQ(answer.text("/revisions/0/message"), "Create customers and orders");
  EXPECT_EQ(answer.text("/revisions/0/version/0"),
            "INSERT INTO \"public\".\"alembic_version\" (version_num) VALUES ('4f1a01c0de01')");
  EXPECT_EQ(answer.text("/heads_after/0"), "4f1a01c0de13");
  EXPECT_FALSE(product.has_journal());
  EXPECT_EQ(product.database().scalar("SELECT to_regclass('alembic_version') IS NULL"), "t");
}

TEST(AlembicPending, BeginsWhereTheRealAlembicStopped) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.upgrade("4f1a01c0de11");
  EXPECT_THAT(revisions(shop.ask("pending", {})), ElementsAre("4f1a01c0de12", "4f1a01c0de13"));
  EXPECT_THAT(revisions(shop.ask("pending", {"+1"})), ElementsAre("4f1a01c0de12"));
  shop.upgrade("head");
  const Answer done = shop.ask("pending", {});
  EXPECT_EQ(done.exit_code(), 0);
  EXPECT_THAT(revisions(done), IsEmpty());
  EXPECT_EQ(shop.ask("current", {}).exit_code(), 2) << "current takes no --config";
  EXPECT_EQ(product.ask({"alembic", "current"}).text("/heads/0"), "4f1a01c0de13");
}

TEST(AlembicPending, GoesOnFromSeveralHeads) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.upgrade("b111a6000002");
  shop.upgrade("ca7a10600001");
  const Answer answer = shop.ask("pending", {"4f1a01c0de06"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  EXPECT_THAT(revisions(answer), ElementsAre("ca7a10600002", "ca7a10600003", "4f1a01c0de06"));
  EXPECT_EQ(answer.text("/heads_after/0"), "4f1a01c0de06");
  const Answer unclear = shop.ask("pending", {"+1"});
  EXPECT_EQ(unclear.exit_code(), 2);
  EXPECT_EQ(unclear.error_code(), "several-heads");
}

TEST(AlembicPending, TakesFlaskMigrateWithItsDoubledPercentSigns) {
  Product product;
  const AlembicProject notes("notes", product);
  Command command = product.command({"--format", "json", "alembic", "pending", "--command",
                                     "/usr/bin/flask --app '" + notes.path().string() + "/app.py' db"});
  const Finished finished = run(command);
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  const Answer answer{finished, parse_document(finished.output)};
  EXPECT_THAT(revisions(answer), ElementsAre("f1a5c0de0001", "f1a5c0de0002", "f1a5c0de0003"));
  EXPECT_THAT(statements(answer, 1),
              HasSubstr("UPDATE notes SET done = (id % 10) * 10 || '%' WHERE title LIKE '%0%'"));
}

TEST(AlembicPending, AsksWhereNothingTellsWhetherPercentSignsAreDoubled) {
  Product product;
  product.write(
      "upgrade.sql",
      "BEGIN;\n\n-- Running upgrade a -> b\n\nUPDATE t SET x = '50%%';\n\n"
      "UPDATE alembic_version SET version_num='b' WHERE alembic_version.version_num = 'a';\n\nCOMMIT;\n");
  product.as(
      "keeper",
      "CREATE TABLE alembic_version (version_num varchar(32)); INSERT INTO alembic_version VALUES ('a')");
  const auto pending = [&](std::vector<std::string> words) {
    words.insert(words.begin(),
                 {"alembic", "pending", "--sql-file", (product.folder().path() / "upgrade.sql").string()});
    return product.ask(words);
  };
  EXPECT_EQ(pending({}).error_code(), "percent-signs");
  EXPECT_EQ(statements(pending({"--percent-signs", "doubled"}), 0), "UPDATE t SET x = '50%';");
  EXPECT_EQ(statements(pending({"--percent-signs", "plain"}), 0), "UPDATE t SET x = '50%%';");
}

TEST(AlembicPending, ReadsPrintedSqlFromTheRevisionOfTheDatabaseOn) {
  Product product;
  const AlembicProject shop("shop", product);
  const Finished printed = shop.alembic({"upgrade", "head", "--sql"});
  ASSERT_EQ(printed.exit_code, 0) << describe(printed);
  shop.upgrade("4f1a01c0de11");
  const auto pending = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--format", "json", "alembic", "pending", "--sql-file", "-"});
    Command command = product.command(words);
    command.input = printed.output;
    const Finished finished = run(command);
    return Answer{finished, parse_document(finished.output)};
  };
  const Answer refused = pending({});
  EXPECT_EQ(refused.exit_code(), 5);
  EXPECT_EQ(refused.error_code(), "alembic-source-unknown")
      << "a column is dropped, and nobody saw the Python";
  EXPECT_THAT(revisions(refused), ElementsAre("4f1a01c0de12", "4f1a01c0de13"));
  EXPECT_EQ(pending({"--unchecked-sources"}).exit_code(), 0);
  EXPECT_EQ(pending({"--sources", shop.versions().string()}).exit_code(), 0);
}

TEST(AlembicPending, StopsBeforeASkippedDataStepLosesItsColumn) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.add("5ca1ab1e0001", "4f1a01c0de13",
           "    if not context.is_offline_mode():\n"
           "        move_rows(op.get_bind())\n"
           "    op.drop_column(\"customers\", \"full_name\")\n");
  const Answer answer = shop.ask("pending", {});
  EXPECT_EQ(answer.exit_code(), 5);
  EXPECT_EQ(answer.error_code(), "alembic-python-step");
  EXPECT_THAT(answer.text("/error/object"), HasSubstr("5ca1ab1e0001_added.py:"));
  EXPECT_THAT(answer.text("/error/message"),
              HasSubstr("revision 5ca1ab1e0001 (Added by a test) behaves otherwise"));
  EXPECT_THAT(answer.text("/error/next"), HasSubstr("--record"));
}

TEST(AlembicPending, RefusesOtherStepsThatSqlDoesNotShow) {
  Product product;
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {"    try:\n        for row in op.get_bind().execute(sa.text(\"SELECT id FROM customers\")):\n"
       "            pass\n    except TypeError:\n        pass\n    op.drop_table(\"orders\")\n",
       "loops over rows in Python"},
      {"    op.execute(\"UPDATE customers SET full_name = 'a\\tb'\")\n", "has a tab"},
      {"    op.add_column(\"customers\", sa.Column(\"p\", sa.String(9), server_default=\"a\\\\b\"))\n",
       "two backslashes"},
      {"    print(1, file=open(\"/dev/null\", \"w\"))\n", "prints no SQL"},
  };
  for (const auto& [body, message] : bodies) {
    const AlembicProject shop("shop", product);
    shop.add("5ca1ab1e0001", "4f1a01c0de13", body);
    const Answer answer = shop.ask("pending", {});
    EXPECT_EQ(answer.exit_code(), 5) << describe(answer.finished);
    EXPECT_EQ(answer.error_code(), "alembic-python-step");
    EXPECT_THAT(answer.text("/error/message"), HasSubstr(message));
  }
}

TEST(AlembicPending, RecordsRevisionsThatInspectTheDatabase) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.upgrade("head");
  shop.add(
      "5ca1ab1e0001", "4f1a01c0de13",
      "    columns = [column[\"name\"] for column in sa.inspect(op.get_bind()).get_columns(\"orders\")]\n"
      "    if \"parcel\" not in columns:\n"
      "        op.add_column(\"orders\", sa.Column(\"parcel\", sa.String(20), server_default=\"50%\"))\n"
      "    if \"channel\" not in columns:\n"
      "        op.add_column(\"orders\", sa.Column(\"channel\", sa.String(20)))\n"
      "    op.get_bind().execute(sa.text(\"UPDATE orders SET parcel = :p WHERE id = :i\"), {\"p\": "
      "\"a\\tb\", \"i\": 1})\n");
  const Answer offline = shop.ask("pending", {});
  EXPECT_EQ(offline.exit_code(), 5);
  EXPECT_EQ(offline.error_code(), "alembic-offline");
  EXPECT_THAT(offline.text("/error/next"), HasSubstr("--record"));
  const Answer recorded = shop.ask("pending", {"--record"});
  ASSERT_EQ(recorded.exit_code(), 0) << describe(recorded.finished);
  EXPECT_THAT(revisions(recorded), ElementsAre("5ca1ab1e0001"));
  EXPECT_EQ(statements(recorded, 0),
            "ALTER TABLE orders ADD COLUMN parcel VARCHAR(20) DEFAULT '50%';"
            "UPDATE orders SET parcel = 'a\tb' WHERE id = 1;");
  EXPECT_EQ(product.ask({"alembic", "current"}).text("/heads/0"), "4f1a01c0de13")
      << "the database was only read";
}

TEST(AlembicPending, RecordsTheSameRevisionsThatOfflineSqlShows) {
  Product product;
  const AlembicProject shop("shop", product);
  const Answer offline = shop.ask("pending", {});
  const Answer recorded = shop.ask("pending", {"--record"});
  ASSERT_EQ(recorded.exit_code(), 0) << describe(recorded.finished);
  EXPECT_EQ(revisions(recorded), revisions(offline));
  EXPECT_EQ(recorded.text("/heads_after/0"), "4f1a01c0de13");
}

TEST(AlembicPending, NamesARevisionThatLoopsOverRowsWhileRecording) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.upgrade("head");
  shop.add("5ca1ab1e0001", "4f1a01c0de13",
           "    connection = op.get_bind()\n"
           "    for row in connection.execute(sa.text(\"SELECT id, full_name FROM customers\")).fetchall():\n"
           "        connection.execute(sa.text(\"UPDATE customers SET full_name = upper(full_name) WHERE id "
           "= :i\"), "
           "{\"i\": row.id})\n");
  const Answer answer = shop.ask("pending", {"--record"});
  EXPECT_EQ(answer.exit_code(), 5);
  EXPECT_EQ(answer.error_code(), "alembic-python-step");
  EXPECT_THAT(answer.text("/error/message"), HasSubstr("loops over rows in Python"));
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("SELECT id, full_name FROM customers"));
  EXPECT_THAT(answer.text("/error/next"), HasSubstr("alembic upgrade 5ca1ab1e0001"));
}

TEST(AlembicPending, RunsNothingWhereAProjectDoesNotGoToTheCopy) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.replace_in("migrations/env.py",
                  "os.environ.get(\"DATABASE_URL\") or config.get_main_option(\"sqlalchemy.url\")",
                  "\"" + shop.url() + "\"");
  const Answer answer = shop.ask("pending", {"--record"});
  EXPECT_EQ(answer.exit_code(), 5);
  EXPECT_EQ(answer.error_code(), "record-target");
  EXPECT_EQ(product.database().scalar("SELECT to_regclass('customers') IS NULL"), "t");
}

TEST(AlembicPending, FindsAnotherVersionTable) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.replace_in("migrations/env.py", "literal_binds=True,",
                  "literal_binds=True, version_table=\"revisions\",");
  shop.replace_in("migrations/env.py", "compare_type=True,",
                  "compare_type=True, version_table=\"revisions\",");
  shop.upgrade("4f1a01c0de12");
  const Answer wrong = shop.ask("pending", {});
  EXPECT_EQ(wrong.exit_code(), 2);
  EXPECT_EQ(wrong.error_code(), "other-version-table");
  EXPECT_THAT(wrong.text("/error/next"), HasSubstr("--version-table revisions"));
  const Answer right = shop.ask("pending", {"--version-table", "revisions"});
  ASSERT_EQ(right.exit_code(), 0) << describe(right.finished);
  EXPECT_THAT(revisions(right), ElementsAre("4f1a01c0de13"));
}

TEST(AlembicPending, SaysWhatAlembicItselfSaid) {
  Product product;
  const AlembicProject shop("shop", product);
  const Answer answer = shop.ask("pending", {"nosuch"});
  EXPECT_EQ(answer.exit_code(), 2);
  EXPECT_EQ(answer.error_code(), "alembic-command");
  EXPECT_THAT(answer.text("/error/found"), HasSubstr("Can't locate revision identified by 'nosuch'"));
  shop.replace_in("migrations/env.py", "import models",
                  "raise RuntimeError(\"postgresql://me:secret@host/db\")");
  const Answer broken = shop.ask("pending", {});
  EXPECT_EQ(broken.exit_code(), 1);
  EXPECT_THAT(broken.finished.output + broken.finished.errors, Not(HasSubstr("secret")));
}

TEST(AlembicPending, NeedsAProject) {
  Product product;
  EXPECT_EQ(product.ask({"alembic", "pending"}).error_code(), "no-alembic-project");
  EXPECT_EQ(product.ask({"alembic", "pending", "--command", "nosuchprogram db"}).error_code(),
            "no-such-program");
  EXPECT_EQ(product.ask({"alembic", "pending", "--command", "flask db", "--sql-file", "-"}).exit_code(), 2);
  EXPECT_EQ(product.ask({"alembic"}).exit_code(), 2);
}

}  // namespace
}  // namespace crossfade::tests
