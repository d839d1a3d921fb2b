#include "checkers/preflight_check.h"

// The table itself and what hangs on it. Whatever a run cannot put onto the new table is refused here by
// name, so that nothing is dropped silently.
namespace crossfade::checkers {

namespace {

constexpr std::string_view kKind = R"sql(
SELECT NULL AS object, 'no relation has the oid ' || $1::pg_catalog.oid::pg_catalog.text AS found
 WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid)
UNION ALL
SELECT NULL, reason
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN LATERAL (SELECT CASE
         WHEN c.relkind = 'v' THEN 'a view'
         WHEN c.relkind = 'm' THEN 'a materialized view'
         WHEN c.relkind = 'f' THEN 'a foreign table'
         WHEN c.relkind = 't' THEN 'a TOAST table'
         WHEN c.relkind = 'S' THEN 'a sequence'
         WHEN c.relkind IN ('i', 'I') THEN 'an index'
         WHEN c.relkind = 'c' THEN 'a composite type'
         WHEN c.relkind NOT IN ('r', 'p') THEN 'a relation of kind ' || c.relkind::pg_catalog.text
         WHEN c.relpersistence = 't' THEN 'a temporary table'
         WHEN c.oid < 16384 OR n.nspname IN ('pg_catalog', 'pg_toast', 'information_schema') THEN 'a system table'
         WHEN n.nspname ~ '^crossfade(_[0-9]+(_[0-9]+)?(_old)?)?$' THEN 'a table of crossfade''s own'
       END AS reason) kind
 WHERE c.oid = $1::pg_catalog.oid AND reason IS NOT NULL
)sql";

constexpr std::string_view kAccessMethod = R"sql(
SELECT NULL AS object, 'access method ' || pg_catalog.quote_ident(m.amname) AS found
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam
 WHERE c.oid = $1::pg_catalog.oid AND c.relkind IN ('r', 'm') AND m.amhandler <> 'pg_catalog.heap_tableam_handler'::pg_catalog.regproc
)sql";

constexpr std::string_view kInheritance = R"sql(
SELECT 'table ' || (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, other, 0)).identity AS object,
       role AS found
  FROM (SELECT inhparent AS other, inhparent AS parent, 'parent' AS role FROM pg_catalog.pg_inherits WHERE inhrelid = $1::pg_catalog.oid
        UNION ALL
        SELECT inhrelid, inhparent, 'child' FROM pg_catalog.pg_inherits WHERE inhparent = $1::pg_catalog.oid) relatives
 WHERE (SELECT relkind FROM pg_catalog.pg_class WHERE oid = parent) <> 'p'
 ORDER BY found, object
)sql";

constexpr std::string_view kExtension = R"sql(
SELECT (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).type || ' '
       || (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).identity AS object,
       'extension ' || pg_catalog.quote_ident(e.extname) AS found
  FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
 WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype IN ('e', 'x')
   AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND (d.objid = $1::pg_catalog.oid
        OR d.objid IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = $1::pg_catalog.oid))
 ORDER BY 1
)sql";

constexpr std::string_view kLeftOverTriggers = R"sql(
SELECT 'trigger ' || (pg_catalog.pg_identify_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0)).identity AS object,
       'calls a function in schema ' || n.nspname AS found
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE t.tgrelid = $1::pg_catalog.oid AND NOT t.tgisinternal AND n.nspname ~ '^crossfade_[0-9]+(_old)?$'
 ORDER BY 1
)sql";

// row_security_active is true for a session with row_security = off as well, where a filtered read is an
// error.
constexpr std::string_view kRowSecurityFilters = R"sql(
SELECT NULL AS object, 'row-level security applies to role ' || pg_catalog.quote_ident(current_user) AS found
  FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid AND pg_catalog.row_security_active(oid)
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"not-an-ordinary-table", relation, kEveryVersion, "preflight.kind", kKind,
     "{table} is not an ordinary table: {found}",
     "a permanent, unlogged or partitioned table of the application",
     "Name an ordinary or partitioned table in the revision."},
    {"access-method", relation, kEveryVersion, "preflight.access_method", kAccessMethod,
     "{table} does not have the pages of a heap, whose order the copy relies on",
     "an access method with heap's handler", "Change this table by a plain ALTER TABLE."},
    {"inheritance", relation, kEveryVersion, "preflight.inheritance", kInheritance,
     "{object} is an inheritance {found} of {table}; queries over the parent would miss or repeat rows",
     "no inheritance parents or children", "Remove the inheritance with ALTER TABLE … NO INHERIT first."},
    {"extension-owned", relation, kEveryVersion, "preflight.extension", kExtension,
     "{object} belongs to or depends on {found}, which would lose it",
     "an object that no extension has a hold on",
     "Leave the change to the extension, or take the object out of it (ALTER EXTENSION … DROP, or ALTER "
     "INDEX … NO "
     "DEPENDS ON EXTENSION)."},
    {"left-over-trigger", relation, kEveryVersion, "preflight.left_over_triggers", kLeftOverTriggers,
     "{object} belongs to another run on {table}", "no trigger of another run",
     "Finish or abort that run (crossfade status), or see crossfade doctor if it is not known any more."},
    {"row-security-filters", relation, kEveryVersion, "preflight.row_security_filters", kRowSecurityFilters,
     "role {role} would see only a part of {table}",
     "an owner that row-level security exempts, BYPASSRLS or superuser",
     "ALTER ROLE {role} BYPASSRLS, or ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY."},
};

}  // namespace

std::span<const PreflightCheck> relation_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
