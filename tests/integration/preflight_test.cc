#include "checkers/preflight.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "postgres/catalog.h"
#include "tests/support/scratch_database.h"

namespace crossfade::checkers {
namespace {

using postgres::quote_identifier;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::UnorderedElementsAre;

constexpr std::string_view kOrdinaryTable = R"sql(
CREATE TYPE mood AS ENUM ('calm', 'busy');
CREATE DOMAIN amount AS numeric(12, 2) CHECK (VALUE >= 0);
CREATE FUNCTION upper_case(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT pg_catalog.upper($1)';
CREATE TABLE orders (
  id serial PRIMARY KEY,
  number integer GENERATED ALWAYS AS IDENTITY,
  customer text NOT NULL DEFAULT 'nobody' CHECK (customer <> ''),
  moods mood[] DEFAULT '{calm}',
  price amount NOT NULL DEFAULT 0,
  doubled numeric GENERATED ALWAYS AS (price * 2) STORED,
  made timestamptz NOT NULL DEFAULT now(),
  UNIQUE (number, customer) DEFERRABLE,
  CHECK (price < 1000000 AND made > '2000-01-01') NOT VALID);
CREATE INDEX orders_customer ON orders (customer) WHERE price > 0;
CREATE INDEX orders_upper ON orders (upper_case(customer)) INCLUDE (price);
COMMENT ON TABLE orders IS 'all of them';
COMMENT ON COLUMN orders.id IS 'the key';
INSERT INTO orders (customer) VALUES ('a'), ('b');
CREATE TABLE other (id integer PRIMARY KEY);
)sql";

class Preflight : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    tests::shared_server({.settings = {{"max_prepared_transactions", "4"}, {"wal_level", "logical"}}});
  }

  Preflight() {
    as_owner(std::string(kOrdinaryTable));
    request_.display = "public.orders";
    request_.table_oid = oid("public.orders");
  }

  std::uint32_t oid(const std::string& relation) {
    return static_cast<std::uint32_t>(std::stoul(database_.scalar("SELECT $1::regclass::oid", {relation})));
  }

  void as_owner(const std::string& sql) {
    database_.application_session(database_.owner())->run({"test.setup", sql});
  }

  /// "code: object" of every finding, under a search_path that finds none of the objects.
  std::vector<std::string> findings(const std::string& role) { return listed(role, preflight); }
  /// Of an empty copy, which carries less.
  std::vector<std::string> findings_of_empty_copy() {
    return listed(database_.owner(), preflight_of_empty_copy);
  }

  template <class Checks>
  std::vector<std::string> listed(const std::string& role, Checks checks) {
    const auto session = database_.application_session(role);
    session->run({"test.search_path", "SET search_path = nowhere, \"$user\""});
    std::vector<std::string> out;
    for (const Problem& problem : checks(*session, request_)) {
      out.push_back(problem.code + ": " + problem.object);
      EXPECT_FALSE(problem.message.empty() || problem.expected.empty() || problem.next.empty()) << out.back();
      EXPECT_EQ((problem.message + problem.next).find('{'), std::string::npos)
          << problem.message << problem.next;
    }
    return out;
  }
  std::vector<std::string> findings() { return findings(database_.owner()); }

  tests::ScratchDatabase database_;
  PreflightRequest request_;
};

TEST_F(Preflight, PassesAnOrdinaryTableOfAnOrdinaryOwner) {
  const std::string reader = database_.create_role("reader");
  as_owner(
      fmt::format("GRANT SELECT ON orders TO {0}, PUBLIC; GRANT UPDATE (customer) ON orders TO {0};"
                  "CREATE FUNCTION by_name() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM orders'",
                  quote_identifier(reader)));
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_THAT(findings("postgres"), IsEmpty());
  as_owner("DROP OWNED BY CURRENT_USER");
}

TEST_F(Preflight, PassesAnUnloggedTable) {
  as_owner("ALTER TABLE orders SET UNLOGGED");
  EXPECT_THAT(findings(), IsEmpty());
}

