// The other relations that a cutover locks: tables at the far end of foreign keys, tables whose policies or
// rules name the table, views over it. One thread.
#pragma once

#include <string>
#include <vector>

#include "postgres/quoting.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct Neighbours {
  std::vector<postgres::QualifiedName> tables;  ///< that the role may lock by name
  std::string lock;         ///< LOCK TABLE of these and of the other members, in their order; may be empty
  bool all_locked = true;   ///< the role may lock every one of them
  std::string oids = "{}";  ///< of all of them and of the views, as an array literal
};

/// Of `members`, the tables that are cut over together, the first is locked before all others. A table that
/// the role may not lock by name is locked by the statement that drops the foreign key. Throws DatabaseError.
Neighbours find_neighbours(postgres::Session& session, const std::vector<strategies::CarriedObjects>& carried,
                           const std::vector<postgres::QualifiedName>& members,
                           const std::vector<std::uint32_t>& partitions);

}  // namespace crossfade::orchestrator
