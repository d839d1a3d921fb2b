#include "orchestrator/planning/catalog_facts.h"

#include <boost/json.hpp>

#include <fmt/format.h>

#include "migrations/tokens.h"
#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kPartitions = R"sql(
SELECT n.nspname AS schema, c.relname AS name, u.nspname AS parent_schema, p.relname AS parent, t.isleaf AS leaf
  FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) t
  JOIN pg_catalog.pg_class c ON c.oid = t.relid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_class p ON p.oid = t.parentrelid JOIN pg_catalog.pg_namespace u ON u.oid = p.relnamespace
 WHERE t.level > 0 ORDER BY t.level, 1, 2
)sql";

constexpr std::string_view kDefaultPartition = R"sql(
SELECT 1 AS one FROM pg_catalog.pg_partitioned_table WHERE partrelid = $1::pg_catalog.oid AND partdefid <> 0
)sql";

constexpr std::string_view kTied = R"sql(
SELECT DISTINCT n.nspname AS schema, c.relname AS name
  FROM pg_catalog.pg_constraint k
  JOIN pg_catalog.pg_class c ON c.oid = k.confrelid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE k.contype = 'f' AND k.conrelid = $1::pg_catalog.oid AND ($2 = '' OR k.conname = $2) AND c.oid <> $1::pg_catalog.oid
 ORDER BY 1, 2
)sql";

// What DROP … RESTRICT would name: normal dependencies on the table, or on the one column, of objects that do
// not go with it anyway.
constexpr std::string_view kDependents = R"sql(
SELECT DISTINCT pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS object,
       n.nspname AS schema, c.relname AS relation
  FROM pg_catalog.pg_depend d
  LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
  LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid
  LEFT JOIN pg_catalog.pg_class c
    ON c.oid = CASE WHEN d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass THEN d.objid
                    ELSE COALESCE(r.ev_class, k.conrelid) END
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid AND d.deptype = 'n'
   AND ($2 = '' OR d.refobjsubid = (SELECT a.attnum FROM pg_catalog.pg_attribute a
                                     WHERE a.attrelid = $1::pg_catalog.oid AND a.attname = $2 AND NOT a.attisdropped))
   AND NOT (d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
            AND d.objid IN (SELECT oid FROM pg_catalog.pg_constraint WHERE conrelid = $1::pg_catalog.oid))
   AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = $1::pg_catalog.oid)
   AND NOT (d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND $2 = '')
 ORDER BY 1
)sql";

constexpr std::string_view kParent = R"sql(
SELECT n.nspname AS schema, p.relname AS name, pg_catalog.pg_get_expr(c.relpartbound, c.oid) AS bound
  FROM pg_catalog.pg_inherits i
  JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
  JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
 WHERE i.inhrelid = $1::pg_catalog.oid LIMIT 1
)sql";

// Of every level; the columns of an expression are read off its tree.
constexpr std::string_view kPartitionKey = R"sql(
SELECT DISTINCT a.attname AS name
  FROM pg_catalog.pg_partition_tree($1::pg_catalog.oid::pg_catalog.regclass) t
  JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = t.relid
  JOIN pg_catalog.pg_attribute a ON a.attrelid = t.relid AND a.attnum > 0
   AND (a.attnum = ANY (p.partattrs::pg_catalog.int2[])
        OR a.attnum IN (SELECT (pg_catalog.regexp_matches(p.partexprs::text, ':varattno ([0-9]+)', 'g'))[1]::int2))
 ORDER BY 1
)sql";

// Built-in functions and those of extensions compute; what an application has written may do anything, unless
// it is declared otherwise.
constexpr std::string_view kMayHaveEffects = R"sql(
SELECT 1 AS one FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
  JOIN pg_catalog.pg_language l ON l.oid = p.prolang
 WHERE p.proname = $2 AND CASE WHEN $1 = '' THEN n.nspname = ANY (pg_catalog.current_schemas(true)) ELSE n.nspname = $1 END
   AND p.provolatile = 'v' AND p.prokind = 'f' AND n.nspname <> 'pg_catalog' AND l.lanname NOT IN ('internal', 'c')
   AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                   AND d.objid = p.oid AND d.deptype = 'e')
 LIMIT 1
)sql";

