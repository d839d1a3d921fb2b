#include "checkers/preflight_check.h"

// Other objects that refer to the table by its oid, and so would go on reading or writing the old table after
// the cutover. The last check takes every dependent that no other check knows and no run carries over.
namespace crossfade::checkers {

namespace {

constexpr std::string_view kViews = R"sql(
SELECT DISTINCT CASE c.relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'rule ' END
       || CASE WHEN c.relkind IN ('v', 'm')
               THEN (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, c.oid, 0)).identity
               ELSE (pg_catalog.pg_identify_object('pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid, 0)).identity END AS object,
       NULL AS found
  FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid
  JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
 WHERE d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid = $1::pg_catalog.oid AND w.ev_class <> $1::pg_catalog.oid
 ORDER BY 1
)sql";

constexpr std::string_view kFunctions = R"sql(
SELECT DISTINCT (pg_catalog.pg_identify_object(d.classid, d.objid, 0)).type || ' '
       || (pg_catalog.pg_identify_object(d.classid, d.objid, 0)).identity AS object,
       NULL AS found
  FROM pg_catalog.pg_depend d
 WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
   AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

// The array type depends on the row type by itself; everything else is somebody's use of one of the two.
constexpr std::string_view kRowType = R"sql(
SELECT DISTINCT (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).type || ' '
       || (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).identity AS object,
       NULL AS found
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_type t ON t.oid = c.reltype
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (t.oid, t.typarray)
 WHERE c.oid = $1::pg_catalog.oid
   AND NOT (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = t.typarray)
 ORDER BY 1
)sql";

// What a run carries over, or what another check lists, is taken out; the rest is in the way. Things may
// depend on the table, on its indexes, constraints or column defaults, or on its identity sequences, which
// the new table has its own of. A constant such as 'orders'::regclass inside a default or constraint of the
// table itself keeps the old oid; it shows as a normal dependency on the table as a whole.
constexpr std::string_view kUnknown = R"sql(
WITH parts (classid, objid) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, $1::pg_catalog.oid
  UNION ALL
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, indexrelid FROM pg_catalog.pg_index WHERE indrelid = $1::pg_catalog.oid
  UNION ALL
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid FROM pg_catalog.pg_constraint WHERE conrelid = $1::pg_catalog.oid
  UNION ALL
  SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid FROM pg_catalog.pg_attrdef WHERE adrelid = $1::pg_catalog.oid
  UNION ALL
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid
     AND d.deptype = 'i'
), dependents AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid, p.classid AS part_class, p.objid AS part_oid,
         d.deptype = 'n' AND d.refobjsubid = 0 AND p.objid = $1::pg_catalog.oid AS whole_table
    FROM pg_catalog.pg_depend d JOIN parts p ON p.classid = d.refclassid AND p.objid = d.refobjid
), unknown AS (
  SELECT d.* FROM dependents d
   WHERE NOT EXISTS (SELECT 1 FROM parts p WHERE p.classid = d.classid AND p.objid = d.objid)
     AND CASE d.classid
         WHEN 'pg_catalog.pg_class'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_class c WHERE c.oid = d.objid
             AND (c.relkind IN ('t', 'S') OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i
                                                      WHERE i.inhrelid = c.oid AND i.inhparent = d.part_oid)))
         WHEN 'pg_catalog.pg_type'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_type t WHERE t.oid = d.objid AND t.typrelid = d.part_oid)
         WHEN 'pg_catalog.pg_constraint'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_constraint k WHERE k.oid = d.objid AND k.contype = 'f'
              AND k.confrelid = $1::pg_catalog.oid)
         WHEN 'pg_catalog.pg_trigger'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.oid = d.objid
              AND (t.tgisinternal OR t.tgrelid = $1::pg_catalog.oid))
         WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_policy o WHERE o.oid = d.objid AND o.polrelid = $1::pg_catalog.oid)
         WHEN 'pg_catalog.pg_publication_rel'::pg_catalog.regclass THEN false
         WHEN 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_statistic_ext s WHERE s.oid = d.objid AND s.stxrelid = $1::pg_catalog.oid)
         WHEN 'pg_catalog.pg_rewrite'::pg_catalog.regclass THEN d.part_class = 'pg_catalog.pg_class'::pg_catalog.regclass
           AND d.part_oid <> $1::pg_catalog.oid
         WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN d.part_oid <> $1::pg_catalog.oid
         ELSE true END
  UNION ALL
  SELECT d.* FROM dependents d
   WHERE d.whole_table
     AND d.classid IN ('pg_catalog.pg_attrdef'::pg_catalog.regclass, 'pg_catalog.pg_constraint'::pg_catalog.regclass)
     AND EXISTS (SELECT 1 FROM parts p WHERE p.classid = d.classid AND p.objid = d.objid)
     AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint k
                      WHERE d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass AND k.oid = d.objid AND k.contype = 'f')
)
SELECT DISTINCT pg_catalog.pg_describe_object(classid, objid, objsubid) AS object,
       'depends on ' || pg_catalog.pg_describe_object(part_class, part_oid, 0) AS found
  FROM unknown
 ORDER BY 1, 2
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"dependent-view", dependents, kEveryVersion, "preflight.dependent_views", kViews,
     "{object} refers to {table} and would go on using the old table", "no views or rules on the table",
     "Drop it for the time of the run and create it again after contract."},
    {"dependent-function", dependents, kEveryVersion, "preflight.dependent_functions", kFunctions,
     "{object} is bound to {table} when it is created, and would go on using the old table",
     "no function with an SQL-standard body or default that refers to the table",
     "Turn its body into a quoted string, or drop it for the time of the run and create it again after "
     "contract."},
    {"row-type-use", dependents, kEveryVersion, "preflight.row_type", kRowType,
     "{object} uses the row type of {table}, which stays with the old table",
     "no use of the table's row type", "Drop it for the time of the run and create it again after contract."},
    {"unknown-dependent", dependents, kEveryVersion, "preflight.unknown_dependents", kUnknown,
     "{object} depends on {table} or a part of it, and would stay with the old table",
     "only indexes, constraints, defaults and owned sequences",
     "Drop it for the time of the run and create it again after contract."},
};

}  // namespace

std::span<const PreflightCheck> dependent_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
