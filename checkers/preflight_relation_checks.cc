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
         WHEN c.relkind = 'p' THEN 'a partitioned table'
         WHEN c.relkind = 't' THEN 'a TOAST table'
         WHEN c.relkind = 'S' THEN 'a sequence'
         WHEN c.relkind IN ('i', 'I') THEN 'an index'
         WHEN c.relkind = 'c' THEN 'a composite type'
         WHEN c.relkind <> 'r' THEN 'a relation of kind ' || c.relkind::pg_catalog.text
         WHEN c.relpersistence = 't' THEN 'a temporary table'
         WHEN c.relispartition THEN 'a partition of '
              || (SELECT pg_catalog.string_agg((pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i.inhparent, 0)).identity, ', ')
                    FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid)
         WHEN c.oid < 16384 OR n.nspname IN ('pg_catalog', 'pg_toast', 'information_schema') THEN 'a system table'
         WHEN n.nspname ~ '^crossfade(_[0-9]+(_old)?)?$' THEN 'a table of crossfade''s own'
       END AS reason) kind
 WHERE c.oid = $1::pg_catalog.oid AND reason IS NOT NULL
)sql";

constexpr std::string_view kAccessMethod = R"sql(
SELECT NULL AS object, 'access method ' || pg_catalog.quote_ident(m.amname) AS found
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am m ON m.oid = c.relam
 WHERE c.oid = $1::pg_catalog.oid AND c.relkind IN ('r', 'm') AND m.amname <> 'heap'
)sql";

constexpr std::string_view kTypedTable = R"sql(
SELECT NULL AS object, 'OF ' || pg_catalog.format_type(c.reloftype, NULL) AS found
  FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid AND c.reloftype <> 0
)sql";

constexpr std::string_view kInheritance = R"sql(
SELECT 'table ' || (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, other, 0)).identity AS object,
       role AS found
  FROM (SELECT inhparent AS other, 'parent' AS role FROM pg_catalog.pg_inherits WHERE inhrelid = $1::pg_catalog.oid
        UNION ALL
        SELECT inhrelid, 'child' FROM pg_catalog.pg_inherits WHERE inhparent = $1::pg_catalog.oid) relatives
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

constexpr std::string_view kForeignKeysOut = R"sql(
SELECT 'constraint ' || (pg_catalog.pg_identify_object('pg_catalog.pg_constraint'::pg_catalog.regclass, oid, 0)).identity AS object,
       pg_catalog.pg_get_constraintdef(oid) AS found
  FROM pg_catalog.pg_constraint
 WHERE contype = 'f' AND conrelid = $1::pg_catalog.oid AND conparentid = 0
 ORDER BY 1
)sql";

// A self-referencing key is listed once, among those that lead out of the table.
constexpr std::string_view kForeignKeysIn = R"sql(
SELECT 'constraint ' || (pg_catalog.pg_identify_object('pg_catalog.pg_constraint'::pg_catalog.regclass, oid, 0)).identity AS object,
       pg_catalog.pg_get_constraintdef(oid) AS found
  FROM pg_catalog.pg_constraint
 WHERE contype = 'f' AND confrelid = $1::pg_catalog.oid AND conrelid <> confrelid AND conparentid = 0
 ORDER BY 1
)sql";

constexpr std::string_view kUserTriggers = R"sql(
SELECT 'trigger ' || (pg_catalog.pg_identify_object('pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid, 0)).identity AS object,
       pg_catalog.pg_get_triggerdef(t.oid) AS found
  FROM pg_catalog.pg_trigger t
  JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
  JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE t.tgrelid = $1::pg_catalog.oid AND NOT t.tgisinternal AND n.nspname !~ '^crossfade_[0-9]+(_old)?$'
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

constexpr std::string_view kRules = R"sql(
SELECT 'rule ' || (pg_catalog.pg_identify_object('pg_catalog.pg_rewrite'::pg_catalog.regclass, oid, 0)).identity AS object,
       pg_catalog.pg_get_ruledef(oid) AS found
  FROM pg_catalog.pg_rewrite
 WHERE ev_class = $1::pg_catalog.oid AND rulename <> '_RETURN'
 ORDER BY 1
)sql";

constexpr std::string_view kPolicies = R"sql(
SELECT 'policy ' || (pg_catalog.pg_identify_object('pg_catalog.pg_policy'::pg_catalog.regclass, oid, 0)).identity AS object,
       NULL AS found
  FROM pg_catalog.pg_policy WHERE polrelid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

// row_security_active is true for a session with row_security = off as well, where a filtered read is an
// error.
constexpr std::string_view kRowSecurityFilters = R"sql(
SELECT NULL AS object, 'row-level security applies to role ' || pg_catalog.quote_ident(current_user) AS found
  FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid AND pg_catalog.row_security_active(oid)
)sql";

// WITHOUT OVERLAPS keys (18 and later) are exclusion constraints under another name.
constexpr std::string_view kExclusion = R"sql(
SELECT 'constraint ' || COALESCE((pg_catalog.pg_identify_object('pg_catalog.pg_constraint'::pg_catalog.regclass, k.oid, 0)).identity,
                (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, 0)).identity) AS object,
       pg_catalog.pg_get_constraintdef(k.oid) AS found
  FROM pg_catalog.pg_index i
  LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('x', 'p', 'u')
 WHERE i.indrelid = $1::pg_catalog.oid AND i.indisexclusion
 ORDER BY 1
)sql";