constexpr std::string_view kTypeUsers = R"sql(
SELECT n.nspname AS schema, c.relname AS relation, a.attname AS name, c.oid::bigint AS oid, tn.nspname AS type_schema
  FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_attribute a ON a.atttypid IN (t.oid, NULLIF(t.typarray, 0)) AND NOT a.attisdropped AND a.attnum > 0
       AND EXISTS (SELECT 1 FROM pg_catalog.pg_class x WHERE x.oid = a.attrelid AND x.relkind IN ('r', 'p', 'm', 'f', 'v'))
  LEFT JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE t.oid = pg_catalog.to_regtype($1) ORDER BY 1, 2, 3
)sql";

std::vector<postgres::QualifiedName> names_of(const postgres::Rows& rows) {
  std::vector<postgres::QualifiedName> out;
  for (const postgres::Row row : rows) out.push_back({row.text("schema"), row.text("name")});
  return out;
}

/// FOR VALUES … of an ATTACH PARTITION; empty of a DEFAULT.
std::string partition_bounds(const std::string& command) {
  const std::vector<migrations::Token> tokens =
      migrations::without_comments(migrations::scan({command, "", 1}));
  for (std::size_t index = 0; index + 1 < tokens.size(); ++index) {
    if (migrations::is_keyword(command, tokens[index], "FOR") &&
        migrations::is_keyword(command, tokens[index + 1], "VALUES"))
      return command.substr(tokens[index].begin);
  }
  return "";
}

constexpr std::string_view kPartitionPlace = R"sql(
SELECT COALESCE(pg_catalog.pg_get_partition_constraintdef(h.inhrelid), '') AS check,
       (SELECT COALESCE(pg_catalog.jsonb_agg(DISTINCT k.conname), '[]') FROM pg_catalog.pg_constraint k
         WHERE k.contype = 'f' AND k.conparentid <> 0 AND (k.conrelid = h.inhrelid OR k.confrelid = h.inhrelid))::text AS keys,
       COALESCE(d.oid::pg_catalog.regclass::text, '') AS default_partition,
       COALESCE(pg_catalog.pg_relation_size(d.oid) / pg_catalog.current_setting('block_size')::bigint, 0) AS pages
  FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = h.inhparent
  LEFT JOIN pg_catalog.pg_class d ON d.oid = p.partdefid AND d.oid <> h.inhrelid
 WHERE h.inhrelid = $1::pg_catalog.oid
)sql";

}  // namespace

strategies::PartitionPlace partition_place(postgres::Session& session, std::uint32_t partition) {
  const postgres::Rows rows =
      session.run({"planning.partition_place", std::string(kPartitionPlace)}, {std::to_string(partition)});
  if (rows.empty()) return {};
  const postgres::Row row = rows.only();
  return {
      .check = row.text("check"),
      .foreign_keys = boost::json::value_to<std::vector<std::string>>(boost::json::parse(row.text("keys"))),
      .default_partition = row.text("default_partition"),
      .default_partition_pages = row.integer("pages")};
}

std::string default_schema(postgres::Session& session) {
  return session.run({"planning.default_schema", "SELECT pg_catalog.current_schema() AS name"})
      .only()
      .text_or("name", "");
}

bool is_partitioned(postgres::Session& session, std::uint32_t table) {
  return !session
              .run({"planning.is_partitioned",
                    "SELECT 1 AS one FROM pg_catalog.pg_partitioned_table WHERE partrelid = "
                    "$1::pg_catalog.oid"},
                   {std::to_string(table)})
              .empty();
}

std::vector<strategies::Partition> partitions_below(postgres::Session& session, std::uint32_t table) {
  std::vector<strategies::Partition> out;
  const postgres::Rows rows =
      session.run({"planning.partitions", std::string(kPartitions)}, {std::to_string(table)});
  for (const postgres::Row row : rows) {
    out.push_back({{row.text("schema"), row.text("name")},
                   {row.text("parent_schema"), row.text("parent")},
                   row.boolean("leaf")});
  }
  return out;
}

std::vector<std::string> partition_key(postgres::Session& session, std::uint32_t table) {
  std::vector<std::string> out;
  const postgres::Rows rows =
      session.run({"planning.partition_columns", std::string(kPartitionKey)}, {std::to_string(table)});
  for (const postgres::Row row : rows) out.push_back(row.text("name"));
  return out;
}

std::optional<TypeUsers> type_users(postgres::Session& session, const migrations::TableReference& type) {
  const std::string name = type.schema ? postgres::QualifiedName{*type.schema, type.name}.quoted()
                                       : postgres::quote_identifier(type.name);
  const postgres::Rows rows = session.run({"planning.type_users", std::string(kTypeUsers)}, {name});
  if (rows.empty()) return std::nullopt;
  TypeUsers out{.name = {rows[0].text("type_schema"), type.name}, .columns = {}};
  for (const postgres::Row row : rows) {
    if (row.is_null("relation")) continue;
    out.columns.push_back({{row.text("schema"), row.text("relation")},
                           static_cast<std::uint32_t>(row.integer("oid")),
                           row.text("name")});
  }
  return out;
}