struct Refusal {
  std::string name;
  std::string setup;  ///< run by the owner, or by the superuser where by_superuser
  std::vector<std::string> expected;
  bool by_superuser = false;
  std::string cleanup = "";
};
void PrintTo(const Refusal& refusal, std::ostream* out) {
  *out << refusal.name;
}

class PreflightRefuses : public Preflight, public ::testing::WithParamInterface<Refusal> {};

TEST_P(PreflightRefuses, AndNamesTheObject) {
  const Refusal& refusal = GetParam();
  if (refusal.by_superuser) {
    database_.execute(refusal.setup);
  } else {
    as_owner(refusal.setup);
  }
  EXPECT_THAT(findings_of_empty_copy(), ::testing::UnorderedElementsAreArray(refusal.expected));
  // A run with a new table carries it over.
  static const std::set<std::string> kCarried = {"ForeignKeyOut",
                                                 "ForeignKeyIn",
                                                 "ForeignKeyInFromAPartitionedTable",
                                                 "ForeignKeyToItself",
                                                 "View",
                                                 "ViewGroupedByTheKey",
                                                 "MaterializedView",
                                                 "RuleOfAnotherTable",
                                                 "FunctionWithAParsedBody",
                                                 "FunctionOverTheRowType",
                                                 "UserTrigger",
                                                 "DisabledUserTrigger",
                                                 "Rule",
                                                 "Policy",
                                                 "ExclusionConstraint",
                                                 "InvalidIndex",
                                                 "ExtendedStatistics",
                                                 "SecurityLabel",
                                                 "Publication",
                                                 "PublicationOfTheSchema",
                                                 "PublicationOfAllTables",
                                                 "PolicyOfAnotherTable",
                                                 "CompositeType"};
  EXPECT_THAT(findings(), ::testing::UnorderedElementsAreArray(kCarried.contains(refusal.name)
                                                                   ? std::vector<std::string>()
                                                                   : refusal.expected));
  if (!refusal.cleanup.empty()) database_.execute(refusal.cleanup);
}

