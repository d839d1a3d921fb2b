// The transaction in which both sides and the log are looked at: one REPEATABLE READ READ ONLY snapshot,
// taken after the relations are locked, so that what is read belongs together (docs/protocol.md, "Verify" and
// rule 5). Ends with the object; nothing is ever written. Belongs to the session's thread.
#pragma once

#include <functional>

#include "checkers/comparison.h"
#include "postgres/session.h"

namespace crossfade::checkers {

/// Called inside the transaction once its snapshot is taken; throws to give the comparison up.
using SnapshotHook = std::function<void(postgres::Session&)>;

class Snapshot {
 public:
  Snapshot(postgres::Session& session, const Comparison& comparison, const SnapshotHook& hook);

  /// Without it the transaction is rolled back, which is as good; this one tells a lost connection apart.
  void end() { transaction_.commit(); }

 private:
  postgres::Transaction transaction_;
};

}  // namespace crossfade::checkers