bool may_have_effects(postgres::Session& session, const migrations::TableReference& function) {
  return !session
              .run({"planning.may_have_effects", std::string(kMayHaveEffects)},
                   {function.schema.value_or(""), function.name})
              .empty();
}

bool has_default_partition(postgres::Session& session, std::uint32_t table) {
  return !session.run({"planning.default_partition", std::string(kDefaultPartition)}, {std::to_string(table)})
              .empty();
}

std::vector<postgres::QualifiedName> tied_tables(postgres::Session& session, std::uint32_t table,
                                                 const std::string& constraint) {
  return names_of(
      session.run({"planning.tied_tables", std::string(kTied)}, {std::to_string(table), constraint}));
}

std::vector<Dependent> dependents(postgres::Session& session, std::uint32_t table,
                                  const std::string& column) {
  std::vector<Dependent> out;
  const postgres::Rows rows =
      session.run({"planning.dependents", std::string(kDependents)}, {std::to_string(table), column});
  for (const postgres::Row row : rows)
    out.push_back({row.text("object"), row.text_or("schema", ""), row.text_or("relation", "")});
  return out;
}

std::string partition_check(postgres::Session& session, const postgres::Table& parent,
                            const migrations::Statement& attach) {
  const std::string bounds = partition_bounds(attach.commands.front().text);
  if (bounds.empty()) return "";
  postgres::Transaction transaction(session, "partition_trial");
  try {
    session.run({"planning.partition_trial",
                 "SET LOCAL lock_timeout = '5s'; CREATE SCHEMA crossfade_partition_trial"});
    const std::string key =
        session
            .run({"planning.partition_key", "SELECT pg_catalog.pg_get_partkeydef($1::pg_catalog.oid) AS key"},
                 {std::to_string(parent.oid)})
            .only()
            .text("key");
    session.run({"planning.partition_parent",
                 fmt::format("CREATE TABLE crossfade_partition_trial.parent (LIKE {}) PARTITION BY {}",
                             parent.name.quoted(), key)});
    session.run(
        {"planning.partition_child",
         "CREATE TABLE crossfade_partition_trial.child PARTITION OF crossfade_partition_trial.parent " +
             bounds});
    const std::string check =
        session
            .run({"planning.partition_check",
                  "SELECT pg_catalog.pg_get_partition_constraintdef("
                  "'crossfade_partition_trial.child'::pg_catalog.regclass) AS definition"})
            .only()
            .text_or("definition", "");
    transaction.rollback();
    // A hash partition's condition names its parent by number, which here is the trial's.
    return check.find("satisfies_hash_partition") == std::string::npos ? check : "";
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    return "";
  }
}

std::string bounds_of_partition(postgres::Session& session, std::uint32_t partition) {
  return session
      .run({"planning.partition_bounds",
            "SELECT pg_catalog.pg_get_partition_constraintdef($1::pg_catalog.oid) AS definition"},
           {std::to_string(partition)})
      .only()
      .text_or("definition", "");
}

std::optional<strategies::TableParent> parent_of(postgres::Session& session, std::uint32_t table) {
  const postgres::Rows rows = session.run({"planning.parent", std::string(kParent)}, {std::to_string(table)});
  if (rows.empty()) return std::nullopt;
  return strategies::TableParent{{rows[0].text("schema"), rows[0].text("name")},
                                 rows[0].text_or("bound", "")};
}

std::optional<std::uint32_t> table_of_index(postgres::Session& session, std::uint32_t index) {
  const postgres::Rows rows = session.run(
      {"planning.index_table",
       "SELECT indrelid::bigint AS oid FROM pg_catalog.pg_index WHERE indexrelid = $1::pg_catalog.oid"},
      {std::to_string(index)});
  if (rows.empty()) return std::nullopt;
  return static_cast<std::uint32_t>(rows[0].integer("oid"));
}

std::string constraint_of_index(postgres::Session& session, std::uint32_t index) {
  const postgres::Rows rows = session.run({"planning.index_constraint",
                                           "SELECT conname AS name FROM pg_catalog.pg_constraint WHERE "
                                           "conindid = $1::pg_catalog.oid AND contype IN ('p', 'u', 'x')"},
                                          {std::to_string(index)});
  return rows.empty() ? "" : rows[0].text("name");
}

}  // namespace crossfade::orchestrator
