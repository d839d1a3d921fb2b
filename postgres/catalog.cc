#include "postgres/catalog.h"

#include <algorithm>
#include <boost/json.hpp>

namespace crossfade::postgres {

namespace {

// An expression's volatility is read off its stored node tree: the functions it calls, directly, through
// operators, or through a cast by way of text. "t" marks expressions whose only unstable part is the clock
// (now(), current_date …): evaluated once, they are constants.
constexpr std::string_view kLoadTable = R"sql(
WITH relation AS (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid)
SELECT pg_catalog.jsonb_build_object(
  'oid', c.oid::bigint,
  'name', pg_catalog.jsonb_build_object('schema', n.nspname, 'name', c.relname),
  'kind', c.relkind, 'persistence', c.relpersistence, 'owner', pg_catalog.pg_get_userbyid(c.relowner),
  'tablespace', COALESCE((SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = c.reltablespace), ''),
  'access_method', COALESCE((SELECT amname FROM pg_catalog.pg_am WHERE oid = c.relam), ''),
  'of_type', CASE WHEN c.reloftype = 0 THEN '' ELSE (SELECT pg_catalog.format('%I.%I', tn.nspname, t.typname)
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace WHERE t.oid = c.reloftype) END,
  'partition_key', CASE WHEN c.relkind = 'p' THEN pg_catalog.pg_get_partkeydef(c.oid) ELSE '' END,
  'partition_of', CASE WHEN c.relispartition THEN (SELECT pg_catalog.jsonb_build_object('schema', pn.nspname, 'name', p.relname)
      FROM pg_catalog.pg_inherits h JOIN pg_catalog.pg_class p ON p.oid = h.inhparent
      JOIN pg_catalog.pg_namespace pn ON pn.oid = p.relnamespace WHERE h.inhrelid = c.oid) END,
  'partition_bound', COALESCE(pg_catalog.pg_get_expr(c.relpartbound, c.oid), ''),
  'replica_identity', c.relreplident,
  'row_security', c.relrowsecurity, 'row_security_forced', c.relforcerowsecurity,
  'default_grants', c.relacl IS NULL,
  'estimated_rows', CASE WHEN c.relpages > 0 AND c.reltuples >= 0
      THEN (c.reltuples / c.relpages * pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int)::bigint
      ELSE (pg_catalog.pg_relation_size(c.oid) / 100)::bigint END,
  'pages', pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint,
  'heap_bytes', pg_catalog.pg_table_size(c.oid), 'index_bytes', pg_catalog.pg_indexes_size(c.oid),
  'comment', pg_catalog.obj_description(c.oid, 'pg_class'),
  'options', COALESCE(pg_catalog.to_jsonb(c.reloptions), '[]'),
  'toast_options', COALESCE((SELECT pg_catalog.to_jsonb(t.reloptions) FROM pg_catalog.pg_class t
                              WHERE t.oid = c.reltoastrelid AND t.reloptions IS NOT NULL), '[]'),
  'columns', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'number', a.attnum, 'name', a.attname, 'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
      'bare_type', (SELECT pg_catalog.quote_ident(bn.nspname) || '.' || pg_catalog.quote_ident(b.typname)
                      FROM pg_catalog.pg_type b JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace WHERE b.oid = base.oid),
      'type_oid', a.atttypid::bigint, 'base_type_oid', base.oid::bigint, 'type_modifier', a.atttypmod,
      'not_null', a.attnotnull,
      'default_expression', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
      'default_volatility', CASE WHEN d.adbin IS NULL THEN NULL
          WHEN calls.volatile THEN 'v' WHEN calls.row_dependent AND calls.clock THEN 'v'
          WHEN calls.clock THEN 't' WHEN calls.stable THEN 's' ELSE 'i' END,
      'generated', a.attgenerated, 'identity', a.attidentity,
      'collation', COALESCE(pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname), ''),
      'collation_deterministic', COALESCE(co.collisdeterministic, true),
      'operator_schema', COALESCE((SELECT opn.nspname FROM pg_catalog.pg_opclass oc
          JOIN pg_catalog.pg_am am ON am.oid = oc.opcmethod AND am.amname = 'btree'
          JOIN pg_catalog.pg_amop member ON member.amopfamily = oc.opcfamily AND member.amopstrategy = 3
               AND member.amoplefttype = oc.opcintype AND member.amoprighttype = oc.opcintype
          JOIN pg_catalog.pg_operator op ON op.oid = member.amopopr
          JOIN pg_catalog.pg_namespace opn ON opn.oid = op.oprnamespace
         WHERE oc.opcintype = base.oid AND oc.opcdefault), 'pg_catalog'),
      'has_binary_format', base.binary,
      'storage', a.attstorage,
      'statistics_target', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
      'options', (SELECT COALESCE(pg_catalog.jsonb_agg(o), '[]') FROM pg_catalog.unnest(a.attoptions) o WHERE o LIKE 'n\_distinct%'),
      'comment', pg_catalog.col_description(a.attrelid, a.attnum),
      'owned_sequence_schema', sequence.nspname, 'owned_sequence_name', sequence.relname,
      'owned_sequence_comment', pg_catalog.obj_description(sequence.oid, 'pg_class'),
      'owned_sequence_default_grants', sequence.relacl IS NULL,
      'owned_sequence_grants', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'column', '', 'grantee', COALESCE(ge.rolname, ''), 'grantor', COALESCE(gr.rolname, ''),
          'privilege', g.privilege_type, 'grantable', g.is_grantable) ORDER BY ge.rolname, g.privilege_type), '[]')
        FROM pg_catalog.aclexplode(sequence.relacl) g
        LEFT JOIN pg_catalog.pg_roles ge ON ge.oid = g.grantee
        LEFT JOIN pg_catalog.pg_roles gr ON gr.oid = g.grantor)
    ) ORDER BY a.attnum), '[]')
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
    CROSS JOIN LATERAL (
      WITH RECURSIVE down AS (
        SELECT ty.oid, ty.typtype, ty.typbasetype, ty.typelem, ty.typsend, ty.typreceive
        UNION ALL
        SELECT b.oid, b.typtype, b.typbasetype, b.typelem, b.typsend, b.typreceive
          FROM down JOIN pg_catalog.pg_type b ON b.oid = down.typbasetype WHERE down.typtype = 'd')
      SELECT down.oid,
             down.typsend <> 0 AND down.typreceive <> 0 AND down.oid <> 'pg_catalog.xml'::pg_catalog.regtype
             AND down.typelem <> 'pg_catalog.xml'::pg_catalog.regtype
             AND COALESCE((SELECT e.typsend <> 0 AND e.typreceive <> 0 FROM pg_catalog.pg_type e WHERE e.oid = down.typelem), true)
             AND down.typtype <> 'c' AS binary
        FROM down WHERE down.typtype <> 'd') base
    LEFT JOIN pg_catalog.pg_collation co ON co.oid = a.attcollation
    LEFT JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    LEFT JOIN LATERAL (
      SELECT d.adbin::text ~ 'NEXTVALUEEXPR' OR COALESCE(pg_catalog.bool_or(p.provolatile = 'v'), false) AS volatile,
             d.adbin::text ~ 'SQLVALUEFUNCTION' OR COALESCE(pg_catalog.bool_or(p.oid IN (
               'pg_catalog.now'::pg_catalog.regproc, 'pg_catalog.transaction_timestamp'::pg_catalog.regproc,
               'pg_catalog.statement_timestamp'::pg_catalog.regproc)), false) AS clock,
             COALESCE(pg_catalog.bool_or(p.provolatile = 's'), false) AS stable,
             d.adbin::text ~ '\{VAR ' AS row_dependent
        FROM pg_catalog.pg_proc p
       WHERE p.oid IN (SELECT (pg_catalog.regexp_matches(d.adbin::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g'))[1]::pg_catalog.oid
                       UNION ALL
                       SELECT t.typinput FROM pg_catalog.pg_type t WHERE t.oid IN (
                         SELECT (pg_catalog.regexp_matches(d.adbin::text, 'COERCEVIAIO.*?:resulttype ([0-9]+)', 'g'))[1]::pg_catalog.oid))
    ) calls ON d.adbin IS NOT NULL
    LEFT JOIN LATERAL (
      SELECT sn.nspname, s.relname, s.oid, s.relacl FROM pg_catalog.pg_depend dep
        JOIN pg_catalog.pg_class s ON s.oid = dep.objid AND s.relkind = 'S'
        JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
       WHERE dep.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND dep.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
         AND dep.refobjid = a.attrelid AND dep.refobjsubid = a.attnum AND dep.deptype IN ('a', 'i') ORDER BY dep.deptype DESC, s.oid LIMIT 1) sequence ON true
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'indexes', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', ic.relname, 'definition', pg_catalog.pg_get_indexdef(i.indexrelid),
      'unique', i.indisunique, 'primary', i.indisprimary, 'valid', i.indisvalid AND i.indisready,
      'immediate', i.indimmediate, 'partial', i.indpred IS NOT NULL, 'expressions', i.indexprs IS NOT NULL,
      'exclusion', i.indisexclusion,
      'default_operators', NOT EXISTS (SELECT 1 FROM pg_catalog.pg_opclass oc
          WHERE oc.oid = ANY (i.indclass::pg_catalog.oid[]) AND NOT oc.opcdefault),
      'default_collations', NOT EXISTS (SELECT 1
          FROM ROWS FROM (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indcollation::pg_catalog.oid[])) WITH ORDINALITY AS k(number, ordered_by, ordinal)
          LEFT JOIN pg_catalog.pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = k.number
         -- What an expression's own collation is nobody keeps: only the database's own is known to be it.
         WHERE k.ordinal <= i.indnkeyatts AND k.ordered_by <> COALESCE(ka.attcollation, CASE WHEN k.ordered_by = 100 THEN 100 ELSE 0 END)),
      'clustered', i.indisclustered, 'replica_identity', i.indisreplident,
      'key_columns', (SELECT COALESCE(pg_catalog.jsonb_agg(COALESCE(ka.attname::text, '') ORDER BY k.ordinal), '[]')
          FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, ordinal)
          LEFT JOIN pg_catalog.pg_attribute ka ON ka.attrelid = i.indrelid AND ka.attnum = k.number AND k.number > 0
         WHERE k.ordinal <= i.indnkeyatts),
      'nulls_not_distinct', COALESCE((pg_catalog.to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false),
      'keys', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.pg_get_indexdef(i.indexrelid, number, false) ORDER BY number), '[]')
          FROM pg_catalog.generate_series(1, i.indnkeyatts) AS number),
      'attributes', (SELECT COALESCE(pg_catalog.jsonb_agg(ia.attname ORDER BY ia.attnum), '[]')
          FROM pg_catalog.pg_attribute ia WHERE ia.attrelid = i.indexrelid),
      'predicate', COALESCE(pg_catalog.pg_get_expr(i.indpred, i.indrelid), ''),
      'constraint_name', (SELECT conname FROM pg_catalog.pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x')),
      'parent', CASE WHEN ic.relispartition THEN (SELECT p.relname FROM pg_catalog.pg_inherits h
          JOIN pg_catalog.pg_class p ON p.oid = h.inhparent WHERE h.inhrelid = ic.oid) ELSE '' END,
      'comment', pg_catalog.obj_description(i.indexrelid, 'pg_class'),
      'statistics_targets', (SELECT COALESCE(pg_catalog.jsonb_agg(ia.attnum || '=' || ia.attstattarget ORDER BY ia.attnum), '[]')
          FROM pg_catalog.pg_attribute ia WHERE ia.attrelid = i.indexrelid AND ia.attstattarget >= 0),
      'tablespace', COALESCE((SELECT spcname FROM pg_catalog.pg_tablespace WHERE oid = ic.reltablespace), ''),
      'bytes', pg_catalog.pg_relation_size(i.indexrelid)
    ) ORDER BY ic.relname), '[]')
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indislive),
  'constraints', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', k.conname, 'type', k.contype, 'definition', pg_catalog.pg_get_constraintdef(k.oid),
      'validated', k.convalidated, 'deferrable', k.condeferrable, 'deferred', k.condeferred, 'no_inherit', k.connoinherit,
      'inherited', k.coninhcount > 0,
      'columns', (SELECT COALESCE(pg_catalog.jsonb_agg(ka.attname ORDER BY u.ordinal), '[]')
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u(number, ordinal)
          JOIN pg_catalog.pg_attribute ka ON ka.attrelid = k.conrelid AND ka.attnum = u.number),
      'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')
    ) ORDER BY k.conname), '[]') FROM pg_catalog.pg_constraint k
     WHERE k.conrelid = c.oid
       -- A key that refers to a partitioned table has a shadow of its own for each partition.
       AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint whole WHERE whole.oid = k.conparentid AND whole.conrelid = k.conrelid)),
  'statistics', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', pg_catalog.jsonb_build_object('schema', sn.nspname, 'name', s.stxname),
      'clause', pg_catalog.substr(pg_catalog.substr(d.text, 1, pg_catalog.length(d.text) - pg_catalog.length(' FROM ' || c.oid::pg_catalog.regclass::pg_catalog.text)),
                                  pg_catalog.length(pg_catalog.format('CREATE STATISTICS %I.%I ', sn.nspname, s.stxname)) + 1),
      'owner', pg_catalog.pg_get_userbyid(s.stxowner),
      'target', (SELECT CASE WHEN t.value::int >= 0 THEN t.value::int END FROM (SELECT pg_catalog.to_jsonb(s) ->> 'stxstattarget' AS value) t),
      'comment', pg_catalog.obj_description(s.oid, 'pg_statistic_ext')) ORDER BY s.stxname), '[]')
    FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
   CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_statisticsobjdef(s.oid) AS text) d WHERE s.stxrelid = c.oid),
  'grants', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'column', g.attname, 'grantee', COALESCE(ge.rolname, ''), 'grantor', COALESCE(gr.rolname, ''),
      'privilege', g.privilege_type, 'grantable', g.is_grantable)
      ORDER BY g.attname, ge.rolname, g.privilege_type), '[]')
    FROM (SELECT '' AS attname, x.* FROM pg_catalog.aclexplode(c.relacl) x
          UNION ALL
          SELECT a.attname, x.* FROM pg_catalog.pg_attribute a, pg_catalog.aclexplode(a.attacl) x
           WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) g
    LEFT JOIN pg_catalog.pg_roles ge ON ge.oid = g.grantee
    LEFT JOIN pg_catalog.pg_roles gr ON gr.oid = g.grantor)
)::text AS document
FROM relation c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)sql";

