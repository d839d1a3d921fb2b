#include "migrations/alembic_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace crossfade::migrations {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

RevisionSource upgrade(const std::string& body) {
  const std::string text =
      "from alembic import op\nimport sqlalchemy as sa\n\nrevision = \"b\"\n\n\ndef upgrade():\n" + body +
      "\n\n\ndef downgrade():\n    if op.get_bind().execute(\"SELECT 1\").scalar(): pass\n";
  const auto source = read_revision_source(text);
  if (!source) throw std::logic_error("not understood: " + text);
  return *source;
}

std::vector<PythonStepKind> kinds(const std::string& body) {
  std::vector<PythonStepKind> out;
  for (const PythonStep& step : upgrade(body).steps) out.push_back(step.kind);
  return out;
}

TEST(RevisionSource, IsCleanWhereEverythingGoesThroughOperations) {
  EXPECT_THAT(kinds("    op.add_column(\"t\", sa.Column(\"x\", sa.Integer))\n"
                    "    op.execute(\"UPDATE t SET x = 1\")\n"
                    "    for table in (\"a\", \"b\"):\n"
                    "        op.execute(f\"ALTER TABLE {table} ADD y int\")\n"
                    "    op.get_bind().execute(sa.text(\"DELETE FROM t\"))\n"
                    "    sa.Enum(\"a\", name=\"e\").create(op.get_bind(), checkfirst=True)\n"),
              IsEmpty());
}

TEST(RevisionSource, NamesParametersThatOfflineSqlPrintsAsNull) {
  for (const char* line : {"    op.get_bind().execute(sa.text(\"UPDATE t SET b = :s\"), {\"s\": \"!\"})\n",
                           "    op.get_bind().execute(t.update().where(t.c.id == sa.bindparam(\"i\")))\n",
                           "    bind = op.get_bind()\n    bind.execute(t.insert(), [{\"a\": 1}])\n"})
    EXPECT_THAT(kinds(line), ElementsAre(PythonStepKind::parameters)) << line;
  EXPECT_THAT(kinds("    op.execute(\"UPDATE t SET a = f(1, 2)\", execution_options={\"x\": 1})\n"
                    "    op.execute(sa.text(\"SELECT 1\"),)\n"),
              IsEmpty());
}

TEST(RevisionSource, NamesALoopOverRows) {
  const RevisionSource source = upgrade(
      "    connection = op.get_bind()\n"
      "    for row in connection.execute(sa.text(\"SELECT id FROM t\")):\n"
      "        connection.execute(sa.text(\"UPDATE t SET x = 1 WHERE id = :id\"), {\"id\": row.id})\n");
  ASSERT_EQ(source.steps.size(), 2);
  EXPECT_EQ(source.steps.front().kind, PythonStepKind::row_loop);
  EXPECT_EQ(source.steps.front().line, 9);
  EXPECT_EQ(source.steps.front().text, "for row in connection.execute(sa.text(\"SELECT id FROM t\")):");
}

TEST(RevisionSource, NamesALoopOverAResultThatWasKept) {
  EXPECT_THAT(kinds("    rows = op.get_bind().execute(\"SELECT id FROM t\").fetchall()\n"
                    "    for row in rows:\n        pass\n"),
              ElementsAre(PythonStepKind::row_loop));
  EXPECT_THAT(kinds("    ids = [row.id for row in op.get_bind().execute(\"SELECT id FROM t\")]\n"),
              ElementsAre(PythonStepKind::row_loop));
}

