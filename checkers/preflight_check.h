// One row of the preflight tables: a named query that lists offending objects, and the words around each of
// them. The tables are immutable and thread-safe. A query takes the table's oid as $1, mentions it even where
// it has no use for it, and returns two columns: `object`, the identity of the thing in the way (NULL: the
// table itself), and `found`, what was seen of it (may be NULL). In the texts {table}, {object}, {found} and
// {role} are replaced.
#pragma once

#include <span>
#include <string_view>

namespace crossfade::checkers {

enum class CheckScope {
  relation,    ///< the table and what hangs on it
  dependents,  ///< other objects that refer to the table
  database,    ///< what else in the database reacts to the run
  rights,      ///< what the current role may do
};

struct PreflightCheck {
  std::string_view code;
  CheckScope scope;
  int since_version;  ///< server_version_num from which the catalog knows such things
  std::string_view query_name;
  std::string_view query;
  std::string_view message;
  std::string_view expected;
  std::string_view next;
};

/// Of all supported servers; see PreflightCheck::since_version.
inline constexpr int kEveryVersion = 140000;

std::span<const PreflightCheck> relation_checks();
std::span<const PreflightCheck> dependent_checks();
/// What a run with a new table carries over and an empty copy does not.
std::span<const PreflightCheck> carried_checks();
std::span<const PreflightCheck> database_checks();
std::span<const PreflightCheck> rights_checks();
/// On what hangs on the table: views, functions, referencing tables, publications, grantors.
std::span<const PreflightCheck> dependent_rights_checks();

}  // namespace crossfade::checkers
