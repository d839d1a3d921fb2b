#include "postgres/dependents.h"

#include <boost/json.hpp>

namespace crossfade::postgres {

// A view depends on what it reads by its rule, a function on the types of its arguments and its result.
// Functions that name a relation in a parsed body alone keep their identity when the body is replaced.
const std::string_view kBoundObjects = R"sql(
bound (classid, objid, level) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, $1::pg_catalog.oid, 0
  UNION
  SELECT CASE WHEN r.oid IS NOT NULL THEN 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid ELSE d.classid END,
         CASE WHEN r.oid IS NOT NULL THEN r.ev_class ELSE d.objid END, b.level + 1
    FROM bound b
   CROSS JOIN LATERAL (
     SELECT b.classid, b.objid
     UNION ALL
     SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_type y ON y.oid = c.reltype
       JOIN pg_catalog.pg_type t ON t.oid IN (y.oid, y.typarray)
      WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = b.objid) ref (classid, objid)
    JOIN pg_catalog.pg_depend d ON d.refclassid = ref.classid AND d.refobjid = ref.objid AND d.deptype = 'n'
    LEFT JOIN pg_catalog.pg_rewrite r ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND r.oid = d.objid
                                     AND r.rulename = '_RETURN' AND r.ev_class <> b.objid
    LEFT JOIN pg_catalog.pg_proc p ON d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid
                                  AND ref.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND p.prokind IN ('f', 'p', 'w')
   WHERE r.oid IS NOT NULL OR p.oid IS NOT NULL)
)sql";

