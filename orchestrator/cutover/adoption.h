// What hangs on the tables of a cutover, as it was last adopted by the new ones: the statements that carry it
// over, and whether the server still has it so. Made before the lock, asked for under it. One thread; keeps
// pointers to the contexts, which must outlive it.
#pragma once

#include <string>
#include <vector>

#include "orchestrator/cutover/neighbour_locks.h"
#include "orchestrator/run_context.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

class Adoption {
 public:
  explicit Adoption(std::vector<RunContext*> contexts) : contexts_(std::move(contexts)) {}

  /// Brings the new tables to what the old ones have now, unless that has been done. Locks the new tables
  /// only. False where a table is gone. Throws Failure (exit 5) where something does not fit.
  bool bring_up_to_date(postgres::Session& session);

  /// Whether nothing has changed since; what has changed is adopted next time. Quick, fit to be asked under
  /// the lock.
  bool still_holds(postgres::Session& session);
  bool made() const { return !digest_.empty(); }

  /// Of the contexts, in their order.
  const std::vector<strategies::CarriedObjects>& carried() const { return carried_; }
  const Neighbours& neighbours() const { return neighbours_; }
  /// Statements that lock the views over the tables, outermost first.
  std::string view_locks() const;

 private:
  std::string digest_now(postgres::Session& session) const;

  std::vector<RunContext*> contexts_;
  std::string digest_;
  std::vector<strategies::CarriedObjects> carried_;
  Neighbours neighbours_;
};

}  // namespace crossfade::orchestrator
