#include "orchestrator/batch_facts.h"

#include <boost/json.hpp>
#include <string>
#include <utility>

#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;
using postgres::Rows;

// Views down to what they read, and tables down to their children and partitions. A materialized view holds
// rows of its own.
constexpr std::string_view kReadsTable = R"sql(
WITH RECURSIVE reads(oid) AS (
  SELECT pg_catalog.to_regclass($1)::pg_catalog.oid
  UNION
  SELECT further.oid FROM reads CROSS JOIN LATERAL (
    SELECT d.refobjid AS oid
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_rewrite w ON w.ev_class = c.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
     WHERE c.oid = reads.oid AND c.relkind = 'v'
    UNION ALL
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = reads.oid) AS further)
SELECT COALESCE(pg_catalog.bool_or(oid = $2::pg_catalog.oid), false) AS reads_table FROM reads
)sql";

// By the name alone: which of several functions of one name is meant depends on the arguments' types.
constexpr std::string_view kFunction = R"sql(
SELECT COALESCE(pg_catalog.bool_or(p.prokind = 'a'), false) AS aggregate,
       COALESCE(pg_catalog.bool_or(p.prokind = 'w'), false) AS window,
       COALESCE(pg_catalog.bool_or(p.proretset), false) AS set_returning,
       COALESCE(pg_catalog.bool_or(p.provolatile <> 'i' AND n.nspname <> 'pg_catalog'), false) AS may_read_tables
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE p.proname = $2 AND CASE WHEN $1 = '' THEN n.nspname = ANY (pg_catalog.current_schemas(true)) ELSE n.nspname = $1 END
)sql";

constexpr std::string_view kReferences = R"sql(
SELECT k.conname AS name, n.nspname || '.' || c.relname AS relation, k.conrelid = k.confrelid
         OR k.conrelid IN (SELECT a.relid FROM pg_catalog.pg_partition_ancestors($1::pg_catalog.oid::pg_catalog.regclass) a) AS same_table,
       k.confdeltype AS delete_action,
       (SELECT pg_catalog.json_agg(a.attname) FROM pg_catalog.pg_attribute a
         WHERE a.attrelid = k.confrelid AND a.attnum = ANY (k.confkey))::text AS columns
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.confrelid = $1::pg_catalog.oid ORDER BY 2, 1
)sql";

// tgtype: 1 for each row, 8 DELETE, 16 UPDATE.
constexpr std::string_view kTriggers = R"sql(
SELECT tgname AS name, (tgtype & 1) <> 0 AS each_row FROM pg_catalog.pg_trigger
 WHERE tgrelid = $1::pg_catalog.oid AND NOT tgisinternal AND tgenabled NOT IN ('D', 'R') AND (tgtype & $2::int) <> 0
 ORDER BY tgname
)sql";

constexpr std::string_view kRelation = R"sql(
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE inhparent = $1::pg_catalog.oid) AS has_children,
       EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite WHERE ev_class = $1::pg_catalog.oid AND ev_enabled NOT IN ('D', 'R')) AS has_rules,
       pg_catalog.row_security_active($1::pg_catalog.oid) AS hides_rows,
       pg_catalog.has_any_column_privilege($1::pg_catalog.oid, 'SELECT')
         AND CASE WHEN $2 = 'DELETE' THEN pg_catalog.has_table_privilege($1::pg_catalog.oid, 'DELETE')
                  ELSE pg_catalog.has_any_column_privilege($1::pg_catalog.oid, 'UPDATE') END AS may_change
)sql";

constexpr const char* kDeleteEvent = "8";
constexpr const char* kUpdateEvent = "16";

}  // namespace

strategies::BatchFacts read_batch_facts(postgres::Session& session, const migrations::Statement& statement,
                                        const postgres::Table& table) {
  const strategies::BatchStatement read = strategies::read_batch_statement(statement, table.name);
  const std::string oid = std::to_string(table.oid);
  strategies::BatchFacts facts;
  for (const migrations::TableReference& relation : read.relations) {
    const std::string quoted = relation.schema
                                   ? postgres::QualifiedName{*relation.schema, relation.name}.quoted()
                                   : postgres::quote_identifier(relation.name);
    const Rows rows = session.run({"batch.facts.relation", std::string(kReadsTable)}, {quoted, oid});
    facts.relations.push_back({relation, rows.only().boolean("reads_table")});
  }
  for (const strategies::NamedFunction& function : read.functions) {
    const Rows rows =
        session.run({"batch.facts.function", std::string(kFunction)}, {function.schema, function.name});
    const Row row = rows.only();
    facts.functions.push_back({.name = function,
                               .aggregate = row.boolean("aggregate"),
                               .window = row.boolean("window"),
                               .set_returning = row.boolean("set_returning"),
                               .may_read_tables = row.boolean("may_read_tables")});
  }
  const Rows references = session.run({"batch.facts.references", std::string(kReferences)}, {oid});
  for (const Row row : references) {
    strategies::ReferenceFact fact{.name = row.text("name"),
                                   .table = row.text("relation"),
                                   .same_table = row.boolean("same_table"),
                                   .delete_action = row.text("delete_action")};
    const boost::json::value columns = boost::json::parse(row.text("columns"));
    for (const boost::json::value& column : columns.as_array())
      fact.referenced_columns.emplace_back(column.as_string());
    facts.references.push_back(std::move(fact));
  }
  const Rows triggers = session.run({"batch.facts.triggers", std::string(kTriggers)},
                                    {oid, read.deletes ? kDeleteEvent : kUpdateEvent});
  for (const Row row : triggers)
    (row.boolean("each_row") ? facts.row_triggers : facts.statement_triggers).push_back(row.text("name"));
  const Rows relation =
      session.run({"batch.facts.table", std::string(kRelation)}, {oid, read.deletes ? "DELETE" : "UPDATE"});
  facts.has_children = relation.only().boolean("has_children");
  facts.has_rules = relation.only().boolean("has_rules");
  facts.hides_rows = relation.only().boolean("hides_rows");
  facts.may_change = relation.only().boolean("may_change");
  return facts;
}

}  // namespace crossfade::orchestrator