const Refusal kRefusals[] = {
    {"ForeignKeyOut",
     "ALTER TABLE orders ADD CONSTRAINT away FOREIGN KEY (number) REFERENCES other NOT VALID",
     {"foreign-key: constraint away on public.orders"}},
    {"ForeignKeyIn",
     "ALTER TABLE other ADD CONSTRAINT home FOREIGN KEY (id) REFERENCES orders",
     {"incoming-foreign-key: constraint home on public.other"}},
    {"ForeignKeyInFromAPartitionedTable",
     "CREATE TABLE parts (id integer REFERENCES orders) PARTITION BY LIST (id);"
     "CREATE TABLE part PARTITION OF parts DEFAULT",
     {"incoming-foreign-key: constraint parts_id_fkey on public.parts"}},
    {"ForeignKeyToItself",
     "ALTER TABLE orders ADD CONSTRAINT own FOREIGN KEY (number) REFERENCES orders",
     {"foreign-key: constraint own on public.orders"}},
    {"View", "CREATE VIEW seen AS SELECT id FROM orders", {"dependent-view: view public.seen"}},
    {"ViewGroupedByTheKey",
     "CREATE VIEW seen AS SELECT id, customer FROM orders GROUP BY id",
     {"dependent-view: view public.seen"}},
    {"MaterializedView",
     "CREATE MATERIALIZED VIEW kept AS SELECT id FROM orders",
     {"dependent-view: materialized view public.kept"}},
    {"RuleOfAnotherTable",
     "CREATE RULE forward AS ON INSERT TO other DO ALSO DELETE FROM orders WHERE false",
     {"dependent-view: rule forward on public.other"}},
    {"FunctionWithAParsedBody",
     "CREATE FUNCTION parsed() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM orders; END",
     {"dependent-function: function public.parsed()"}},
    {"FunctionOverTheRowType",
     "CREATE FUNCTION rows_of() RETURNS SETOF orders LANGUAGE sql AS 'SELECT * FROM orders'",
     {"row-type-use: function public.rows_of()"}},
    {"ColumnOfTheRowType",
     "ALTER TABLE other ADD copy orders",
     {"row-type-use: table column public.other.copy"}},
    {"ColumnOfTheArrayType",
     "ALTER TABLE other ADD copies orders[]",
     {"row-type-use: table column public.other.copies"}},
    {"CompositeType",
     "CREATE TYPE pair AS (one orders, many orders[])",
     {"row-type-use: composite type column public.pair.one",
      "row-type-use: composite type column public.pair.many"}},
    {"DomainOverTheRowType", "CREATE DOMAIN wrapped AS orders", {"row-type-use: type public.wrapped"}},
    {"ExpressionOverTheRowType",
     "ALTER TABLE other ADD b boolean DEFAULT (NULL::orders IS NULL)",
     {"row-type-use: default value for public.other.b"}},
    {"UserTrigger",
     "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER audited AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION audit()",
     {"user-trigger: trigger audited on public.orders"}},
    {"DisabledUserTrigger",
     "CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER audited AFTER UPDATE OF customer ON orders FOR EACH ROW EXECUTE FUNCTION audit();"
     "ALTER TABLE orders DISABLE TRIGGER audited",
     {"user-trigger: trigger audited on public.orders"}},
    {"TriggerOfAnotherRun",
     "CREATE SCHEMA crossfade_7;"
     "CREATE FUNCTION crossfade_7.capture() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE TRIGGER captured AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION crossfade_7.capture()",
     {"left-over-trigger: trigger captured on public.orders"}},
    {"Rule",
     "CREATE RULE quiet AS ON DELETE TO orders DO ALSO NOTHING",
     {"rule: rule quiet on public.orders"}},
    {"Policy",
     "CREATE POLICY mine ON orders USING (customer = current_user)",
     {"policy: policy mine on public.orders"}},
    {"RowSecurityWithoutPolicies", "ALTER TABLE orders ENABLE ROW LEVEL SECURITY", {}},
    {"ForcedRowSecurity",
     "ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
     {"row-security-filters: public.orders"}},
    {"ExclusionConstraint",
     "ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE USING gist (int8range(id, id + 1) WITH &&)",
     {"exclusion-constraint: constraint apart on public.orders"}},
    {"InvalidIndex",
     "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orders_customer'::regclass",
     {"invalid-index: index public.orders_customer"},
     true},
    {"ExtendedStatistics",
     "CREATE STATISTICS together ON customer, price FROM orders",
     {"extended-statistics: statistics object public.together"}},
    {"SecurityLabel",
     "INSERT INTO pg_seclabel VALUES ('orders'::regclass, 'pg_class'::regclass, 0, 'guard', 'secret')",
     {"security-label: security label of public.orders"},
     true},
    {"InheritanceParent",
     "CREATE TABLE base (id integer); ALTER TABLE orders INHERIT base",
     {"inheritance: table public.base"}},
    {"InheritanceChild", "CREATE TABLE child () INHERITS (orders)", {"inheritance: table public.child"}},
    {"Publication",
     "CREATE PUBLICATION news FOR TABLE orders (id, customer) WHERE (id > 0)",
     {"publication: publication news"}},
    {"PublicationOfTheSchema",
     "CREATE PUBLICATION news FOR TABLES IN SCHEMA public",
     {"publication: publication news"},
     true},
    {"PublicationOfAllTables",
     "CREATE PUBLICATION \"All News\" FOR ALL TABLES",
     {"publication: publication \"All News\""},
     true},
    {"Subscription",
     "CREATE SUBSCRIPTION incoming CONNECTION 'dbname=nowhere' PUBLICATION p WITH (connect = false, "
     "slot_name = NONE);"
     "INSERT INTO pg_subscription_rel SELECT oid, 'orders'::regclass, 'r' FROM pg_subscription",
     {"subscription: subscription incoming"},
     true,
     "DROP SUBSCRIPTION incoming"},
    {"ExtensionOwnedTable",
     "ALTER EXTENSION plpgsql ADD TABLE orders",
     {"extension-owned: table public.orders"},
     true},
    {"IndexThatDependsOnAnExtension",
     "ALTER INDEX orders_customer DEPENDS ON EXTENSION plpgsql",
     {"extension-owned: index public.orders_customer"}},
    {"EventTrigger",
     "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
     "CREATE EVENT TRIGGER watched ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE VIEW') EXECUTE "
     "FUNCTION watch();"
     "CREATE EVENT TRIGGER never ON ddl_command_end EXECUTE FUNCTION watch(); ALTER EVENT TRIGGER never "
     "DISABLE;"
     "CREATE EVENT TRIGGER replicas ON sql_drop EXECUTE FUNCTION watch(); ALTER EVENT TRIGGER replicas "
     "ENABLE REPLICA;"
     "CREATE EVENT TRIGGER views ON ddl_command_end WHEN TAG IN ('CREATE VIEW') EXECUTE FUNCTION watch()",
     {"event-trigger: event trigger watched"},
     true},
    {"PreparedTransaction",
     "BEGIN; LOCK TABLE orders IN ROW EXCLUSIVE MODE; INSERT INTO orders DEFAULT VALUES; PREPARE TRANSACTION "
     "'half done'",
     {"prepared-transaction: prepared transaction 'half done'"},
     false,
     "ROLLBACK PREPARED 'half done'"},
    {"PolicyOfAnotherTable",
     "CREATE POLICY known ON other USING (EXISTS (SELECT FROM orders o WHERE o.id = other.id))",
     {"unknown-dependent: policy known on table public.other"}},
    {"DefaultThatHoldsTheTablesOid",
     "ALTER TABLE other ADD source oid DEFAULT 'orders'::regclass",
     {"unknown-dependent: default value for column source of table public.other"}},
    {"OwnDefaultThatHoldsTheTablesOid",
     "ALTER TABLE orders ADD source oid DEFAULT 'orders'::regclass",
     {"unknown-dependent: default value for column source of table public.orders"}},
    {"DefaultThatUsesTheIdentitySequence",
     "ALTER TABLE other ALTER id SET DEFAULT nextval('orders_number_seq')",
     {"unknown-dependent: default value for column id of table public.other"}},
    {"ViewOfTheIdentitySequence",
     "CREATE VIEW last AS SELECT last_value FROM orders_number_seq",
     {"unknown-dependent: rule _RETURN on view public.last"}},
    {"ConstraintTriggerOfAnotherTable",
     "CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
     "CREATE CONSTRAINT TRIGGER looked AFTER INSERT ON other FROM orders FOR EACH ROW EXECUTE FUNCTION "
     "look()",
     {"unknown-dependent: trigger looked on table public.other"}},
};

