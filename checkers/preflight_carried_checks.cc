#include "checkers/preflight_check.h"

// What a run with a new table carries over, and an empty copy that only takes the table's place for a while
// does not: there it stands in the way.
namespace crossfade::checkers {

namespace {

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

constexpr std::string_view kTypedTable = R"sql(
SELECT NULL AS object, 'OF ' || pg_catalog.format_type(c.reloftype, NULL) AS found
  FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid AND c.reloftype <> 0
)sql";

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

constexpr std::string_view kPartitions = R"sql(
SELECT NULL AS object, CASE WHEN c.relkind = 'p' THEN 'a partitioned table' ELSE 'a partition of '
         || (SELECT pg_catalog.string_agg((pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, i.inhparent, 0)).identity, ', ')
               FROM pg_catalog.pg_inherits i WHERE i.inhrelid = c.oid) END AS found
  FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid AND (c.relkind = 'p' OR c.relispartition)
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

constexpr std::string_view kPublications = R"sql(
SELECT 'publication ' || pg_catalog.quote_ident(p.pubname) AS object,
       CASE WHEN p.puballtables THEN 'FOR ALL TABLES' ELSE 'FOR TABLE' END AS found
  FROM pg_catalog.pg_publication p
 WHERE p.puballtables
    OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = $1::pg_catalog.oid)
 ORDER BY 1
)sql";

constexpr std::string_view kSchemaPublications = R"sql(
SELECT 'publication ' || pg_catalog.quote_ident(p.pubname) AS object,
       'FOR TABLES IN SCHEMA ' || pg_catalog.quote_ident(s.nspname) AS found
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
  JOIN pg_catalog.pg_publication_namespace n ON n.pnnspid = s.oid
  JOIN pg_catalog.pg_publication p ON p.oid = n.pnpubid
 WHERE c.oid = $1::pg_catalog.oid
 ORDER BY 1
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"not-an-ordinary-table", relation, kEveryVersion, "preflight.partitions", kPartitions,
     "{table} is not an ordinary table: {found}", "a table that is neither divided nor a part of another",
     "Do it to the partitions, or by DELETE."},
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
    {"rule", relation, kEveryVersion, "preflight.rules", kRules,
     "{object} rewrites what is written to {table}, and would be lost with the old table", "no rules",
     "Drop the rule for the time of the run and create it again after contract."},
    {"policy", relation, kEveryVersion, "preflight.policies", kPolicies,
     "{object} would be lost with the old table, and rows would become visible",
     "no row-level security policies",
     "Drop the policy for the time of the run if that is safe, or change this table by a plain ALTER TABLE."},
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
    {"typed-table", relation, kEveryVersion, "preflight.typed_table", kTypedTable,
     "{table} is a typed table; the new table would lose its tie to the type",
     "a table that was not created with OF", "ALTER TABLE {table} NOT OF first."},
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
    {"unknown-dependent", dependents, kEveryVersion, "preflight.all_dependents", kUnknown,
     "{object} depends on {table} or a part of it, and would stay with the old table",
     "only indexes, constraints, defaults and owned sequences",
     "Drop it for the time of the run and create it again after contract."},
    {"publication", database, kEveryVersion, "preflight.publications", kPublications,
     "{object} publishes {table} ({found}); its subscribers would meet tables they do not know",
     "a table that is not published",
     "Take the table out of the publication for the time of the run, or list the other tables instead of FOR "
     "ALL TABLES."},
    {"publication", database, 150000, "preflight.schema_publications", kSchemaPublications,
     "{object} publishes {table} ({found}); its subscribers would not get the new table's start",
     "a table that is not published",
     "Publish the other tables of the schema by name for the time of the run."},
};

}  // namespace

std::span<const PreflightCheck> carried_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