constexpr std::string_view kInvalidIndexes = R"sql(
SELECT 'index ' || (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, indexrelid, 0)).identity AS object,
       CASE WHEN NOT indislive THEN 'indislive is false' WHEN NOT indisready THEN 'indisready is false'
            ELSE 'indisvalid is false' END AS found
  FROM pg_catalog.pg_index
 WHERE indrelid = $1::pg_catalog.oid AND NOT (indisvalid AND indisready AND indislive)
 ORDER BY 1
)sql";

constexpr std::string_view kExtendedStatistics = R"sql(
SELECT 'statistics object ' || (pg_catalog.pg_identify_object('pg_catalog.pg_statistic_ext'::pg_catalog.regclass, oid, 0)).identity AS object,
       pg_catalog.pg_get_statisticsobjdef(oid) AS found
  FROM pg_catalog.pg_statistic_ext WHERE stxrelid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

constexpr std::string_view kSecurityLabels = R"sql(
SELECT 'security label of ' || (pg_catalog.pg_identify_object(classoid, objoid, objsubid)).identity AS object,
       provider || ': ' || label AS found
  FROM pg_catalog.pg_seclabel
 WHERE classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND objoid = $1::pg_catalog.oid
 ORDER BY 1, 2
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"not-an-ordinary-table", relation, kEveryVersion, "preflight.kind", kKind,
     "{table} is not an ordinary table: {found}", "a permanent or unlogged table of the application",
     "Name an ordinary table in the revision; partitions and partitioned tables are not supported yet."},
    {"access-method", relation, kEveryVersion, "preflight.access_method", kAccessMethod,
     "{table} does not use the heap access method, whose page order the copy relies on", "access method heap",
     "Change this table by a plain ALTER TABLE."},
    {"typed-table", relation, kEveryVersion, "preflight.typed_table", kTypedTable,
     "{table} is a typed table; the new table would lose its tie to the type",
     "a table that was not created with OF", "ALTER TABLE {table} NOT OF first."},
    {"inheritance", relation, kEveryVersion, "preflight.inheritance", kInheritance,
     "{object} is an inheritance {found} of {table}; queries over the parent would miss or repeat rows",
     "no inheritance parents or children", "Remove the inheritance with ALTER TABLE … NO INHERIT first."},
    {"extension-owned", relation, kEveryVersion, "preflight.extension", kExtension,
     "{object} belongs to or depends on {found}, which would lose it",
     "an object that no extension has a hold on",
     "Leave the change to the extension, or take the object out of it (ALTER EXTENSION … DROP, or ALTER "
     "INDEX … NO "
     "DEPENDS ON EXTENSION)."},
    {"foreign-key", relation, kEveryVersion, "preflight.foreign_keys_out", kForeignKeysOut,
     "{object} is a foreign key of {table}", "no foreign key out of the table",
     "Drop the constraint for the time of the run, and add it again NOT VALID, then VALIDATE it, after "
     "contract."},
    {"incoming-foreign-key", relation, kEveryVersion, "preflight.foreign_keys_in", kForeignKeysIn,
     "{object} refers to {table} and would stay with the old table", "no foreign key into the table",
     "Drop the constraint for the time of the run, and add it again NOT VALID, then VALIDATE it, after "
     "contract."},
    {"user-trigger", relation, kEveryVersion, "preflight.user_triggers", kUserTriggers,
     "{object} would fire on replayed rows or be lost with the old table", "no user triggers",
     "Drop the trigger for the time of the run and create it again after contract."},
    {"left-over-trigger", relation, kEveryVersion, "preflight.left_over_triggers", kLeftOverTriggers,
     "{object} belongs to another run on {table}", "no trigger of another run",
     "Finish or abort that run (crossfade status), or see crossfade doctor if it is not known any more."},
    {"rule", relation, kEveryVersion, "preflight.rules", kRules,
     "{object} rewrites what is written to {table}, and would be lost with the old table", "no rules",
     "Drop the rule for the time of the run and create it again after contract."},
    {"policy", relation, kEveryVersion, "preflight.policies", kPolicies,
     "{object} would be lost with the old table, and rows would become visible",
     "no row-level security policies",
     "Drop the policy for the time of the run if that is safe, or change this table by a plain ALTER TABLE."},
    {"row-security-filters", relation, kEveryVersion, "preflight.row_security_filters", kRowSecurityFilters,
     "role {role} would see only a part of {table}",
     "an owner that row-level security exempts, BYPASSRLS or superuser",
     "ALTER ROLE {role} BYPASSRLS, or ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY."},
    {"exclusion-constraint", relation, kEveryVersion, "preflight.exclusion", kExclusion,
     "{object} excludes overlapping rows, which replay by key cannot keep to",
     "no EXCLUDE or WITHOUT OVERLAPS",
     "Drop the constraint for the time of the run, or change this table by a plain ALTER TABLE."},
    {"invalid-index", relation, kEveryVersion, "preflight.invalid_indexes", kInvalidIndexes,
     "{object} is not valid: a concurrent build failed, or is still running", "valid indexes only",
     "If no build is running: DROP {object}, or REINDEX it CONCURRENTLY."},
    {"extended-statistics", relation, kEveryVersion, "preflight.extended_statistics", kExtendedStatistics,
     "{object} would stay with the old table", "no extended statistics",
     "Drop the statistics object and create it again after contract."},
    {"security-label", relation, kEveryVersion, "preflight.security_labels", kSecurityLabels,
     "{object} would be lost with the old table", "no security labels",
     "Remove the label (SECURITY LABEL … IS NULL) for the time of the run if that is safe."},
};

}  // namespace

std::span<const PreflightCheck> relation_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
