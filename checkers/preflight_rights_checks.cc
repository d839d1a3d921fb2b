#include "checkers/preflight_check.h"

// What the current role may do. Every right that is missing is listed, so that one visit to the administrator
// suffices.
namespace crossfade::checkers {

namespace {

constexpr std::string_view kOwner = R"sql(
SELECT NULL AS object, 'owner ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS found
  FROM pg_catalog.pg_class c
 WHERE c.oid = $1::pg_catalog.oid AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
)sql";

// Giving the new table its owner needs SET on that role (16 and later), or membership.
constexpr std::string_view kBecomeOwner = R"sql(
SELECT NULL AS object, 'owner ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS found
  FROM pg_catalog.pg_class c
 WHERE c.oid = $1::pg_catalog.oid AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
   AND NOT pg_catalog.pg_has_role(c.relowner,
         CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000 THEN 'SET' ELSE 'MEMBER' END)
)sql";

constexpr std::string_view kSchema = R"sql(
SELECT 'SCHEMA ' || pg_catalog.quote_ident(n.nspname) AS object, privilege AS found
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 CROSS JOIN (VALUES ('CREATE'), ('USAGE')) AS wanted (privilege)
 WHERE c.oid = $1::pg_catalog.oid AND NOT pg_catalog.has_schema_privilege(n.oid, privilege)
 ORDER BY 2
)sql";

constexpr std::string_view kDatabase = R"sql(
SELECT 'DATABASE ' || pg_catalog.quote_ident(d.datname) AS object, NULL AS found
  FROM pg_catalog.pg_database d
 WHERE $1::pg_catalog.oid IS NOT NULL AND d.datname = pg_catalog.current_database()
   AND NOT pg_catalog.has_database_privilege(d.oid, 'CREATE')
)sql";

constexpr std::string_view kTablespaces = R"sql(
SELECT DISTINCT 'TABLESPACE ' || pg_catalog.quote_ident(s.spcname) AS object, NULL AS found
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
 WHERE (c.oid = $1::pg_catalog.oid
        OR c.oid IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = $1::pg_catalog.oid))
   AND NOT pg_catalog.has_tablespace_privilege(s.oid, 'CREATE')
 ORDER BY 1
)sql";

// An array type has no rights of its own, its element type has.
constexpr std::string_view kTypes = R"sql(
SELECT DISTINCT 'TYPE ' || (pg_catalog.pg_identify_object('pg_catalog.pg_type'::pg_catalog.regclass,
         CASE t.typcategory WHEN 'A' THEN t.typelem ELSE t.oid END, 0)).identity AS object,
       NULL AS found
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
   AND NOT pg_catalog.has_type_privilege(a.atttypid, 'USAGE')
 ORDER BY 1
)sql";

// An owner may have taken rights from itself. Whoever is not the owner is told that, and no more.
constexpr std::string_view kTablePrivileges = R"sql(
SELECT NULL AS object, privilege AS found
  FROM pg_catalog.pg_class c
 CROSS JOIN (VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRIGGER')) AS wanted (privilege)
 WHERE c.oid = $1::pg_catalog.oid AND c.relkind IN ('r', 'p') AND pg_catalog.pg_has_role(c.relowner, 'USAGE')
   AND NOT pg_catalog.has_table_privilege(c.oid, privilege)
 ORDER BY 2
)sql";

// A grant is recorded with its grantor, and REVOKE by that grantor would not find it if somebody else granted
// it anew. Identity sequences are listed with the table, because the new table has new ones.
constexpr std::string_view kGrants = R"sql(
SELECT (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, holder.oid, holder.number)).type || ' '
       || (pg_catalog.pg_identify_object('pg_catalog.pg_class'::pg_catalog.regclass, holder.oid, holder.number)).identity AS object,
       a.privilege_type || ' to '
       || CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
       || ' by ' || pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantor)) AS found
  FROM (SELECT oid, 0 AS number, relacl AS acl, relowner AS owner FROM pg_catalog.pg_class WHERE oid = $1::pg_catalog.oid
        UNION ALL
        SELECT c.oid, t.attnum, t.attacl, c.relowner
          FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute t ON t.attrelid = c.oid
         WHERE c.oid = $1::pg_catalog.oid AND t.attnum > 0 AND NOT t.attisdropped
        UNION ALL
        SELECT s.oid, 0, s.relacl, s.relowner
          FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'i'
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = $1::pg_catalog.oid) holder
 CROSS JOIN LATERAL pg_catalog.aclexplode(holder.acl) a
 WHERE a.grantor <> holder.owner
   AND NOT pg_catalog.pg_has_role(a.grantor, CASE WHEN pg_catalog.current_setting('server_version_num')::pg_catalog.int4 >= 160000
                                                  THEN 'SET' ELSE 'MEMBER' END)
 ORDER BY 1, 2
)sql";

using enum CheckScope;

constexpr PreflightCheck kChecks[] = {
    {"not-owner", rights, kEveryVersion, "preflight.owner", kOwner, "role {role} does not own {table}",
     "the owner's role, or one that inherits from it",
     "Connect as the owner, or GRANT the owner's role to {role} with inheritance."},
    {"cannot-set-owner", rights, kEveryVersion, "preflight.become_owner", kBecomeOwner,
     "role {role} could not give the new table the owner of {table}", "the right to SET ROLE to the owner",
     "Connect as the owner, or GRANT the owner's role to {role} WITH SET TRUE."},
    {"no-schema-right", rights, kEveryVersion, "preflight.schema", kSchema,
     "role {role} lacks {found} on {object}", "CREATE and USAGE on the table's schema",
     "GRANT {found} ON {object} TO {role};"},
    {"no-database-right", rights, kEveryVersion, "preflight.database", kDatabase,
     "role {role} lacks CREATE on {object}, which a schema for the run needs", "CREATE on the database",
     "GRANT CREATE ON {object} TO {role};"},
    {"no-tablespace-right", rights, kEveryVersion, "preflight.tablespaces", kTablespaces,
     "role {role} lacks CREATE on {object}, where {table} or an index of it lies", "CREATE on the tablespace",
     "GRANT CREATE ON {object} TO {role};"},
    {"no-type-right", rights, kEveryVersion, "preflight.types", kTypes,
     "role {role} lacks USAGE on {object}, which a column of {table} has", "USAGE on all column types",
     "GRANT USAGE ON {object} TO {role};"},
    {"no-table-right", rights, kEveryVersion, "preflight.table_privileges", kTablePrivileges,
     "role {role} lacks {found} on {table}, although it owns it",
     "SELECT, INSERT, UPDATE, DELETE and TRIGGER", "GRANT {found} ON {table} TO {role};"},
    {"foreign-grant", rights, kEveryVersion, "preflight.grants", kGrants,
     "{object} has a grant that role {role} cannot make again: {found}",
     "grants by the owner, or by a role that {role} may act as",
     "GRANT the grantor's role to {role}, or revoke it as that grantor and grant it as the owner."},
};

}  // namespace

std::span<const PreflightCheck> rights_checks() {
  return kChecks;
}

}  // namespace crossfade::checkers
