// The cutover: under one ACCESS EXCLUSIVE lock, bounded by one deadline on both sides, the last logged keys
// are brought over and both tables change their schema in one transaction (docs/protocol.md, rules 25 to 30).
// A CutoverAttempt is made again after every failure; nothing of a failed one stays. One thread.
#pragma once

#include <cstdint>

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

struct CutoverOutcome {
  int attempts = 0;
  double wait_ms = 0;  ///< from the lock requested to the lock granted
  double hold_ms = 0;  ///< from the lock granted to the commit
};
BOOST_DESCRIBE_STRUCT(CutoverOutcome, (), (attempts, wait_ms, hold_ms))

/// Where the time under the lock went, in ms; for the audit trail.
struct HoldParts {
  double check = 0;
  double drain = 0;
  double old_snapshots = 0;
  double swap = 0;
  double journal = 0;
  double commit = 0;
};
BOOST_DESCRIBE_STRUCT(HoldParts, (), (check, drain, old_snapshots, swap, journal, commit))

struct CommittedCutover {
  CutoverOutcome outcome;
  HoldParts held;
};

/// A table of another run, tied to this one by a foreign key, changed in a way that its run must answer
/// first.
struct MemberChanged {
  std::size_t member = 0;  ///< of the group
  checkers::FingerprintChange change;
};

/// One of the tables that are cut over together; as a rule there is one. References, which must outlive the
/// call.
struct CutoverMember {
  RunContext* context = nullptr;
  const Run* run = nullptr;
};

/// Tries until the swap of all members is committed, in one transaction. The first one leads: its options
/// count, and its sessions hold the locks. Throws Failure (exit 4, attempts used up, with the last reason and
/// who was in the way), SourceChanged (of the first), MemberChanged, DatabaseError.
CommittedCutover cut_over(const std::vector<CutoverMember>& group);

}  // namespace crossfade::orchestrator