namespace {

constexpr std::string_view kRest = R"sql(,
placed (classid, objid, level) AS (SELECT classid, objid, pg_catalog.max(level) FROM bound GROUP BY classid, objid),
row_types (oid) AS (
  SELECT t.oid FROM placed b
    JOIN pg_catalog.pg_class c ON b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = b.objid
    JOIN pg_catalog.pg_type y ON y.oid = c.reltype JOIN pg_catalog.pg_type t ON t.oid IN (y.oid, y.typarray)),
uses AS (
  SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_depend d
   WHERE d.deptype = 'n'
     AND ((d.refclassid, d.refobjid) IN (SELECT classid, objid FROM placed)
          OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (SELECT oid FROM row_types))),
named AS (SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace)
SELECT pg_catalog.jsonb_build_object(
  'triggers', triggers_of.list, 'rules', rules_of.list, 'labels', labels_of.list,
  'policies', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', o.polname, 'permissive', o.polpermissive,
      'command', CASE o.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
      'roles', (SELECT COALESCE(pg_catalog.jsonb_agg(r.rolname ORDER BY r.rolname), '[]') FROM pg_catalog.pg_roles r WHERE r.oid = ANY (o.polroles)),
      'using_expression', pg_catalog.pg_get_expr(o.polqual, o.polrelid),
      'check_expression', pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid),
      'comment', pg_catalog.obj_description(o.oid, 'pg_policy')) ORDER BY o.polname), '[]')
    FROM pg_catalog.pg_policy o WHERE o.polrelid = target.oid),
  'foreign_keys', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', k.conname, 'definition', pg_catalog.pg_get_constraintdef(k.oid), 'validated', k.convalidated,
      'table', pg_catalog.jsonb_build_object('schema', t.schema, 'name', t.name),
      'referenced', pg_catalog.jsonb_build_object('schema', f.schema, 'name', f.name),
      'table_oid', t.oid::bigint, 'referenced_oid', f.oid::bigint,
      'table_is_partitioned', (SELECT c.relkind = 'p' FROM pg_catalog.pg_class c WHERE c.oid = t.oid),
      'columns', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY u.place)
          FROM pg_catalog.unnest(k.conkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number),
      'referenced_columns', (SELECT pg_catalog.jsonb_agg(a.attname ORDER BY u.place)
          FROM pg_catalog.unnest(k.confkey) WITH ORDINALITY AS u (number, place)
          JOIN pg_catalog.pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number),
      'comment', pg_catalog.obj_description(k.oid, 'pg_constraint')) ORDER BY t.schema, t.name, k.conname), '[]')
    FROM pg_catalog.pg_constraint k JOIN named t ON t.oid = k.conrelid JOIN named f ON f.oid = k.confrelid
   WHERE k.contype = 'f' AND k.conparentid = 0 AND (k.conrelid = target.oid OR k.confrelid = target.oid)),
  'publications', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'name', p.pubname, 'filter', listed.document ->> 'rowfilter',
      'columns', CASE WHEN pg_catalog.to_jsonb(r) ->> 'prattrs' IS NULL THEN '[]' ELSE listed.document -> 'attnames' END)
      ORDER BY p.pubname), '[]')
    FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
    LEFT JOIN LATERAL (SELECT pg_catalog.to_jsonb(l) AS document FROM pg_catalog.pg_publication_tables l
                        WHERE l.pubname = p.pubname AND l.schemaname = target.schema AND l.tablename = target.name) listed ON true
   WHERE r.prrelid = target.oid),
  'views', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'oid', v.oid::bigint, 'level', b.level, 'populated', v.relispopulated,
      'definition', pg_catalog.rtrim(pg_catalog.pg_get_viewdef(v.oid), ';'),
      'triggers', triggers.list, 'rules', rules.list, 'labels', labels.list) ORDER BY b.level, v.oid), '[]')
    FROM placed b JOIN pg_catalog.pg_class v ON v.oid = b.objid
   CROSS JOIN LATERAL (%TRIGGERS v.oid%) triggers CROSS JOIN LATERAL (%RULES v.oid%) rules CROSS JOIN LATERAL (%LABELS v.oid%) labels
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.level > 0),
  'functions', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'oid', p.oid::bigint, 'level', b.level, 'name', pg_catalog.jsonb_build_object('schema', n.nspname, 'name', p.proname),
      'arguments', pg_catalog.pg_get_function_identity_arguments(p.oid),
      'definition', pg_catalog.pg_get_functiondef(p.oid), 'owner', pg_catalog.pg_get_userbyid(p.proowner),
      'default_grants', p.proacl IS NULL,
      'grants', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'column', '', 'grantee', COALESCE(ge.rolname, ''), 'grantor', COALESCE(gr.rolname, ''),
          'privilege', g.privilege_type, 'grantable', g.is_grantable) ORDER BY ge.rolname, g.privilege_type), '[]')
        FROM pg_catalog.aclexplode(p.proacl) g
        LEFT JOIN pg_catalog.pg_roles ge ON ge.oid = g.grantee LEFT JOIN pg_catalog.pg_roles gr ON gr.oid = g.grantor),
      'comment', pg_catalog.obj_description(p.oid, 'pg_proc'),
      'extensions', (SELECT COALESCE(pg_catalog.jsonb_agg(e.extname ORDER BY e.extname), '[]')
         FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid
        WHERE x.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND x.objid = p.oid AND x.deptype = 'x'))
      ORDER BY b.level, p.oid), '[]')
    FROM placed b JOIN pg_catalog.pg_proc p ON p.oid = b.objid JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass),
  'rebindings', (SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'object', each.object, 'statement', each.statement,
      'locked', pg_catalog.jsonb_build_object('schema', COALESCE(l.schema, ''), 'name', COALESCE(l.name, '')),
      'function', (SELECT pg_catalog.jsonb_build_object('schema', COALESCE(pg_catalog.min(n.nspname::pg_catalog.text), ''),
                                                        'name', COALESCE(pg_catalog.min(p.proname::pg_catalog.text), ''))
         FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = each.function)) ORDER BY each.object), '[]')
    FROM (
      SELECT 'function ' || p.oid::pg_catalog.regprocedure::pg_catalog.text AS object, pg_catalog.pg_get_functiondef(p.oid) AS statement,
             0::pg_catalog.oid AS locked, p.oid AS function
        FROM uses u JOIN pg_catalog.pg_proc p ON p.oid = u.objid
       WHERE u.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.prokind IN ('f', 'p', 'w')
         AND NOT EXISTS (SELECT 1 FROM placed b WHERE b.classid = u.classid AND b.objid = u.objid)
      UNION ALL
      SELECT 'policy ' || pg_catalog.quote_ident(o.polname) || ' on ' || o.polrelid::pg_catalog.regclass::pg_catalog.text,
             pg_catalog.format('ALTER POLICY %I ON %I.%I', o.polname, t.schema, t.name)
             || COALESCE(' USING (' || pg_catalog.pg_get_expr(o.polqual, o.polrelid) || ')', '')
             || COALESCE(' WITH CHECK (' || pg_catalog.pg_get_expr(o.polwithcheck, o.polrelid) || ')', ''), o.polrelid, 0
        FROM uses u JOIN pg_catalog.pg_policy o ON o.oid = u.objid JOIN named t ON t.oid = o.polrelid
       WHERE u.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND o.polrelid <> target.oid
      UNION ALL
      SELECT 'rule ' || pg_catalog.quote_ident(w.rulename) || ' on ' || w.ev_class::pg_catalog.regclass::pg_catalog.text,
             pg_catalog.regexp_replace(pg_catalog.pg_get_ruledef(w.oid), '^CREATE RULE', 'CREATE OR REPLACE RULE'), w.ev_class, 0
        FROM uses u JOIN pg_catalog.pg_rewrite w ON w.oid = u.objid
       WHERE u.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.rulename <> '_RETURN'
         AND NOT EXISTS (SELECT 1 FROM placed b WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.objid = w.ev_class)
      UNION ALL
      SELECT 'type ' || c.oid::pg_catalog.regclass::pg_catalog.text,
             pg_catalog.format('ALTER TYPE %I.%I ALTER ATTRIBUTE %I SET DATA TYPE %s', t.schema, t.name, a.attname,
                               pg_catalog.format_type(a.atttypid, a.atttypmod)), 0, 0
        FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid AND c.relkind = 'c' JOIN named t ON t.oid = c.oid
       WHERE a.atttypid IN (SELECT oid FROM row_types) AND NOT a.attisdropped) each
    LEFT JOIN named l ON l.oid = each.locked)
)::text AS document
FROM named target
CROSS JOIN LATERAL (%TRIGGERS target.oid%) triggers_of
CROSS JOIN LATERAL (%RULES target.oid%) rules_of
CROSS JOIN LATERAL (%LABELS target.oid%) labels_of
WHERE target.oid = $1::pg_catalog.oid
)sql";