constexpr std::string_view kFindRelation = R"sql(
SELECT pg_catalog.to_regclass($1)::pg_catalog.oid::bigint AS oid
)sql";

constexpr std::string_view kPartitions = R"sql(
WITH RECURSIVE below (oid, level) AS (
  SELECT i.inhrelid, 1 FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhparent
   WHERE c.oid = $1::pg_catalog.oid AND c.relkind = 'p'
  UNION ALL
  SELECT i.inhrelid, b.level + 1 FROM below b JOIN pg_catalog.pg_inherits i ON i.inhparent = b.oid
    JOIN pg_catalog.pg_class c ON c.oid = i.inhparent AND c.relkind = 'p')
SELECT b.oid::bigint AS oid FROM below b JOIN pg_catalog.pg_class c ON c.oid = b.oid ORDER BY b.level, c.relname
)sql";

}  // namespace

const Column* Table::column(std::string_view column_name) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column_name; });
  return found == columns.end() ? nullptr : &*found;
}

const Column* Table::column_number(int number) const {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.number == number; });
  return found == columns.end() ? nullptr : &*found;
}

const Index* Table::index(std::string_view index_name) const {
  const auto found =
      std::find_if(indexes.begin(), indexes.end(), [&](const Index& i) { return i.name == index_name; });
  return found == indexes.end() ? nullptr : &*found;
}

std::optional<std::uint32_t> find_relation(Session& session, const std::string& schema,
                                           const std::string& name) {
  const std::string quoted = schema.empty() ? quote_identifier(name) : QualifiedName{schema, name}.quoted();
  const Rows rows = session.run({"catalog.find", std::string(kFindRelation)}, {quoted});
  const Row row = rows.only();
  if (row.is_null("oid")) return std::nullopt;
  return static_cast<std::uint32_t>(row.integer("oid"));
}

std::optional<Table> load_table(Session& session, std::uint32_t oid) {
  const Rows rows = session.run({"catalog.table", std::string(kLoadTable), true}, {std::to_string(oid)});
  if (rows.empty()) return std::nullopt;
  return boost::json::value_to<Table>(boost::json::parse(rows.only().text("document")));
}

std::vector<Table> load_partitions(Session& session, std::uint32_t oid) {
  std::vector<Table> out;
  const Rows rows = session.run({"catalog.partitions", std::string(kPartitions)}, {std::to_string(oid)});
  for (const Row row : rows) {
    if (auto table = load_table(session, static_cast<std::uint32_t>(row.integer("oid"))))
      out.push_back(std::move(*table));
  }
  return out;
}

}  // namespace crossfade::postgres