TEST(RevisionSource, NamesOtherUsesOfTheDatabase) {
  EXPECT_THAT(kinds("    if op.get_bind().execute(\"SELECT 1 FROM t\").scalar():\n        pass\n"),
              testing::Contains(PythonStepKind::result));
  EXPECT_THAT(kinds("    session = Session(bind=op.get_bind())\n"), ElementsAre(PythonStepKind::session));
  EXPECT_THAT(kinds("    db.session.commit()\n"), ElementsAre(PythonStepKind::session));
  EXPECT_THAT(kinds("    with engine.begin() as c:\n        pass\n"), ElementsAre(PythonStepKind::session));
  EXPECT_THAT(kinds("    e = sa.create_engine(url)\n"), ElementsAre(PythonStepKind::session));
  EXPECT_THAT(kinds("    if sa.inspect(op.get_bind()).has_table(\"t\"):\n        return\n"),
              testing::Contains(PythonStepKind::inspection));
  EXPECT_THAT(kinds("    if not context.is_offline_mode():\n        move_rows()\n"),
              ElementsAre(PythonStepKind::offline_branch));
  EXPECT_THAT(kinds("    print(op.get_bind().execute(text).rowcount)\n"),
              testing::Contains(PythonStepKind::row_count));
}

TEST(RevisionSource, ReadsFunctionsBesideUpgrade) {
  const auto source = read_revision_source(
      "def move(connection):\n    for row in connection.execute(query):\n        pass\n\n"
      "def downgrade():\n    pass\n\ndef upgrade() -> None:\n    move(op.get_bind())\n");
  ASSERT_TRUE(source);
  EXPECT_TRUE(source->has_body);
  EXPECT_NE(source->find(PythonStepKind::row_loop), nullptr);
}

TEST(RevisionSource, IgnoresCommentsAndTexts) {
  EXPECT_THAT(kinds("    # for row in connection.execute(query): pass\n"
                    "    op.execute(\"COMMENT ON TABLE t IS 'for row in c.execute(x)'\")\n"),
              IsEmpty());
}

TEST(RevisionSource, NamesTabsThatOfflineSqlWouldReplace) {
  EXPECT_THAT(kinds("    op.execute(\"UPDATE t SET x = 'a\\tb'\")\n"), ElementsAre(PythonStepKind::tab));
  EXPECT_THAT(kinds("    op.execute(r\"UPDATE t SET x = E'a\\tb'\")\n"), IsEmpty());
  EXPECT_THAT(kinds("    op.execute(\"\"\"\n\tUPDATE t\n\"\"\")\n"), IsEmpty());
  EXPECT_THAT(kinds("    op.execute(\"\"\"UPDATE t SET x = 'a\tb'\"\"\")\n"),
              ElementsAre(PythonStepKind::tab));
}

TEST(RevisionSource, KnowsABodyThatDoesNothing) {
  EXPECT_FALSE(upgrade("    pass").has_body);
  EXPECT_FALSE(upgrade("    \"\"\"Only a merge.\"\"\"\n    # nothing\n    ...").has_body);
  EXPECT_TRUE(upgrade("    move_rows()").has_body);
  EXPECT_FALSE(read_revision_source("def upgrade(): pass\n")->has_body);
  EXPECT_TRUE(read_revision_source("def upgrade(): move_rows()\n")->has_body);
}

TEST(RevisionSource, IsUnknownWithoutAnUpgradeFunction) {
  EXPECT_FALSE(read_revision_source("upgrade = other.upgrade\n"));
  EXPECT_FALSE(read_revision_source("def upgrade():\n    op.execute(\"\n"));
}

TEST(RevisionSource, HasItsRevisionsName) {
  EXPECT_EQ(revision_of_source("revision = \"1975ea83b712\"\ndown_revision = \"x\"\n"), "1975ea83b712");
  EXPECT_EQ(revision_of_source("revision: str = '1975ea83b712'\n"), "1975ea83b712");
  EXPECT_EQ(revision_of_source("def f():\n    revision = \"no\"\n"), "");
}

TEST(EnvironmentScript, NamesItsParameterStyle) {
  EXPECT_EQ(named_parameter_style("context.configure(dialect_opts={\"paramstyle\": \"named\"})"), "named");
  EXPECT_EQ(named_parameter_style("dialect_opts=dict(paramstyle='pyformat')"), "pyformat");
  EXPECT_EQ(named_parameter_style("# paramstyle = \"named\"\ncontext.configure(url=url)"), std::nullopt);
}

}  // namespace
}  // namespace crossfade::migrations
