// Everything about a table, its surroundings and the current role that keeps a shadow-table run from being
// safe or complete. The checks stand in explicit tables (preflight_*_checks.cc), run in order, and all their
// findings come back at once, one Problem for each object. A non-empty result means: refuse, exit code 5.
// Announcements are what a run may do but the operator should know beforehand. Neither changes anything; both
// take only catalog locks. Pure functions of the session's catalog; call them in one REPEATABLE READ
// transaction where one snapshot matters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/problem.h"
#include "postgres/session.h"

namespace crossfade::checkers {

/// A column whose type the revision changes.
struct TypeChange {
  std::string column;
  std::string new_type;  ///< as format_type prints it: "bigint", "numeric(12,2)"
};

struct PreflightRequest {
  std::uint32_t table_oid = 0;
  std::string display;                   ///< "public.orders", for messages
  std::vector<TypeChange> type_changes;  ///< used by announcements only
  std::vector<std::string> allowed;      ///< codes that the file accepts (crossfade:allow); few can be
  std::uint64_t estimated_bytes = 0;  ///< of the new table with its indexes; 0: as large as the present one
};

/// What forbids the run. Empty: go ahead. The object of each Problem is the identity of the one thing in the
/// way
/// ("trigger audit on public.orders"). Throws DatabaseError.
std::vector<Problem> preflight(postgres::Session& session, const PreflightRequest& request);

/// The same for an empty table that takes the other's place until contract: it carries less.
std::vector<Problem> preflight_of_empty_copy(postgres::Session& session, const PreflightRequest& request);

/// Of these what the role lacks: ownership, CREATE, USAGE. Throws DatabaseError.
std::vector<Problem> missing_rights(postgres::Session& session, const PreflightRequest& request);

/// What the run will cost or break around itself, for `plan` to print. Throws DatabaseError.
std::vector<Problem> announcements(postgres::Session& session, const PreflightRequest& request);

}  // namespace crossfade::checkers