INSTANTIATE_TEST_SUITE_P(Objects, PreflightRefuses, ::testing::ValuesIn(kRefusals),
                         [](const auto& instance) { return instance.param.name; });

TEST_F(Preflight, RefusesWhatIsNotAnOrdinaryTable) {
  as_owner(
      "CREATE VIEW a_view AS SELECT 1 AS id; CREATE MATERIALIZED VIEW a_copy AS SELECT 1 AS id;"
      "CREATE SCHEMA crossfade_3; CREATE TABLE crossfade_3.shadow (id integer)");
  database_.execute(
      "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w;"
      "CREATE FOREIGN TABLE far (id integer) SERVER s");
  const auto holder = database_.application_session();
  holder->run({"test.setup", "CREATE TEMPORARY TABLE brief (id integer)"});
  for (const auto& [relation, kind] :
       {std::pair("a_view", "a view"), std::pair("a_copy", "a materialized view"),
        std::pair("far", "a foreign table"), std::pair("brief", "a temporary table"),
        std::pair("pg_class", "a system table"),
        std::pair("information_schema.sql_features", "a system table"),
        std::pair("orders_id_seq", "a sequence"), std::pair("orders_pkey", "an index"),
        std::pair("crossfade_3.shadow", "a table of crossfade's own")}) {
    request_.table_oid = static_cast<std::uint32_t>(
        holder->run({"test.oid", "SELECT $1::regclass::oid AS oid"}, {relation}).only().integer("oid"));
    request_.display = relation;
    const auto session = database_.session();
    const std::vector<Problem> problems = preflight(*session, request_);
    ASSERT_FALSE(problems.empty()) << relation;
    EXPECT_EQ(problems.front().code, "not-an-ordinary-table") << relation;
    EXPECT_EQ(problems.front().found, kind) << relation;
  }
}

