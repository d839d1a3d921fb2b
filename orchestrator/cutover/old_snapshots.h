// Snapshots that are older than a moment (docs/protocol.md, rule 27). A transaction that took its snapshot
// before the last changes were drained into the new table would read the new table without them. Snapshots
// are judged as sets of (pid, virtual transaction, xmin), never by comparing xmin as a number, because any
// running transaction of the cluster pins it. An ordinary role sees all that is needed. Only reads; one
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "postgres/session.h"

namespace crossfade::orchestrator {

struct SnapshotHolder {
  int pid = 0;
  std::string virtual_transaction;
  std::string xmin;
  bool queued_on_source = false;  ///< waits for a lock on the source or on its sequence: it will take a new
                                  ///< snapshot when it gets on
  std::string description;        ///< for the operator

  bool same_snapshot(const SnapshotHolder& other) const {
    return pid == other.pid && virtual_transaction == other.virtual_transaction && xmin == other.xmin;
  }
};

/// Every snapshot held in this database, but lazy vacuums' and crossfade's own: of other runs, and of the
/// asking session's run and epoch. A forgotten process of this run is named. `also_locked`: other relations
/// that the cutover locks, an array literal of their oids.
std::vector<SnapshotHolder> snapshot_holders(postgres::Session& session, std::uint32_t source_oid,
                                             const std::string& also_locked);

/// Those of `before` that `now` still holds unchanged.
std::vector<SnapshotHolder> still_held(const std::vector<SnapshotHolder>& before,
                                       const std::vector<SnapshotHolder>& now);

std::string describe(const std::vector<SnapshotHolder>& holders);

}  // namespace crossfade::orchestrator
