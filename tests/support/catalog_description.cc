#include "tests/support/catalog_description.h"

#include <string_view>

namespace crossfade::tests {

namespace {

// Of a key into a partitioned table the server keeps one more for each partition, under names of its own
// choice. What a partition's own key has in connoinherit, and its NOT NULL (18) in conislocal, depends on
// whether it was attached or made in its place, as after any restored dump.
constexpr std::string_view kDescription = R"sql(
WITH spaces AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^(pg_|crossfade|information_schema)'),
relations AS (SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN spaces s ON s.oid = c.relnamespace),
acl AS (
  SELECT c.oid, 0 AS number, c.relacl AS acl FROM relations c
  UNION ALL SELECT a.attrelid, a.attnum, a.attacl FROM pg_attribute a JOIN relations c ON c.oid = a.attrelid
  UNION ALL SELECT p.oid, 0, p.proacl FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace),
comments AS (
  SELECT (pg_identify_object(d.classoid, d.objoid, d.objsubid)).type || ' ' || (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity
         || ' is ' || d.description AS line
    FROM pg_description d WHERE d.objoid >= 16384)
SELECT line FROM (
  SELECT format('schema %s owner %s acl %s', nspname, nspowner::regrole, nspacl) AS line FROM pg_namespace JOIN spaces USING (oid, nspname)
  UNION ALL
  SELECT format('relation %s kind %s persistence %s owner %s method %s tablespace %s options %s toast %s security %s %s identity %s key %s bound %s of %s populated %s',
                c.name, c.relkind, c.relpersistence, c.relowner::regrole, (SELECT amname FROM pg_am WHERE oid = c.relam),
                (SELECT spcname FROM pg_tablespace WHERE oid = c.reltablespace), c.reloptions,
                (SELECT reloptions FROM pg_class t WHERE t.oid = c.reltoastrelid), c.relrowsecurity, c.relforcerowsecurity, c.relreplident,
                CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(c.relpartbound, c.oid),
                CASE WHEN c.reloftype <> 0 THEN c.reloftype::regtype::text END, c.relispopulated)
    FROM relations c
  UNION ALL
  SELECT format('column %s.%s at %s: %s collation %s not null %s default %s identity %s generated %s storage %s compression %s target %s options %s local %s inherited %s',
                c.name, a.attname, (SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum BETWEEN 1 AND a.attnum AND NOT b.attisdropped),
                format_type(a.atttypid, a.atttypmod), (SELECT collname FROM pg_collation WHERE oid = a.attcollation), a.attnotnull,
                pg_get_expr(d.adbin, d.adrelid), a.attidentity, a.attgenerated, a.attstorage, a.attcompression,
                NULLIF(a.attstattarget, -1), a.attoptions, a.attislocal, a.attinhcount)
    FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE c.relkind NOT IN ('i', 'I', 'S')
  UNION ALL
  SELECT format('grant %s %s %s to %s by %s option %s', acl.oid, '', privilege_type, grantee, grantor, is_grantable)
    FROM (SELECT COALESCE((SELECT c.name FROM relations c WHERE c.oid = acl.oid), acl.oid::regprocedure::text) || COALESCE('.' || (SELECT attname FROM pg_attribute a WHERE a.attrelid = acl.oid AND a.attnum = acl.number AND acl.number > 0), '') AS oid,
                 x.privilege_type, CASE x.grantee WHEN 0 THEN 'public' ELSE x.grantee::regrole::text END AS grantee, x.grantor::regrole AS grantor, x.is_grantable
            FROM acl CROSS JOIN LATERAL aclexplode(acl.acl) x) acl
  UNION ALL
  SELECT 'index ' || pg_get_indexdef(i.indexrelid) || format(' valid %s ready %s clustered %s replident %s primary %s immediate %s above %s targets %s',
                i.indisvalid, i.indisready, i.indisclustered, i.indisreplident, i.indisprimary, i.indimmediate,
                (SELECT h.inhparent::regclass FROM pg_inherits h WHERE h.inhrelid = i.indexrelid),
                (SELECT string_agg(a.attnum || '=' || a.attstattarget, ',' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.indexrelid AND a.attstattarget >= 0))
    FROM pg_index i JOIN relations c ON c.oid = i.indrelid
  UNION ALL
  SELECT format('constraint %s on %s %s: %s validated %s local %s inherited %s no inherit %s above %s', k.conname, k.conrelid::regclass, k.contype, pg_get_constraintdef(k.oid),
                k.convalidated, CASE WHEN k.contype <> 'n' OR k.coninhcount = 0 THEN k.conislocal END, k.coninhcount,
                CASE WHEN k.contype NOT IN ('p', 'u', 'x', 'f') THEN k.connoinherit END, (SELECT p.conname || ' on ' || p.conrelid::regclass FROM pg_constraint p WHERE p.oid = k.conparentid))
    FROM pg_constraint k JOIN spaces s ON s.oid = k.connamespace
   WHERE NOT EXISTS (SELECT 1 FROM pg_constraint whole WHERE whole.oid = k.conparentid AND whole.conrelid = k.conrelid)
  UNION ALL
  SELECT format('%s enabled %s', pg_get_triggerdef(t.oid), t.tgenabled) || COALESCE(' above ' || (SELECT p.tgname || ' on ' || p.tgrelid::regclass FROM pg_trigger p WHERE p.oid = t.tgparentid), '')
    FROM pg_trigger t JOIN relations c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
  UNION ALL
  SELECT pg_get_ruledef(w.oid) || ' enabled ' || w.ev_enabled::text FROM pg_rewrite w JOIN relations c ON c.oid = w.ev_class
  UNION ALL
  SELECT format('policy %s on %s permissive %s command %s roles %s using %s check %s', o.polname, o.polrelid::regclass, o.polpermissive, o.polcmd,
                (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE r::regrole::text END, ',' ORDER BY r::regrole::text) FROM unnest(o.polroles) r), pg_get_expr(o.polqual, o.polrelid), pg_get_expr(o.polwithcheck, o.polrelid))
    FROM pg_policy o JOIN relations c ON c.oid = o.polrelid
  UNION ALL
  SELECT pg_get_functiondef(p.oid) || ' owner ' || p.proowner::regrole FROM pg_proc p JOIN spaces s ON s.oid = p.pronamespace WHERE p.prokind <> 'a'
  UNION ALL
  SELECT format('sequence %s as %s start %s increment %s min %s max %s cache %s cycle %s owned %s', q.seqrelid::regclass, q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle,
                (SELECT string_agg(d.refobjid::regclass || '.' || d.refobjsubid || ' ' || d.deptype::text, ',') FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = q.seqrelid AND d.deptype IN ('a', 'i')))
    FROM pg_sequence q JOIN relations c ON c.oid = q.seqrelid
  UNION ALL
  SELECT format('partition or child %s of %s', i.inhrelid::regclass, i.inhparent::regclass) FROM pg_inherits i JOIN relations c ON c.oid = i.inhrelid
  UNION ALL
  SELECT format('publication %s all %s insert %s update %s delete %s truncate %s root %s owner %s', pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, pubviaroot, pubowner::regrole) FROM pg_publication
  UNION ALL
  SELECT 'published ' || pg_catalog.to_jsonb(t)::text FROM pg_publication_tables t WHERE t.schemaname IN (SELECT nspname FROM spaces)
  UNION ALL
  SELECT format('listed %s in %s', r.prrelid::regclass, p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
  UNION ALL
  SELECT format('statistics %s: %s owner %s target %s', x.stxname, pg_get_statisticsobjdef(x.oid), x.stxowner::regrole, NULLIF(x.stxstattarget, -1)) FROM pg_statistic_ext x JOIN spaces s ON s.oid = x.stxnamespace
  UNION ALL
  SELECT format('type %s kind %s base %s not null %s owner %s', t.oid::regtype, t.typtype, format_type(t.typbasetype, t.typtypmod), t.typnotnull, t.typowner::regrole)
    FROM pg_type t JOIN spaces s ON s.oid = t.typnamespace WHERE t.typtype <> 'b'
  UNION ALL
  SELECT format('default privileges %s %s %s %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype, defaclacl) FROM pg_default_acl
  UNION ALL
  SELECT 'extension ' || d.refobjid || ' ' || (pg_identify_object(d.classid, d.objid, 0)).identity FROM pg_depend d WHERE d.deptype = 'x'
  UNION ALL
  SELECT 'comment ' || line FROM comments WHERE line NOT LIKE '%crossfade%'
) described ORDER BY line COLLATE "C"
)sql";

}  // namespace

std::string catalog_description(postgres::Session& session) {
  session.run({"test.search_path", "SET search_path = ''"});
  std::string out;
  const postgres::Rows rows = session.run({"test.catalog", std::string(kDescription)});
  for (const postgres::Row row : rows) out += row.text("line") + "\n";
  return out;
}

}  // namespace crossfade::tests