TEST_F(Preflight, PassesPartitionedTablesAndPartitionsButNotForAnEmptyCopy) {
  as_owner(
      "CREATE TABLE parts (id integer) PARTITION BY LIST (id); CREATE TABLE part PARTITION OF parts DEFAULT");
  for (const char* table : {"parts", "part"}) {
    request_.table_oid = oid(table);
    request_.display = table;
    EXPECT_THAT(findings(), IsEmpty()) << table;
    EXPECT_THAT(findings_of_empty_copy(), ElementsAre("not-an-ordinary-table: " + std::string(table)));
  }
}

TEST_F(Preflight, RefusesAnOidThatIsGone) {
  as_owner("DROP TABLE orders");
  EXPECT_THAT(findings(), ElementsAre("not-an-ordinary-table: public.orders"));
}

TEST_F(Preflight, PassesATypedTable) {
  as_owner("CREATE TYPE shape AS (id integer); CREATE TABLE typed OF shape (PRIMARY KEY (id))");
  request_.table_oid = oid("typed");
  request_.display = "public.typed";
  EXPECT_THAT(findings(), IsEmpty());
  EXPECT_THAT(findings_of_empty_copy(), ElementsAre("typed-table: public.typed"));
}

TEST_F(Preflight, PassesAnotherAccessMethodWithThePagesOfAHeap) {
  database_.execute("CREATE ACCESS METHOD pile TYPE TABLE HANDLER heap_tableam_handler");
  as_owner("CREATE TABLE piled (id integer PRIMARY KEY) USING pile");
  request_.table_oid = oid("piled");
  request_.display = "public.piled";
  EXPECT_THAT(findings(), IsEmpty());
}

TEST_F(Preflight, ListsEveryMissingRightAtOnce) {
  const std::string stranger = database_.create_role("stranger");
  as_owner("REVOKE ALL ON SCHEMA public FROM PUBLIC");
  EXPECT_THAT(findings(stranger), ElementsAre("not-owner: public.orders", "no-schema-right: SCHEMA public",
                                              "no-schema-right: SCHEMA public",
                                              "no-database-right: DATABASE " + database_.name()));
}

TEST_F(Preflight, RefusesAnOwnerWhoLacksRightsOnItsSurroundings) {
  const std::string app = database_.create_role("app");
  database_.execute("ALTER TABLE orders OWNER TO " + quote_identifier(app));
  database_.execute(
      fmt::format("REVOKE CREATE ON SCHEMA public FROM PUBLIC; REVOKE USAGE ON TYPE mood FROM PUBLIC;"
                  "REVOKE DELETE ON orders FROM {}",
                  quote_identifier(app)));
  EXPECT_THAT(findings(app),
              UnorderedElementsAre("no-schema-right: SCHEMA public",
                                   "no-database-right: DATABASE " + database_.name(),
                                   "no-type-right: TYPE public.mood", "no-table-right: public.orders"));
}

TEST_F(Preflight, PassesAMemberOfTheOwner) {
  const std::string member = database_.create_role("member");
  database_.execute(
      fmt::format("GRANT {} TO {}", quote_identifier(database_.owner()), quote_identifier(member)));
  EXPECT_THAT(findings(member), IsEmpty());
}