constexpr std::string_view kTriggersOf = R"sql(
SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
    'name', t.tgname, 'definition', pg_catalog.pg_get_triggerdef(t.oid), 'enabled', t.tgenabled,
    'comment', pg_catalog.obj_description(t.oid, 'pg_trigger'),
    'extensions', (SELECT COALESCE(pg_catalog.jsonb_agg(e.extname ORDER BY e.extname), '[]')
       FROM pg_catalog.pg_depend x JOIN pg_catalog.pg_extension e ON e.oid = x.refobjid
      WHERE x.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND x.objid = t.oid AND x.deptype = 'x')) ORDER BY t.tgname), '[]') AS list
  FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc f ON f.oid = t.tgfoid JOIN pg_catalog.pg_namespace fn ON fn.oid = f.pronamespace
 WHERE t.tgrelid = {} AND NOT t.tgisinternal AND t.tgparentid = 0 AND fn.nspname !~ '^crossfade_[0-9]'
)sql";

constexpr std::string_view kRulesOf = R"sql(
SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
    'name', w.rulename, 'definition', pg_catalog.pg_get_ruledef(w.oid), 'enabled', w.ev_enabled,
    'comment', pg_catalog.obj_description(w.oid, 'pg_rewrite')) ORDER BY w.rulename), '[]') AS list
  FROM pg_catalog.pg_rewrite w WHERE w.ev_class = {} AND w.rulename <> '_RETURN'
)sql";

constexpr std::string_view kLabelsOf = R"sql(
SELECT COALESCE(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
    'column', COALESCE(a.attname, ''), 'provider', s.provider, 'label', s.label) ORDER BY s.objsubid, s.provider), '[]') AS list
  FROM pg_catalog.pg_seclabel s
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid AND s.objsubid > 0
 WHERE s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objoid = {}
)sql";

