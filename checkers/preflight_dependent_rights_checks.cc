#include <string>

#include "checkers/preflight_check.h"
#include "postgres/dependents.h"

// What the current role may do to the objects that hang on the table. They are made anew or altered with it,
// which needs their owner's rights.
namespace crossfade::checkers {

namespace {

const std::string kBound = std::string("WITH RECURSIVE ") + std::string(postgres::kBoundObjects);

// Views and functions over the table, what names it in a body or expression, tables with a foreign key to it,
// statistics, publications: (kind and identity, owner, schema).
const std::string kObjects = kBound + R"sql(,
uses AS (
  SELECT DISTINCT d.classid, d.objid FROM pg_catalog.pg_depend d
   WHERE d.deptype = 'n'
     AND ((d.refclassid, d.refobjid) IN (SELECT classid, objid FROM bound)
          OR d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (
               SELECT t.oid FROM bound b JOIN pg_catalog.pg_class c ON b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = b.objid
                 JOIN pg_catalog.pg_type y ON y.oid = c.reltype JOIN pg_catalog.pg_type t ON t.oid IN (y.oid, y.typarray)))),
objects (classid, objid, owner, schema) AS (
  SELECT b.classid, c.oid, c.relowner, c.relnamespace FROM bound b JOIN pg_catalog.pg_class c ON c.oid = b.objid
   WHERE b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND b.level > 0
  UNION
  SELECT b.classid, p.oid, p.proowner, p.pronamespace FROM bound b JOIN pg_catalog.pg_proc p ON p.oid = b.objid
   WHERE b.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION
  SELECT u.classid, p.oid, p.proowner, p.pronamespace FROM uses u JOIN pg_catalog.pg_proc p ON p.oid = u.objid
   WHERE u.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
  UNION
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner, NULL
    FROM uses u JOIN pg_catalog.pg_policy o ON o.oid = u.objid JOIN pg_catalog.pg_class c ON c.oid = o.polrelid
   WHERE u.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass AND c.oid <> $1::pg_catalog.oid
  UNION
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner, NULL
    FROM uses u JOIN pg_catalog.pg_rewrite w ON w.oid = u.objid JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
   WHERE u.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.rulename <> '_RETURN' AND c.oid <> $1::pg_catalog.oid
  UNION
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner, NULL
    FROM uses u JOIN pg_catalog.pg_class c ON c.oid = u.objid
   WHERE u.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.relkind = 'c'
  UNION
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, c.oid, c.relowner, NULL
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
   WHERE k.contype = 'f' AND k.confrelid = $1::pg_catalog.oid AND k.conrelid <> $1::pg_catalog.oid AND k.conparentid = 0
  UNION
  SELECT 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid, s.stxowner, s.stxnamespace
    FROM pg_catalog.pg_statistic_ext s WHERE s.stxrelid = $1::pg_catalog.oid
  UNION
  SELECT 'pg_catalog.pg_publication'::pg_catalog.regclass, p.oid, p.pubowner, NULL
    FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = $1::pg_catalog.oid)
)sql";

const std::string kOwners = kObjects + R"sql(
SELECT (pg_catalog.pg_identify_object(classid, objid, 0)).type || ' ' || (pg_catalog.pg_identify_object(classid, objid, 0)).identity AS object,
       'owner ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(owner)) AS found
  FROM objects
 WHERE NOT pg_catalog.pg_has_role(owner, 'USAGE')
    OR NOT pg_catalog.pg_has_role(owner, CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000
                                              THEN 'SET' ELSE 'MEMBER' END)
 ORDER BY 1
)sql";

const std::string kSchemas = kObjects + R"sql(
SELECT DISTINCT 'SCHEMA ' || pg_catalog.quote_ident(n.nspname) AS object, privilege AS found
  FROM objects o JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
 CROSS JOIN (VALUES ('CREATE'), ('USAGE')) AS wanted (privilege)
 WHERE n.oid <> (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid)
   AND NOT pg_catalog.has_schema_privilege(n.oid, privilege)
 ORDER BY 1, 2
)sql";

// On the table or on each of the columns.
constexpr std::string_view kReferences = R"sql(
SELECT DISTINCT 'table ' || (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, k.confrelid, 0)).identity AS object,
       'REFERENCES' AS found
  FROM pg_catalog.pg_constraint k
 WHERE k.contype = 'f' AND k.conrelid = $1::pg_catalog.oid AND k.conparentid = 0
   AND NOT pg_catalog.has_table_privilege(k.confrelid, 'REFERENCES')
   AND EXISTS (SELECT 1 FROM pg_catalog.unnest(k.confkey) number
                WHERE NOT pg_catalog.has_column_privilege(k.confrelid, number, 'REFERENCES'))
 ORDER BY 1
)sql";

const std::string kTriggerFunctions = kBound + R"sql(
SELECT DISTINCT 'function ' || (pg_catalog.pg_identify_object('pg_catalog.pg_proc'::pg_catalog.regclass, t.tgfoid, 0)).identity AS object,
       'EXECUTE' AS found
  FROM pg_catalog.pg_trigger t
 WHERE t.tgrelid IN (SELECT objid FROM bound) AND NOT t.tgisinternal AND NOT pg_catalog.has_function_privilege(t.tgfoid, 'EXECUTE')
 ORDER BY 1
)sql";

using enum CheckScope;

const PreflightCheck kChecks[] = {
    {"dependent-not-owned", rights, kEveryVersion, "preflight.dependent_owners", kOwners,
     "role {role} does not own {object}, which is altered together with {table}",
     "the role of its {found}, or one that may act as it",
     "GRANT the owner's role to {role}, or connect as a role that is a member of all of them."},
    {"no-schema-right", rights, kEveryVersion, "preflight.dependent_schemas", kSchemas,
     "role {role} lacks {found} on {object}, where something that hangs on {table} stands",
     "CREATE and USAGE on the schema", "GRANT {found} ON {object} TO {role};"},
    {"no-references-right", rights, kEveryVersion, "preflight.references", kReferences,
     "role {role} lacks REFERENCES on {object}, to which a foreign key of {table} leads",
     "REFERENCES on the table", "GRANT REFERENCES ON {object} TO {role};"},
    {"no-execute-right", rights, kEveryVersion, "preflight.trigger_functions", kTriggerFunctions,
     "role {role} lacks EXECUTE on {object}, which a trigger of {table} calls", "EXECUTE on the function",
     "GRANT EXECUTE ON {object} TO {role};"},
};

}  // namespace

std::span<const PreflightCheck> dependent_rights_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