TEST_F(Preflight, RefusesAMemberWhoDoesNotInherit) {
  const std::string member = database_.create_role("member", "NOINHERIT");
  database_.execute(
      fmt::format("GRANT {} TO {}", quote_identifier(database_.owner()), quote_identifier(member)));
  EXPECT_THAT(findings(member), IsSupersetOf({"not-owner: public.orders"}));
}

TEST_F(Preflight, RefusesGrantsThatTheOwnerDidNotMake) {
  const std::string lender = database_.create_role("lender");
  const std::string reader = database_.create_role("reader");
  as_owner(
      fmt::format("GRANT SELECT, UPDATE (price) ON orders TO {0} WITH GRANT OPTION;"
                  "GRANT USAGE ON SEQUENCE orders_number_seq TO {0} WITH GRANT OPTION",
                  quote_identifier(lender)));
  EXPECT_THAT(findings(), IsEmpty());
  database_.application_session(lender)->run(
      {"test.grant", fmt::format("GRANT SELECT, UPDATE (price) ON orders TO {0};"
                                 "GRANT USAGE ON SEQUENCE orders_number_seq TO {0}",
                                 quote_identifier(reader))});
  EXPECT_THAT(findings(), ElementsAre("foreign-grant: sequence public.orders_number_seq",
                                      "foreign-grant: table column public.orders.price",
                                      "foreign-grant: table public.orders"));
  as_owner("DROP OWNED BY CURRENT_USER CASCADE");
}

TEST_F(Preflight, ReportsEverythingAtOnce) {
  as_owner(
      "CREATE TABLE child () INHERITS (orders); ALTER TABLE other ADD copy orders; CREATE DOMAIN wrapped AS "
      "orders");
  EXPECT_THAT(findings(),
              ElementsAre("inheritance: table public.child", "row-type-use: table column public.other.copy",
                          "row-type-use: type public.wrapped"));
}

TEST_F(Preflight, OfAnEmptyCopyDoesNotCountAViewOfAView) {
  as_owner("CREATE VIEW one AS SELECT id FROM orders; CREATE VIEW two AS SELECT id FROM one");
  EXPECT_THAT(findings_of_empty_copy(), ElementsAre("dependent-view: view public.one"));
}

TEST_F(Preflight, ListsWhatHangsOnTheTableAndBelongsToOthers) {
  const std::string other = database_.create_role("other");
  as_owner(fmt::format("GRANT SELECT, REFERENCES ON orders TO {0}; GRANT CREATE ON SCHEMA public TO {0}",
                       quote_identifier(other)));
  database_.application_session(other)->run(
      {"test.setup",
       "CREATE VIEW theirs AS SELECT id FROM orders; CREATE TABLE parts (id integer REFERENCES orders);"
       "CREATE FUNCTION counted() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM orders; END;"
       "CREATE FUNCTION named(orders) RETURNS text LANGUAGE sql AS 'SELECT $1.customer';"
       "CREATE POLICY known ON parts USING (EXISTS (SELECT FROM orders o WHERE o.id = parts.id));"
       "CREATE TYPE pair AS (one orders)"});
  database_.execute(
      "CREATE SCHEMA away; CREATE PUBLICATION news FOR TABLE orders; CREATE VIEW away.seen AS SELECT * FROM "
      "theirs; CREATE FUNCTION fires() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
      "CREATE TRIGGER fires AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION fires(); REVOKE EXECUTE ON "
      "FUNCTION "
      "fires() FROM PUBLIC; CREATE TABLE locked (id integer PRIMARY KEY); ALTER TABLE orders ADD FOREIGN KEY "
      "(number) "
      "REFERENCES locked NOT VALID");
  EXPECT_THAT(findings(),
              UnorderedElementsAre(
                  "dependent-not-owned: view public.theirs", "dependent-not-owned: view away.seen",
                  "dependent-not-owned: table public.parts", "dependent-not-owned: function public.counted()",
                  "dependent-not-owned: function public.named(public.orders)",
                  "dependent-not-owned: composite type public.pair", "dependent-not-owned: publication news",
                  "no-schema-right: SCHEMA away", "no-schema-right: SCHEMA away",
                  "no-references-right: table public.locked", "no-execute-right: function public.fires()"));
  EXPECT_THAT(findings("postgres"), IsEmpty());
  database_.execute("DROP SCHEMA away CASCADE; DROP OWNED BY " + quote_identifier(other) + " CASCADE");
}