// A catalog row's xmin changes with every change of the object, its grants and its owner; statistics and
// freezing leave it alone. Columns of a view carry defaults, comments and grants.
constexpr std::string_view kDigest = R"sql(,
placed (classid, objid) AS (SELECT DISTINCT classid, objid FROM bound),
parts (line) AS (
  SELECT 'c' || c.oid || ':' || CASE WHEN c.oid = ANY ($1::pg_catalog.oid[]) THEN '' ELSE c.xmin::pg_catalog.text END
    FROM placed b JOIN pg_catalog.pg_class c ON c.oid = b.objid WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
  SELECT 'a' || a.attrelid || ':' || a.attnum || ':' || a.xmin::pg_catalog.text
    FROM placed b JOIN pg_catalog.pg_attribute a ON a.attrelid = b.objid
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.objid <> ALL ($1::pg_catalog.oid[]) AND a.attnum > 0
  UNION ALL
  SELECT 'i' || i.indexrelid || ':' || i.xmin::pg_catalog.text FROM placed b JOIN pg_catalog.pg_index i ON i.indrelid = b.objid
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.objid <> ALL ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'p' || p.oid || ':' || p.xmin::pg_catalog.text
    FROM placed b JOIN pg_catalog.pg_proc p ON p.oid = b.objid WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION ALL
  SELECT 'w' || w.oid || ':' || w.xmin::pg_catalog.text FROM placed b JOIN pg_catalog.pg_rewrite w ON w.ev_class = b.objid
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
  SELECT 't' || t.oid || ':' || t.xmin::pg_catalog.text FROM placed b JOIN pg_catalog.pg_trigger t ON t.tgrelid = b.objid
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND NOT t.tgisinternal
  UNION ALL
  SELECT 'o' || o.oid || ':' || o.xmin::pg_catalog.text FROM pg_catalog.pg_policy o WHERE o.polrelid = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'k' || k.oid || ':' || k.xmin::pg_catalog.text FROM pg_catalog.pg_constraint k
   WHERE k.contype = 'f' AND (k.conrelid = ANY ($1::pg_catalog.oid[]) OR k.confrelid = ANY ($1::pg_catalog.oid[]))
  UNION ALL
  SELECT 'r' || r.oid || ':' || r.xmin::pg_catalog.text FROM pg_catalog.pg_publication_rel r WHERE r.prrelid = ANY ($1::pg_catalog.oid[])
  UNION ALL
  SELECT 'P' || p.oid FROM pg_catalog.pg_publication p WHERE p.puballtables
  UNION ALL
  SELECT 'l' || s.provider || s.label FROM pg_catalog.pg_seclabel s
   WHERE s.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND s.objoid IN (SELECT objid FROM placed)
  UNION ALL
  SELECT 'd' || d.objoid || ':' || d.objsubid || ':' || d.description FROM pg_catalog.pg_description d
   WHERE d.objoid IN (SELECT objid FROM placed WHERE objid <> ALL ($1::pg_catalog.oid[]))
  UNION ALL
  SELECT 'u' || d.classid || ':' || d.objid || ':' || d.objsubid
         || COALESCE((SELECT p.xmin::pg_catalog.text FROM pg_catalog.pg_proc p WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND p.oid = d.objid), '')
         || COALESCE((SELECT o.xmin::pg_catalog.text FROM pg_catalog.pg_policy o WHERE d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND o.oid = d.objid), '')
         || COALESCE((SELECT w.xmin::pg_catalog.text FROM pg_catalog.pg_rewrite w WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = d.objid), '')
    FROM pg_catalog.pg_depend d
    JOIN (SELECT classid, objid FROM placed
          UNION ALL
          SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid FROM placed b
            JOIN pg_catalog.pg_class c ON b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = b.objid
            JOIN pg_catalog.pg_type y ON y.oid = c.reltype JOIN pg_catalog.pg_type t ON t.oid IN (y.oid, y.typarray)) ref
      ON d.refclassid = ref.classid AND d.refobjid = ref.objid
   WHERE d.deptype = 'n'
     AND NOT (d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
              AND EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.oid = d.objid AND t.tgisinternal)))
SELECT COALESCE(pg_catalog.md5(pg_catalog.string_agg(line, ',' ORDER BY line)), '') AS digest FROM parts
)sql";

/// Replaces %NAME argument% by the query with its argument.
void expand(std::string& text, std::string_view name, std::string_view query) {
  const std::string opening = "%" + std::string(name) + " ";
  for (std::size_t begin = text.find(opening); begin != std::string::npos; begin = text.find(opening)) {
    const std::size_t end = text.find('%', begin + opening.size());
    const std::string argument = text.substr(begin + opening.size(), end - begin - opening.size());
    std::string filled(query);
    filled.replace(filled.find("{}"), 2, argument);
    text.replace(begin, end - begin + 1, filled);
  }
}

std::string load_text() {
  std::string text = "WITH RECURSIVE " + std::string(kBoundObjects) + std::string(kRest);
  expand(text, "TRIGGERS", kTriggersOf);
  expand(text, "RULES", kRulesOf);
  expand(text, "LABELS", kLabelsOf);
  return text;
}

}  // namespace

Dependents load_dependents(Session& session, std::uint32_t oid) {
  const Rows rows = session.run({"catalog.dependents", load_text()}, {std::to_string(oid)});
  if (rows.empty()) return {};
  return boost::json::value_to<Dependents>(boost::json::parse(rows.only().text("document")));
}

std::string dependents_digest(Session& session, const std::vector<std::uint32_t>& oids) {
  static const std::string text = [] {
    std::string bound(kBoundObjects);
    const std::string_view one = "$1::pg_catalog.oid, 0\n";
    bound.replace(bound.find(one), one.size(),
                  "oid, 0 FROM pg_catalog.unnest($1::pg_catalog.oid[]) AS oid\n");
    return "WITH RECURSIVE " + bound + std::string(kDigest);
  }();
  std::vector<std::string> members;
  for (const std::uint32_t oid : oids) members.push_back(std::to_string(oid));
  return session.run({"catalog.dependents_digest", text, true}, {array_literal(members)})
      .only()
      .text("digest");
}

}  // namespace crossfade::postgres
