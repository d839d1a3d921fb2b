// The other relations that a cutover locks: tables at the far end of foreign keys, tables whose policies or rules
// name the table, views over it. One thread.
#pragma once

#include <string>
#include <vector>

#include "postgres/quoting.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct Neighbours {
  std::vector<postgres::QualifiedName> tables;  ///< that the role may lock by name
  std::string lock;                             ///< LOCK TABLE of these, in their order; may be empty
  std::string oids = "{}";                      ///< of all of them and of the views, as an array literal
};

/// A table that the role may not lock by name is locked by the statement that drops the foreign key. Throws
/// DatabaseError.
Neighbours find_neighbours(postgres::Session& session, const strategies::CarriedObjects& carried);

}  // namespace crossfade::orchestrator