TEST_F(Preflight, LetsTheFileAcceptWhatCostsNoRowAndNothingElse) {
  database_.execute(
      "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
      "CREATE EVENT TRIGGER watched ON ddl_command_end EXECUTE FUNCTION watch()");
  as_owner("CREATE TABLE child () INHERITS (orders)");
  request_.allowed = {"event-trigger", "inheritance", "not-owner"};
  EXPECT_THAT(findings(), ElementsAre("inheritance: table public.child"));
  const std::string stranger = database_.create_role("stranger");
  EXPECT_THAT(findings(stranger), IsSupersetOf({"not-owner: public.orders"}));
  request_.allowed.clear();
  EXPECT_THAT(findings(),
              ElementsAre("inheritance: table public.child", "event-trigger: event trigger watched"));
}

TEST_F(Preflight, RefusesAPublicationOfAllTablesOnceItHasASubscriber) {
  database_.execute("CREATE PUBLICATION everything FOR ALL TABLES");
  EXPECT_THAT(findings(), IsEmpty());
  database_.execute(
      "SELECT pg_create_logical_replication_slot('reader_' || (SELECT oid FROM pg_database WHERE datname = "
      "current_database()), 'pgoutput')");
  EXPECT_THAT(findings(), ElementsAre("publication-of-all-tables: publication everything"));
  database_.execute(
      "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = "
      "current_database()");
}

class Announcements : public Preflight {
 protected:
  std::vector<std::string> announced() {
    const auto session = database_.application_session(database_.owner());
    session->run({"test.search_path", "SET search_path = nowhere"});
    std::vector<std::string> out;
    for (const Problem& problem : announcements(*session, request_))
      out.push_back(problem.code + ": " + problem.object);
    return out;
  }
};

TEST_F(Announcements, NameTheSequenceThatStaysInteger) {
  request_.type_changes = {{"id", "bigint"}};
  EXPECT_THAT(announced(), ElementsAre("integer-sequence: sequence public.orders_id_seq",
                                       "prepared-statements: public.orders",
                                       "index-build-snapshot: public.orders", "disk: public.orders"));
}

TEST_F(Announcements, NameFunctionsWithVariablesOfTheColumnsType) {
  as_owner(
      "CREATE FUNCTION latest() RETURNS void LANGUAGE plpgsql AS 'DECLARE v orders.price%TYPE; BEGIN END';"
      "CREATE FUNCTION unrelated() RETURNS void LANGUAGE plpgsql AS 'DECLARE v other.id%TYPE; BEGIN END'");
  request_.type_changes = {{"price", "numeric"}};
  EXPECT_THAT(announced(), ElementsAre("prepared-statements: public.orders",
                                       "compiled-type-variable: function public.latest()",
                                       "index-build-snapshot: public.orders", "disk: public.orders"));
}

TEST_F(Announcements, SayHowMuchDiskIsNeeded) {
  request_.estimated_bytes = std::uint64_t{3} << 30;
  const auto session = database_.session(database_.owner());
  const std::vector<Problem> problems = announcements(*session, request_);
  ASSERT_FALSE(problems.empty());
  EXPECT_EQ(problems.back().code, "disk");
  EXPECT_THAT(problems.back().expected, HasSubstr("about 3.0 GB free"));
}

}  // namespace
}  // namespace crossfade::checkers
