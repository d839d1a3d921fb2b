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

/// Tries until the swap is committed. Throws Failure (exit 4, attempts used up, with the last reason and who
/// was in the way), SourceChanged, DatabaseError.
CommittedCutover cut_over(RunContext& context, const Run& run);

}  // namespace crossfade::orchestrator
