#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/statement.h"
#include "strategies/batched_update.h"

namespace crossfade::strategies {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

postgres::Column column(int number, std::string name, bool not_null = true) {
  return {.number = number,
          .name = std::move(name),
          .type = "bigint",
          .bare_type = "pg_catalog.int8",
          .type_oid = 20,
          .base_type_oid = 20,
          .not_null = not_null};
}

postgres::Index unique_index(std::string name, std::vector<std::string> columns, std::string listed) {
  return {.name = name,
          .definition = "CREATE UNIQUE INDEX " + name + " ON public.orders USING btree (" + listed + ")",
          .unique = true,
          .key_columns = std::move(columns)};
}

/// public.orders (id PRIMARY KEY, a, b, c, where c may be NULL).
postgres::Table orders() {
  postgres::Table table{.oid = 4711, .name = {"public", "orders"}, .kind = "r", .persistence = "p"};
  table.estimated_rows = 1000;
  table.columns = {column(1, "id"), column(2, "a"), column(3, "b"), column(4, "c", false)};
  table.indexes = {unique_index("orders_pkey", {"id"}, "id")};
  table.indexes.front().primary = true;
  return table;
}

migrations::Statement parse(std::string_view sql) {
  std::vector<migrations::Statement> statements = migrations::parse_statements(sql, "a.sql", 1);
  EXPECT_EQ(statements.size(), 1U) << sql;
  return statements.at(0);
}

BatchedUpdateChoice choose(std::string_view sql, const postgres::Table& table = orders(),
                           const BatchFacts& facts = {}) {
  return plan_batched_update(parse(sql), table, facts);
}

std::vector<std::string> codes(const std::vector<Problem>& problems) {
  std::vector<std::string> out;
  for (const Problem& problem : problems) {
    EXPECT_FALSE(problem.message.empty());
    EXPECT_FALSE(problem.found.empty()) << problem.code;
    out.push_back(problem.code);
  }
  return out;
}

std::vector<std::string> refusals(std::string_view sql, const postgres::Table& table = orders(),
                                  const BatchFacts& facts = {}) {
  const BatchedUpdateChoice choice = choose(sql, table, facts);
  EXPECT_EQ(choice.plan.has_value(), choice.refusals.empty()) << sql;
  return codes(choice.refusals);
}

std::string first_change(std::string_view sql, const postgres::Table& table = orders()) {
  const BatchedUpdateChoice choice = choose(sql, table);
  for (const Problem& refusal : choice.refusals) ADD_FAILURE() << describe(refusal);
  return choice.plan ? choice.plan->first_change : "";
}

constexpr std::string_view kUpTo = R"("orders"."id" OPERATOR("pg_catalog".<=) CAST($1 AS pg_catalog.int8))";

TEST(BatchedText, GetsAWhereWhereThereIsNone) {
  EXPECT_EQ(first_change("UPDATE orders SET a = 1"),
            R"(UPDATE "public"."orders" SET a = 1 WHERE )" + std::string(kUpTo));
  EXPECT_EQ(first_change("DELETE FROM public.orders"),
            R"(DELETE FROM "public"."orders" WHERE )" + std::string(kUpTo));
}

TEST(BatchedText, PutsTheOriginalConditionInBracketsSoThatOrKeepsItsMeaning) {
  EXPECT_EQ(first_change("UPDATE orders SET a = 1 WHERE b = 1 OR b = 2"),
            R"(UPDATE "public"."orders" SET a = 1 WHERE (b = 1 OR b = 2) AND ()" + std::string(kUpTo) + ")");
  EXPECT_THAT(first_change("DELETE FROM orders WHERE a = 1 AND b = 2"), HasSubstr("(a = 1 AND b = 2) AND ("));
}

TEST(BatchedText, RestrictsByTheAlias) {
  EXPECT_THAT(first_change("UPDATE orders AS o SET a = o.b WHERE o.b > 1"),
              HasSubstr(R"("o"."id" OPERATOR)"));
  EXPECT_THAT(first_change(R"(UPDATE orders "My O" SET a = 1)"), HasSubstr(R"("My O"."id" OPERATOR)"));
}

TEST(BatchedText, KeepsOnly) {
  EXPECT_THAT(first_change("UPDATE ONLY orders SET a = 1"),
              HasSubstr(R"(UPDATE ONLY "public"."orders" SET)"));
  EXPECT_THAT(first_change("DELETE FROM ONLY (orders)"),
              HasSubstr(R"(DELETE FROM ONLY ("public"."orders") WHERE)"));
}

TEST(BatchedText, IsNotMisledByWhereInOtherPlaces) {
  for (const char* sql : {
           "UPDATE orders SET c = (SELECT x FROM other WHERE other.id = orders.id) WHERE a = 1",
           "WITH w AS (SELECT 1 AS x FROM other WHERE true) UPDATE orders SET c = x FROM w WHERE a = 1",
           "UPDATE orders /* WHERE b */ SET c = 2 -- WHERE\n WHERE -- here\n a = 1",
           "UPDATE orders SET c = (CASE WHEN b = 1 THEN 2 END) WHERE a = 1",
           "UPDATE orders SET c = length(' WHERE ') WHERE a = 1",
           "UPDATE orders SET c = $$ WHERE $$ WHERE a = 1",
           "DELETE FROM orders USING other WHERE other.where = 1 AND a = 1",
       }) {
    EXPECT_THAT(first_change(sql), ::testing::EndsWith("a = 1) AND (" + std::string(kUpTo) + ")")) << sql;
  }
  EXPECT_THAT(first_change("UPDATE orders SET c = other.where FROM other"),
              ::testing::EndsWith("FROM other WHERE " + std::string(kUpTo)));
}

TEST(BatchedText, QuotesNames) {
  postgres::Table table = orders();
  table.name = {"My Schema", "My \"Table\""};
  table.columns[0].name = "Id";
  table.indexes[0] = unique_index("k", {"Id"}, "\"Id\"");
  EXPECT_EQ(first_change(R"(UPDATE "My Schema"."My ""Table""" SET a = 1)", table),
            R"(UPDATE "My Schema"."My ""Table""" SET a = 1 WHERE )"
            R"("My ""Table"""."Id" OPERATOR("pg_catalog".<=) CAST($1 AS pg_catalog.int8))");
}

TEST(BatchedKey, ComparesCompositeKeysAsRowsAndBoundsTheFirstColumn) {
  postgres::Table table = orders();
  table.indexes[0] = unique_index("orders_a_b_key", {"a", "b"}, "a, b");
  const BatchedUpdateChoice choice = choose("UPDATE orders SET c = 1", table);
  ASSERT_TRUE(choice.plan);
  EXPECT_THAT(choice.plan->next_change,
              HasSubstr(R"(ROW("orders"."a", "orders"."b") OPERATOR("pg_catalog".>) )"
                        R"(ROW(CAST($3 AS pg_catalog.int8), CAST($4 AS pg_catalog.int8)) AND )"
                        R"("orders"."a" OPERATOR("pg_catalog".>=) CAST($3 AS pg_catalog.int8))"));
  EXPECT_THAT(choice.plan->next_change,
              HasSubstr(R"("orders"."a" OPERATOR("pg_catalog".<=) CAST($1 AS pg_catalog.int8))"));
  EXPECT_THAT(choice.plan->next_bound,
              HasSubstr(R"(ORDER BY "t"."a", "t"."b" LIMIT CAST($5 AS pg_catalog.int8))"));
  EXPECT_THAT(choice.plan->first_bound, HasSubstr("LIMIT CAST($3 AS pg_catalog.int8)"));
  EXPECT_THAT(choice.plan->end_key, HasSubstr(R"(ORDER BY "t"."a" DESC, "t"."b" DESC LIMIT 1)"));
}

TEST(BatchedKey, SpellsTheComparisonOutWhereOperatorsAreInSeveralSchemas) {
  postgres::Table table = orders();
  table.indexes[0] = unique_index("orders_a_b_key", {"a", "b"}, "a, b");
  table.columns[2].operator_schema = "extensions";
  table.columns[2].collation = R"(pg_catalog."C")";
  const BatchedUpdateChoice choice = choose("UPDATE orders SET c = 1", table);
  ASSERT_TRUE(choice.plan);
  EXPECT_THAT(
      choice.plan->first_change,
      HasSubstr(
          R"(("orders"."a" OPERATOR("pg_catalog".<=) CAST($1 AS pg_catalog.int8) AND )"
          R"(("orders"."a" OPERATOR("pg_catalog".<) CAST($1 AS pg_catalog.int8) OR )"
          R"("orders"."b" OPERATOR("extensions".<=) (CAST($2 AS pg_catalog.int8) COLLATE pg_catalog."C"))))"));
}

TEST(BatchedKey, PrefersThePrimaryKeyAndTakesAnotherWhereTheStatementSetsIt) {
  postgres::Table table = orders();
  table.indexes.push_back(unique_index("orders_a_key", {"a"}, "a"));
  EXPECT_EQ(choose("UPDATE orders SET c = 1", table).plan.value().index, "orders_pkey");
  EXPECT_EQ(choose("UPDATE orders SET id = id + 1", table).plan.value().index, "orders_a_key");
  EXPECT_THAT(refusals("UPDATE orders SET (id, a) = (1, 2)", table), ElementsAre("no-usable-key"));
}

TEST(BatchedKey, IsRefusedWhereNoIndexGivesAnOrderThatStays) {
  postgres::Table table = orders();
  table.indexes[0] = unique_index("k", {"c"}, "c");
  EXPECT_THAT(refusals("DELETE FROM orders", table), ElementsAre("no-usable-key"));
  table.indexes[0] = unique_index("k", {"a", "b"}, "a, b DESC");
  EXPECT_THAT(refusals("DELETE FROM orders", table), ElementsAre("no-usable-key"));
  table.indexes[0] = unique_index("k", {"a", "b"}, "a DESC NULLS LAST, b DESC NULLS LAST");
  EXPECT_THAT(refusals("DELETE FROM orders", table), ElementsAre("no-usable-key"));
  table.indexes[0] = unique_index("k", {"a", "b"}, "a DESC, b DESC");
  EXPECT_THAT(refusals("DELETE FROM orders", table), IsEmpty());
  for (bool postgres::Index::*flaw : {&postgres::Index::partial, &postgres::Index::expressions}) {
    postgres::Table flawed = orders();
    flawed.indexes[0].*flaw = true;
    EXPECT_THAT(refusals("DELETE FROM orders", flawed), ElementsAre("no-usable-key"));
  }
  for (bool postgres::Index::*needed : {&postgres::Index::valid, &postgres::Index::default_operators,
                                        &postgres::Index::default_collations, &postgres::Index::unique}) {
    postgres::Table flawed = orders();
    flawed.indexes[0].*needed = false;
    EXPECT_THAT(refusals("DELETE FROM orders", flawed), ElementsAre("no-usable-key"));
  }
  table.indexes.clear();
  EXPECT_THAT(refusals("DELETE FROM orders", table), ElementsAre("no-usable-key"));
}

TEST(BatchedStatement, IsRefusedWhereItsTextWouldMeanSomethingElse) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"UPDATE orders SET a = 1 RETURNING id", "batch-returning"},
      {"DELETE FROM orders WHERE CURRENT OF cursor", "batch-current-of"},
      {"UPDATE orders SET a = (SELECT row_number() OVER () FROM other)", "batch-window"},
      {"UPDATE orders SET a = count(*)", "batch-aggregate"},
      {"UPDATE orders SET a = string_agg(DISTINCT b::text, ',')::int", "batch-aggregate"},
      {"DELETE FROM orders WHERE a IN (SELECT x FROM other LIMIT 5)", "batch-limit"},
      {"DELETE FROM orders WHERE a IN (SELECT x FROM other OFFSET 5)", "batch-limit"},
      {"DELETE FROM orders WHERE a IN (SELECT x FROM other FETCH FIRST ROW ONLY)", "batch-limit"},
      {"DELETE FROM orders WHERE a IN (SELECT x FROM other TABLESAMPLE system (10))", "batch-limit"},
      {"WITH gone AS (DELETE FROM other RETURNING x) UPDATE orders SET a = gone.x FROM gone",
       "batch-effects"},
      {"DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE a = 1)", "batch-same-table"},
      {"DELETE FROM orders WHERE id IN (SELECT id FROM public.orders)", "batch-same-table"},
      {"UPDATE orders SET a = o.a FROM orders o WHERE o.id = orders.b", "batch-same-table"},
      {"DELETE FROM orders USING other JOIN orders o ON o.id = other.x WHERE true", "batch-same-table"},
      {"WITH w AS (SELECT max(id) AS m FROM orders) DELETE FROM orders USING w WHERE id = m",
       "batch-same-table"},
      {"UPDATE orders SET a = g FROM generate_series(1, 3) g", "batch-set-returning"},
      {"DELETE FROM orders WHERE ctid < '(10,0)'", "batch-system-column"},
      {"DELETE FROM orders WHERE orders.xmin = '7'", "batch-system-column"},
      {"DELETE FROM orders WHERE id = $1", "batch-parameter"},
  };
  for (const auto& [sql, code] : cases) EXPECT_THAT(refusals(sql), ElementsAre(code)) << sql;
}

TEST(BatchedStatement, NamesAllReasonsAtOnce) {
  EXPECT_THAT(
      refusals("UPDATE orders SET id = 1 WHERE a IN (SELECT a FROM orders LIMIT 1) RETURNING id"),
      ::testing::UnorderedElementsAre("batch-returning", "batch-limit", "batch-same-table", "no-usable-key"));
}

TEST(BatchedStatement, MayReadOtherTables) {
  for (const char* sql : {
           "UPDATE orders SET a = (SELECT max(x) FROM other WHERE other.id = orders.id)",
           "UPDATE orders SET a = other.x FROM other WHERE other.id = orders.id",
           "DELETE FROM orders WHERE EXISTS (SELECT FROM archive.orders a WHERE a.id = orders.id)",
           "WITH w AS (SELECT * FROM other) UPDATE orders SET a = w.x FROM w",
       }) {
    const BatchedUpdateChoice choice = choose(sql);
    EXPECT_TRUE(choice.plan) << sql;
    EXPECT_THAT(codes(choice.announcements), ElementsAre("batch-reads-others")) << sql;
  }
}

TEST(BatchedStatement, IsRefusedByWhatTheCatalogSaysOfItsNames) {
  const std::string sql = "UPDATE orders SET a = total(b) WHERE b IN (SELECT x FROM seen)";
  BatchFacts facts;
  facts.relations = {{.name = {.schema = {}, .name = "seen"}, .reads_table = true}};
  facts.functions = {{.name = {.name = "total", .outermost = true}, .aggregate = true}};
  EXPECT_THAT(refusals(sql, orders(), facts), ElementsAre("batch-same-table", "batch-aggregate"));
  facts = {.functions = {{.name = {.name = "total", .outermost = true}, .set_returning = true}}};
  EXPECT_THAT(refusals(sql, orders(), facts), ElementsAre("batch-set-returning"));
  facts = {.functions = {{.name = {.name = "total", .outermost = false}, .aggregate = true}}};
  EXPECT_THAT(refusals(sql, orders(), facts), IsEmpty());
}

TEST(BatchedStatement, IsRefusedOnTablesWithoutOneSetOfRows) {
  for (const char* kind : {"p", "v", "f", "m"}) {
    postgres::Table table = orders();
    table.kind = kind;
    EXPECT_THAT(refusals("DELETE FROM orders", table), Contains("batch-relation")) << kind;
  }
  EXPECT_THAT(refusals("DELETE FROM orders", orders(), {.has_children = true}),
              ElementsAre("batch-inheritance"));
  EXPECT_THAT(refusals("DELETE FROM ONLY orders", orders(), {.has_children = true}), IsEmpty());
  EXPECT_THAT(refusals("DELETE FROM orders", orders(), {.has_rules = true}), ElementsAre("batch-rules"));
  EXPECT_THAT(refusals("DELETE FROM orders", orders(), {.hides_rows = true}),
              ElementsAre("batch-row-security"));
}

TEST(BatchedStatement, IsRefusedWhereAConstraintIsCheckedOverAllRows) {
  postgres::Table table = orders();
  table.indexes.push_back(unique_index("orders_a_key", {"a"}, "a"));
  EXPECT_THAT(refusals("UPDATE orders SET a = a + 1", table), IsEmpty());
  table.indexes.back().immediate = false;
  EXPECT_THAT(refusals("UPDATE orders SET a = a + 1", table), ElementsAre("batch-deferrable"));
  EXPECT_THAT(refusals("UPDATE orders SET b = b + 1", table), IsEmpty());

  const ReferenceFact own{.name = "parent",
                          .table = "public.orders",
                          .same_table = true,
                          .referenced_columns = {"a"},
                          .delete_action = "a"};
  EXPECT_THAT(refusals("UPDATE orders SET a = a + 1", orders(), {.references = {own}}),
              ElementsAre("batch-referenced"));
  EXPECT_THAT(refusals("UPDATE orders SET b = NULL", orders(), {.references = {own}}), IsEmpty());
  EXPECT_THAT(refusals("DELETE FROM orders", orders(), {.references = {own}}),
              ElementsAre("batch-self-reference"));
  ReferenceFact cascade = own;
  cascade.delete_action = "c";
  EXPECT_THAT(refusals("DELETE FROM orders", orders(), {.references = {cascade}}), IsEmpty());
}

TEST(BatchedStatement, AnnouncesWhatIsOtherwise) {
  EXPECT_THAT(codes(choose("UPDATE orders SET a = 1").announcements), IsEmpty());
  for (const char* sql :
       {"UPDATE orders SET a = extract(year FROM now())", "DELETE FROM orders WHERE b < f(CURRENT_DATE)"})
    EXPECT_THAT(codes(choose(sql).announcements), ElementsAre("batch-clock")) << sql;
  EXPECT_THAT(codes(choose("UPDATE orders SET c = length(CURRENT_USER)").announcements), IsEmpty());
  BatchFacts facts{.functions = {{.name = {.name = "f", .outermost = true}, .may_read_tables = true}},
                   .references = {{.name = "lines", .table = "public.lines", .delete_action = "c"}},
                   .row_triggers = {"audit"},
                   .statement_triggers = {"notify"}};
  EXPECT_THAT(codes(choose("UPDATE orders SET a = f(b)", orders(), facts).announcements),
              ElementsAre("batch-triggers", "batch-statement-triggers", "batch-functions"));
  EXPECT_THAT(codes(choose("DELETE FROM orders", orders(), facts).announcements), Contains("batch-cascades"));
}

TEST(FillStatement, FillsWhereTheColumnIsNull) {
  const BatchedUpdatePlan plan =
      plan_batched_update(fill_statement(orders().name, "My New", "a + 1 -- or so"), orders(), {})
          .plan.value();
  EXPECT_EQ(plan.first_change,
            "UPDATE \"public\".\"orders\" SET \"My New\" = (a + 1 -- or so\n) WHERE (\"My New\" IS "
            "NULL) AND (" +
                std::string(kUpTo) + ")");
  EXPECT_EQ(plan.table_oid, 4711U);
  EXPECT_EQ(plan.estimated_rows, 1000);
}

TEST(FillStatement, RefusesWhatIsNotOneExpressionOrReadsTheTable) {
  EXPECT_THROW(fill_statement(orders().name, "c", "1); DELETE FROM orders; --"), Failure);
  const auto reads = fill_statement(orders().name, "c", "(SELECT max(id) FROM orders)");
  EXPECT_THAT(codes(plan_batched_update(reads, orders(), {}).refusals), Contains("batch-same-table"));
}

TEST(BatchedUpdatePlan, SurvivesTheJournal) {
  const BatchedUpdatePlan plan = choose("UPDATE orders SET a = 1").plan.value();
  const boost::json::value stored = boost::json::parse(boost::json::serialize(boost::json::value_from(plan)));
  const auto loaded = boost::json::value_to<BatchedUpdatePlan>(stored);
  EXPECT_EQ(loaded.next_change, plan.next_change);
  EXPECT_EQ(loaded.key.size(), 1U);
  EXPECT_EQ(boost::json::value_from(loaded), boost::json::value_from(plan));
}

}  // namespace
}  // namespace crossfade::strategies
