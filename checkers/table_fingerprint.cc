#include "checkers/table_fingerprint.h"

#include <string_view>

namespace crossfade::checkers {

namespace {

// Operators are qualified as well: this runs beside the application's data, under whatever search_path the
// session has. The functions' row versions belong to the triggers: an abort that did not come to its end, or
// an operator in an emergency, leaves capture with no-op bodies, and whoever goes on must notice (rule 4).
// The application's own triggers and policies are carried over as they are at the cutover.
constexpr std::string_view kFingerprint = R"sql(
WITH RECURSIVE members (oid) AS (
  SELECT $1::pg_catalog.oid
  UNION ALL
  SELECT i.inhrelid FROM members m JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.oid AND c.relkind OPERATOR(pg_catalog.=) 'p'
    JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) m.oid),
each AS (
SELECT c.oid, pg_catalog.format('%I.%I', (SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid OPERATOR(pg_catalog.=) c.relnamespace), c.relname) AS name,
       pg_catalog.pg_relation_filenode(c.oid)::pg_catalog.text AS filenode,
       (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', t.oid, t.xmin, t.tgenabled, p.xmin), ',' ORDER BY t.oid))
          FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid
          JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace
         WHERE t.tgrelid OPERATOR(pg_catalog.=) c.oid AND n.nspname OPERATOR(pg_catalog.~) '^crossfade_[0-9]') AS triggers,
       pg_catalog.concat_ws('-',
         (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', a.attnum, a.atttypid, a.atttypmod, a.attnotnull,
                   a.attisdropped, a.attcollation, a.attgenerated, a.attidentity, a.attname), ',' ORDER BY a.attnum))
            FROM pg_catalog.pg_attribute a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0),
         (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', d.adnum, d.oid), ',' ORDER BY d.adnum))
            FROM pg_catalog.pg_attrdef d WHERE d.adrelid OPERATOR(pg_catalog.=) c.oid)) AS columns,
       (SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.concat_ws(':', i.inhrelid, i.inhparent, i.version), ',' ORDER BY i.inhrelid, i.inhparent))
          FROM (SELECT p.inhrelid, p.inhparent, p.xmin AS version FROM pg_catalog.pg_inherits p WHERE p.inhrelid OPERATOR(pg_catalog.=) c.oid
                UNION ALL
                SELECT p.inhrelid, p.inhparent, p.xmin FROM pg_catalog.pg_inherits p WHERE p.inhparent OPERATOR(pg_catalog.=) c.oid) i) AS inheritance,
       pg_catalog.concat_ws('-', c.relrowsecurity, c.relforcerowsecurity) AS row_security
  FROM members m JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) m.oid),
whole AS (
SELECT pg_catalog.count(*) AS tables,
       pg_catalog.string_agg(name, ',' ORDER BY oid) AS name, pg_catalog.string_agg(filenode, ',' ORDER BY oid) AS filenode,
       pg_catalog.string_agg(triggers, ',' ORDER BY oid) AS triggers, pg_catalog.string_agg(columns, ',' ORDER BY oid) AS columns,
       pg_catalog.string_agg(inheritance, ',' ORDER BY oid) AS inheritance, pg_catalog.string_agg(row_security, ',' ORDER BY oid) AS row_security
  FROM each)
SELECT CASE WHEN short THEN name ELSE pg_catalog.md5(name) END AS name, CASE WHEN short THEN filenode ELSE pg_catalog.md5(filenode) END AS filenode,
       CASE WHEN short THEN triggers ELSE pg_catalog.md5(triggers) END AS triggers, CASE WHEN short THEN columns ELSE pg_catalog.md5(columns) END AS columns,
       CASE WHEN short THEN inheritance ELSE pg_catalog.md5(inheritance) END AS inheritance,
       CASE WHEN short THEN row_security ELSE pg_catalog.md5(row_security) END AS row_security
  FROM (SELECT whole.*, tables OPERATOR(pg_catalog.=) 1 AS short FROM whole) w
)sql";

struct Component {
  std::string_view name;
  std::string TableFingerprint::*member;
  FingerprintReaction reaction;
  std::string_view reason;
};

using enum FingerprintReaction;

// Those that stop the run come first: a change of a column's type rewrites the table too, and no second copy
// helps.
constexpr Component kComponents[] = {
    {"name", &TableFingerprint::name, stop, "was renamed or moved to another schema"},
    {"columns", &TableFingerprint::columns, stop,
     "has other columns, types or defaults than when the run began"},
    {"inheritance", &TableFingerprint::inheritance, stop,
     "became or ceased to be a partition, parent or child of another table, or has had partitions attached "
     "or detached"},
    {"row_security", &TableFingerprint::row_security, stop,
     "has row-level security switched on or off since the run began"},
    {"filenode", &TableFingerprint::filenode, restart_copy,
     "was rewritten or truncated (VACUUM FULL, CLUSTER, TRUNCATE, pg_repack); rows have moved without being "
     "captured"},
    {"triggers", &TableFingerprint::triggers, restart_copy,
     "had triggers of the run dropped, disabled, enabled or given other functions; changes may have gone by "
     "uncaptured"},
};

}  // namespace

TableFingerprint read_fingerprint(postgres::Session& session, std::uint32_t table_oid) {
  const postgres::Rows rows =
      session.run({"fingerprint.read", std::string(kFingerprint), true}, {std::to_string(table_oid)});
  if (rows.empty()) return {};
  const postgres::Row row = rows.only();
  TableFingerprint fingerprint;
  for (const Component& component : kComponents)
    fingerprint.*component.member = row.text_or(component.name, "");
  return fingerprint;
}

std::optional<FingerprintChange> compare(const TableFingerprint& expected, const TableFingerprint& found) {
  // Before equality: a table that is gone equals a fingerprint that was never taken.
  if (found.name.empty()) return FingerprintChange{"name", stop, "does not exist any more"};
  if (expected == found) return std::nullopt;
  for (const Component& component : kComponents) {
    if (expected.*component.member != found.*component.member) {
      return FingerprintChange{std::string(component.name), component.reaction,
                               std::string(component.reason)};
    }
  }
  return std::nullopt;
}

}  // namespace crossfade::checkers
