#include "migrations/statement.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "migrations/repoint.h"

namespace crossfade::migrations {
namespace {

using Names = std::vector<std::string>;

const postgres::QualifiedName kElsewhere{"crossfade_12", "My \"Table\""};
constexpr std::string_view kElsewhereQuoted = R"("crossfade_12"."My ""Table""")";

std::vector<Statement> parse(std::string_view sql) {
  return parse_statements(sql, "a.sql", 1);
}

Statement only(std::string_view sql) {
  std::vector<Statement> statements = parse(sql);
  EXPECT_EQ(statements.size(), 1U) << sql;
  return statements.empty() ? Statement{} : statements.front();
}

Problem refusal(std::string_view sql, int first_line = 1) {
  try {
    parse_statements(sql, "a.sql", first_line);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.exit_code(), ExitCode::usage);
    return failure.problem();
  }
  ADD_FAILURE() << "not refused: " << sql;
  return {};
}

std::string target_of(const Statement& statement) {
  return statement.text.substr(statement.table_begin, statement.table_end - statement.table_begin);
}

TEST(ParseStatements, GivesEachWithItsTextAndPlace) {
  const std::vector<Statement> statements = parse_statements(
      "-- why\n/* ä */ SELECT 1 -- inner\n  + 2 /* behind */;;\n\n-- ö\nSELECT ';' ; ", "a.sql", 10);
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].text, "SELECT 1 -- inner\n  + 2");
  EXPECT_EQ(statements[0].line, 11);
  EXPECT_EQ(statements[0].column, 9);
  EXPECT_EQ(statements[0].kind, StatementKind::other);
  EXPECT_EQ(statements[1].text, "SELECT ';'");
  EXPECT_EQ(location(statements[1], "a.sql"), "a.sql:15:1");
}

TEST(ParseStatements, FindsNothingInBlanksAndComments) {
  EXPECT_TRUE(parse("").empty());
  EXPECT_TRUE(parse(" \r\n;; -- a\n/* b; */ ;").empty());
}

TEST(ParseStatements, ReadsCarriageReturns) {
  const std::vector<Statement> statements = parse("ALTER TABLE a\r\n  ADD b int;\r\n-- c\r\nSELECT 1;\r\n");
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].text, "ALTER TABLE a\r\n  ADD b int");
  EXPECT_EQ(statements[1].line, 4);
}

TEST(ParseStatements, KeepsDollarQuotesWhole) {
  const std::vector<Statement> statements = parse("DO $x$ BEGIN; $$ ; END $x$; SELECT $$;$$");
  ASSERT_EQ(statements.size(), 2U);
  EXPECT_EQ(statements[0].node, "DoStmt");
  EXPECT_EQ(statements[1].text, "SELECT $$;$$");
}

TEST(ParseStatements, PointsAtSyntaxErrors) {
  const Problem problem = refusal("SELECT 'é';\nSELECT 'ü', SELEC 1;", 5);
  EXPECT_EQ(problem.code, "syntax-error");
  EXPECT_EQ(problem.object, "a.sql:6:19");
  EXPECT_EQ(problem.message, "syntax error at or near \"1\"");
  EXPECT_EQ(refusal("ALTER TABLE t\n").object, "a.sql:2:1");
  EXPECT_NE(refusal("\\d orders").next.find("psql"), std::string::npos);
}

TEST(ParseStatements, SaysWhenSqlIsNewerThanTheParser) {
  for (const std::string_view sql : {
           "ALTER TABLE t ADD CONSTRAINT n NOT NULL a NOT VALID",
           "ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a + f(b)) VIRTUAL",
           "ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a + f(b))",
           "ALTER TABLE t ADD COLUMN v int GENERATED ALWAYS AS (a), ADD w int",
           "ALTER TABLE t ALTER v SET EXPRESSION AS (a + 2)",
           "ALTER TABLE t ADD CHECK (a > 0) NOT ENFORCED",
           "ALTER TABLE t ADD PRIMARY KEY (a, b WITHOUT OVERLAPS)",
           "ALTER TABLE t ADD COLUMN v text STORAGE external",
           "MERGE INTO t USING s ON t.a = s.a WHEN NOT MATCHED BY SOURCE THEN DELETE",
       }) {
    const Problem problem = refusal("SELECT 1;" + std::string(sql) + "; SELECT 2");
    EXPECT_EQ(problem.code, "newer-syntax") << sql;
    EXPECT_NE(problem.message.find("the parser knows PostgreSQL 15's grammar"), std::string::npos);
  }
  EXPECT_EQ(refusal("SELECT 1 AS virtual; SELEC 2").code, "syntax-error");
  EXPECT_EQ(refusal("ALTER TABLE t ADD COLUMN v int NOT NUL").code, "syntax-error");
}

TEST(ParseStatements, RefusesNamesThatWouldBeCut) {
  const std::string longest(63, 'x');
  EXPECT_EQ(only("ALTER TABLE " + longest + " ADD a int").table->name, longest);
  EXPECT_EQ(refusal("ALTER TABLE t ADD " + longest + "y int").code, "identifier-too-long");
  EXPECT_EQ(refusal("ALTER TABLE t ADD \"" + std::string(62, 'x') + "é\" int").object, "a.sql:1:19");
}

TEST(ParseStatements, CanRunInSeveralThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([] {
      for (int round = 0; round < 50; ++round) {
        EXPECT_EQ(only("ALTER TABLE a.b ADD c int").commands.size(), 1U);
        EXPECT_THROW(parse("ALTER TABL"), Failure);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(AlterTable, NamesItsTargetHoweverItIsWritten) {
  struct Case {
    std::string_view sql;
    std::string_view target;
    TableReference table;
  };
  for (const Case& each : {
           Case{"ALTER TABLE orders ADD a int", "orders", {std::nullopt, "orders"}},
           Case{"ALTER TABLE IF EXISTS ONLY Public.Orders ADD a int", "Public.Orders", {"public", "orders"}},
           Case{"ALTER TABLE ONLY (orders) ADD a int, ADD b int", "orders", {std::nullopt, "orders"}},
           Case{"ALTER TABLE orders * ADD a int, ADD b int", "orders", {std::nullopt, "orders"}},
           Case{"ALTER TABLE\"My Table\"ADD a int", "\"My Table\"", {std::nullopt, "My Table"}},
           Case{"ALTER TABLE s . /* x.y */ \"a\"\"b.c\" ADD a int",
                "s . /* x.y */ \"a\"\"b.c\"",
                {"s", "a\"b.c"}},
           Case{"/* ä */ ALTER TABLE größe.Ünder ADD a int", "größe.Ünder", {"größe", "Ünder"}},
           Case{"ALTER TABLE U&\"d!0061t\" UESCAPE '!' ADD a int",
                "U&\"d!0061t\" UESCAPE '!'",
                {std::nullopt, "dat"}},
           Case{"ALTER TABLE db.s.t ADD a int", "db.s.t", {"s", "t"}},
           Case{"ALTER TABLE type ADD type int", "type", {std::nullopt, "type"}},
       }) {
    const Statement statement = only(each.sql);
    EXPECT_EQ(statement.kind, StatementKind::alter_table) << each.sql;
    EXPECT_EQ(target_of(statement), each.target);
    EXPECT_EQ(statement.table, each.table) << each.sql;
    std::string expected = statement.text;
    expected.replace(expected.find(each.target), each.target.size(), kElsewhereQuoted);
    EXPECT_EQ(with_relation(statement, kElsewhere), expected);
    EXPECT_EQ(only(expected).commands.size(), statement.commands.size());
    EXPECT_FALSE(names_other_relations(statement)) << each.sql;
  }
}

TEST(AlterTable, KeepsUnicodeLiteralsAndContinuedOnes) {
  const Statement statement = only(
      "ALTER TABLE U&\"a, b\".\"c\" ADD d text DEFAULT U&'x, \\0061', ALTER e TYPE text USING U&'y''z' || "
      "'a'\n  'b', "
      "ADD f int");
  EXPECT_EQ(target_of(statement), "U&\"a, b\".\"c\"");
  ASSERT_EQ(statement.commands.size(), 3U);
  EXPECT_EQ(statement.commands[0].default_expression, "U&'x, \\0061'");
  EXPECT_EQ(statement.commands[1].using_expression, "U&'y''z' || 'a'\n  'b'");
}

TEST(AlterTable, SplitsItsCommandsAndTheirUsings) {
  const Statement statement = only(
      "ALTER TABLE orders\n"
      "  ALTER COLUMN id TYPE bigint,\n"
      "  ALTER \"Total\" SET DATA TYPE numeric(12, 2) COLLATE \"C\" USING (round(\"Total\", 2)), -- , USING "
      "x\n"
      "  ALTER state TYPE text USING CASE WHEN state IN (1, 2) THEN 'a, b' ELSE (ARRAY['x','y'])[1] END /* , "
      "*/,\n"
      "  ALTER type TYPE text[] USING string_to_array(type, ','),\n"
      "  ALTER \"using\" TYPE timestamp with time zone USING \"using\" AT TIME ZONE 'UTC';");
  ASSERT_EQ(statement.commands.size(), 5U);
  EXPECT_EQ(statement.commands[0].subtype, "AT_AlterColumnType");
  EXPECT_EQ(statement.commands[0].text, "ALTER COLUMN id TYPE bigint");
  EXPECT_EQ(statement.commands[0].type, "bigint");
  EXPECT_EQ(statement.commands[0].using_expression, std::nullopt);
  EXPECT_EQ(statement.commands[1].name, "Total");
  EXPECT_EQ(statement.commands[1].type, "numeric(12, 2)");
  EXPECT_TRUE(statement.commands[1].has_collation);
  EXPECT_EQ(statement.commands[1].using_expression, "(round(\"Total\", 2))");
  EXPECT_EQ(statement.commands[2].using_expression,
            "CASE WHEN state IN (1, 2) THEN 'a, b' ELSE (ARRAY['x','y'])[1] END");
  EXPECT_EQ(statement.commands[3].name, "type");
  EXPECT_EQ(statement.commands[3].type, "text[]");
  EXPECT_EQ(statement.commands[3].using_expression, "string_to_array(type, ',')");
  EXPECT_EQ(statement.commands[4].type, "timestamp with time zone");
  EXPECT_EQ(statement.commands[4].using_expression, "\"using\" AT TIME ZONE 'UTC'");
}

TEST(AlterTable, IsNotConfusedByAUsingInsideAnExpression) {
  const Statement statement = only(
      "ALTER TABLE t ADD EXCLUDE USING gist (a WITH =), ALTER b TYPE int "
      "USING (SELECT x.b FROM x JOIN y USING (k)), ADD CONSTRAINT u UNIQUE USING INDEX i DEFERRABLE");
  ASSERT_EQ(statement.commands.size(), 3U);
  EXPECT_EQ(statement.commands[1].using_expression, "(SELECT x.b FROM x JOIN y USING (k))");
  EXPECT_EQ(statement.commands[2].constraints.at(0).index, "i");
  EXPECT_TRUE(statement.commands[2].constraints.at(0).deferrable);
  EXPECT_TRUE(names_other_relations(statement));
}

TEST(AlterTable, ReadsAddedColumns) {
  const Statement statement = only(
      "ALTER TABLE t ADD COLUMN IF NOT EXISTS a varchar(10) COLLATE \"C\" DEFAULT lower('X') || 'y' NOT NULL "
      "CONSTRAINT positive CHECK (a > 'a'), ADD b double precision DEFAULT -1, ADD c int DEFAULT '3'::int, "
      "ADD d serial, ADD e int GENERATED ALWAYS AS IDENTITY, ADD f int GENERATED ALWAYS AS (a + 1) STORED, "
      "ADD g text COMPRESSION lz4 REFERENCES s.other (h)");
  ASSERT_EQ(statement.commands.size(), 7U);
  const AlterCommand& first = statement.commands[0];
  EXPECT_EQ(first.name, "a");
  EXPECT_EQ(first.type, "varchar(10)");
  EXPECT_TRUE(first.if_exists);
  EXPECT_EQ(first.default_expression, "lower('X') || 'y'");
  EXPECT_TRUE(first.has_expression_default);
  EXPECT_TRUE(first.has_constraint("CONSTR_NOTNULL"));
  ASSERT_EQ(first.constraints.size(), 3U);
  EXPECT_EQ(first.constraints[2].name, "positive");
  EXPECT_EQ(first.constraints[2].text, "CONSTRAINT positive CHECK (a > 'a')");
  EXPECT_EQ(statement.commands[1].type, "double precision");
  EXPECT_EQ(statement.commands[1].default_expression, "-1");
  EXPECT_FALSE(statement.commands[1].has_expression_default);
  EXPECT_FALSE(statement.commands[2].has_expression_default);
  EXPECT_EQ(statement.commands[3].type, "serial");
  EXPECT_TRUE(statement.commands[4].has_constraint("CONSTR_IDENTITY"));
  EXPECT_EQ(statement.commands[4].type, "int");
  EXPECT_TRUE(statement.commands[5].has_constraint("CONSTR_GENERATED"));
  EXPECT_EQ(statement.commands[6].type, "text");
  EXPECT_EQ(statement.commands[6].constraints.at(0).references, (TableReference{"s", "other"}));
  EXPECT_TRUE(names_other_relations(statement));
}

TEST(AlterTable, ReadsConstraintsAndDefaults) {
  const Statement statement = only(
      "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a, b) REFERENCES t (c, d) NOT VALID, ADD PRIMARY KEY "
      "(\"Id\"), "
      "ALTER a SET DEFAULT now(), ALTER b DROP DEFAULT, DROP COLUMN IF EXISTS c CASCADE, VALIDATE CONSTRAINT "
      "f, "
      "ALTER d SET NOT NULL");
  ASSERT_EQ(statement.commands.size(), 7U);
  const ConstraintClause& key = statement.commands[0].constraints.at(0);
  EXPECT_EQ(statement.commands[0].name, "f");
  EXPECT_EQ(key.kind, "CONSTR_FOREIGN");
  EXPECT_EQ(key.text, "CONSTRAINT f FOREIGN KEY (a, b) REFERENCES t (c, d) NOT VALID");
  EXPECT_TRUE(key.not_valid);
  EXPECT_EQ(key.columns, (Names{"a", "b"}));
  EXPECT_EQ(key.referenced_columns, (Names{"c", "d"}));
  EXPECT_EQ(statement.commands[1].constraints.at(0).columns, Names{"Id"});
  EXPECT_EQ(statement.commands[2].default_expression, "now()");
  EXPECT_TRUE(statement.commands[2].has_expression_default);
  EXPECT_EQ(statement.commands[3].default_expression, std::nullopt);
  EXPECT_TRUE(statement.commands[4].cascade);
  EXPECT_TRUE(statement.commands[4].if_exists);
  EXPECT_EQ(statement.commands[5].name, "f");
  EXPECT_EQ(statement.commands[6].subtype, "AT_SetNotNull");
  EXPECT_TRUE(names_other_relations(statement)) << "a self-reference would go on meaning the live table";
}

TEST(AlterTable, KnowsWhenOtherRelationsAreNamed) {
  for (const std::string_view sql :
       {"ALTER TABLE t INHERIT u", "ALTER TABLE t ATTACH PARTITION u FOR VALUES IN (1)", "ALTER TABLE t OF u",
        "ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME s.q)",
        "ALTER TABLE t ALTER a TYPE int USING (public.t.a)", "CREATE TABLE t (LIKE u)",
        "ALTER TABLE t ADD a int REFERENCES u"}) {
    EXPECT_TRUE(names_other_relations(only(sql))) << sql;
  }
  EXPECT_FALSE(
      names_other_relations(only("ALTER TABLE t ALTER a TYPE int USING t.a + length('SELECT FROM u')")));
}

TEST(AlterStatements, OfOtherObjectsAreNotAlterTable) {
  const Statement index = only("ALTER INDEX s.i SET (fillfactor = 70)");
  EXPECT_EQ(index.kind, StatementKind::other);
  EXPECT_EQ(index.node, "AlterTableStmt");
  EXPECT_EQ(index.object_type, "OBJECT_INDEX");
  EXPECT_EQ(index.table, (TableReference{"s", "i"}));
}

TEST(Rename, KnowsColumnsConstraintsAndTables) {
  const Statement column = only("ALTER TABLE \"T\" RENAME \"Old Name\" TO \"new\"");
  EXPECT_EQ(column.kind, StatementKind::rename_column);
  EXPECT_EQ(column.old_name, "Old Name");
  EXPECT_EQ(column.new_name, "new");
  EXPECT_EQ(with_relation(column, kElsewhere),
            "ALTER TABLE " + std::string(kElsewhereQuoted) + " RENAME \"Old Name\" TO \"new\"");

  const Statement constraint = only("ALTER TABLE IF EXISTS s.t RENAME CONSTRAINT a TO b");
  EXPECT_EQ(constraint.kind, StatementKind::rename_constraint);
  EXPECT_TRUE(constraint.if_exists);
  EXPECT_EQ(target_of(constraint), "s.t");

  const Statement table = only("ALTER TABLE s.t RENAME TO u");
  EXPECT_EQ(table.kind, StatementKind::other);
  EXPECT_EQ(table.object_type, "OBJECT_TABLE");
  EXPECT_EQ(table.old_name, "t");
  EXPECT_EQ(only("ALTER VIEW v RENAME COLUMN a TO b").kind, StatementKind::other);
}

TEST(CreateIndex, IsReadAndRepointed) {
  const Statement statement = only(
      "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"On\" ON ONLY s.\"On\" USING btree (lower(a)) WHERE b "
      "> 0");
  EXPECT_EQ(statement.kind, StatementKind::create_index);
  EXPECT_TRUE(statement.concurrent);
  EXPECT_TRUE(statement.unique);
  EXPECT_TRUE(statement.if_exists);
  EXPECT_EQ(statement.index, "On");
  EXPECT_EQ(target_of(statement), "s.\"On\"");
  EXPECT_EQ(with_relation(statement, {"a", "b"}),
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"On\" ON ONLY \"a\".\"b\" USING btree "
            "(lower(a)) WHERE b > 0");
  EXPECT_EQ(with_concurrently(statement), statement.text);
  EXPECT_EQ(only("CREATE INDEX ON t(a)").index, "");
}

TEST(WithConcurrently, PutsTheWordBehindTheObject) {
  EXPECT_EQ(with_concurrently(only("create /* INDEX */ unique index i on t (a)")),
            "create /* INDEX */ unique index CONCURRENTLY i on t (a)");
  EXPECT_EQ(with_concurrently(only("DROP INDEX a")), "DROP INDEX CONCURRENTLY a");
  EXPECT_EQ(with_concurrently(only("REINDEX (VERBOSE) TABLE t")), "REINDEX (VERBOSE) TABLE CONCURRENTLY t");
  EXPECT_TRUE(only("REINDEX INDEX CONCURRENTLY i").concurrent);
  EXPECT_TRUE(only("DROP INDEX CONCURRENTLY i").concurrent);
  EXPECT_THROW(with_concurrently(only("DROP TABLE a")), std::logic_error);
}

TEST(Comment, IsRepointedOnTablesColumnsAndConstraints) {
  struct Case {
    std::string_view sql;
    std::string_view target;
  };
  for (const Case& each : {
           Case{"COMMENT ON TABLE s.t IS 'x'", "s.t"},
           Case{"COMMENT ON COLUMN t.c IS 'COLUMN x.y'", "t"},
           Case{"COMMENT ON COLUMN s.\"T\".\"c.d\" IS NULL", "s.\"T\""},
           Case{"COMMENT ON CONSTRAINT \"on\" ON s.t IS 'x'", "s.t"},
           Case{"COMMENT ON TRIGGER g ON t IS 'x'", "t"},
       }) {
    const Statement statement = only(each.sql);
    EXPECT_EQ(statement.kind, StatementKind::comment);
    EXPECT_EQ(target_of(statement), each.target) << each.sql;
    EXPECT_EQ(statement.table, parse_table_reference(each.target)) << each.sql;
  }
  EXPECT_EQ(with_relation(only("COMMENT ON COLUMN t.c IS 'x'"), {"a", "b"}),
            "COMMENT ON COLUMN \"a\".\"b\".c IS 'x'");
  const Statement database = only("COMMENT ON DATABASE d IS 'x'");
  EXPECT_EQ(database.table, std::nullopt);
  EXPECT_THROW(with_relation(database, kElsewhere), std::logic_error);
}

TEST(OtherStatements, NameTheirObjects) {
  const Statement drop = only("DROP TABLE IF EXISTS a, S.\"B\"");
  EXPECT_EQ(drop.objects, (std::vector<TableReference>{{std::nullopt, "a"}, {"s", "B"}}));
  EXPECT_TRUE(drop.if_exists);
  EXPECT_EQ(only("TRUNCATE a, b").objects.size(), 2U);
  EXPECT_EQ(only("UPDATE ONLY s.t AS x SET a = 1").table, (TableReference{"s", "t"}));
  EXPECT_EQ(only("DELETE FROM t").table, (TableReference{std::nullopt, "t"}));
  EXPECT_EQ(only("CREATE POLICY p ON s.t").table, (TableReference{"s", "t"}));
  EXPECT_EQ(only("REINDEX TABLE t").object_type, "OBJECT_TABLE");
  EXPECT_TRUE(only("DROP FUNCTION f(int)").objects.empty());
}

TEST(ParseStatements, ReadsDeepExpressions) {
  std::string sum = "1";
  for (int term = 0; term < 500; ++term) sum += " + 1";
  EXPECT_EQ(only("ALTER TABLE t ALTER a TYPE int USING " + sum).commands.at(0).using_expression, sum);
}

}  // namespace
}  // namespace crossfade::migrations
