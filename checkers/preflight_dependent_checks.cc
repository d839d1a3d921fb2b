#include <string>

#include "checkers/preflight_check.h"
#include "postgres/dependents.h"

// Other objects that are bound to the table by its oid and that no run can bind to another: they would go on
// reading or writing the old one after the cutover.
namespace crossfade::checkers {

namespace {

// Rows of this type are stored elsewhere, or a type is made of it. A plain ALTER TABLE is refused then as
// well, where it would rewrite the table.
const std::string kRowType = std::string("WITH RECURSIVE ") + std::string(postgres::kBoundObjects) + R"sql(
SELECT DISTINCT (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).type || ' '
       || (pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid)).identity AS object, NULL AS found
  FROM bound b
  JOIN pg_catalog.pg_class c ON b.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = b.objid
  JOIN pg_catalog.pg_type y ON y.oid = c.reltype
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.refobjid IN (y.oid, y.typarray)
 WHERE NOT (d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objid = y.typarray)
   AND NOT EXISTS (SELECT 1 FROM bound o WHERE o.classid = d.classid AND o.objid = d.objid)
   AND NOT (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
            AND EXISTS (SELECT 1 FROM pg_catalog.pg_class k WHERE k.oid = d.objid AND k.relkind = 'c'))
   AND NOT (d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            AND EXISTS (SELECT 1 FROM pg_catalog.pg_proc p WHERE p.oid = d.objid AND p.prokind <> 'a'))
   AND d.classid NOT IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_policy'::pg_catalog.regclass)
 ORDER BY 1
)sql";

// What a run carries over, or what the row type's check lists, is taken out; the rest is in the way. Things
// may depend on the table, on its indexes, constraints or column defaults, on its identity sequences, which
// the new table has its own of, or on views and functions that get a new identity with it. A constant such as
// 'orders'::regclass inside a default or constraint of the table itself keeps the old oid; it shows as a
// normal dependency on the table as a whole.
const std::string kUnknown = std::string("WITH RECURSIVE ") + std::string(postgres::kBoundObjects) + R"sql(,
parts (classid, objid) AS (
  SELECT classid, objid FROM bound
  UNION
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid FROM pg_catalog.pg_index i
   WHERE i.indrelid IN (SELECT objid FROM bound WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  UNION
  SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass, oid FROM pg_catalog.pg_constraint WHERE conrelid = $1::pg_catalog.oid
  UNION
  SELECT 'pg_catalog.pg_attrdef'::pg_catalog.regclass, oid FROM pg_catalog.pg_attrdef
   WHERE adrelid IN (SELECT objid FROM bound WHERE classid = 'pg_catalog.pg_class'::pg_catalog.regclass)
  UNION
  SELECT d.classid, d.objid FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
   WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
     AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid
     AND d.deptype = 'i'
), dependents AS (
  SELECT DISTINCT d.classid, d.objid, d.objsubid, p.classid AS part_class, p.objid AS part_oid,
         d.deptype = 'n' AND d.refobjsubid = 0 AND p.objid = $1::pg_catalog.oid AS whole_table
    FROM pg_catalog.pg_depend d JOIN parts p ON p.classid = d.refclassid AND p.objid = d.refobjid
   -- What a partition has from above.
   WHERE d.deptype NOT IN ('P', 'S')
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
              AND (t.tgisinternal OR t.tgrelid IN (SELECT objid FROM bound)))
         WHEN 'pg_catalog.pg_policy'::pg_catalog.regclass THEN false
         WHEN 'pg_catalog.pg_publication_rel'::pg_catalog.regclass THEN false
         WHEN 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass THEN NOT EXISTS (
           SELECT 1 FROM pg_catalog.pg_statistic_ext s WHERE s.oid = d.objid AND s.stxrelid IN (SELECT objid FROM bound))
         WHEN 'pg_catalog.pg_rewrite'::pg_catalog.regclass THEN EXISTS (
           SELECT 1 FROM pg_catalog.pg_class s WHERE s.oid = d.part_oid AND s.relkind = 'S')
         WHEN 'pg_catalog.pg_proc'::pg_catalog.regclass THEN EXISTS (
           SELECT 1 FROM pg_catalog.pg_class s WHERE s.oid = d.part_oid AND s.relkind = 'S')
           OR d.part_class NOT IN ('pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_proc'::pg_catalog.regclass)
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

const PreflightCheck kChecks[] = {
    {"row-type-use", dependents, kEveryVersion, "preflight.row_type", kRowType,
     "{object} stores or is made of rows of {table}, whose type stays with the old table",
     "no column, domain, aggregate or cast with the table's row type",
     "Drop it for the time of the run and create it again after contract."},
    {"unknown-dependent", dependents, kEveryVersion, "preflight.unknown_dependents", kUnknown,
     "{object} depends on {table} or on something that is bound to it, and would stay with the old table",
     "what docs/fidelity.md lists as carried over",
     "Drop it for the time of the run and create it again after contract."},
};

}  // namespace

std::span<const PreflightCheck> dependent_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
