// The run of another table that is cut over together with the one that a process works on: taken over, with
// its own sessions and its own fence, until this object goes. Must not outlive the factory, progress and
// reporter that it was made with. One thread.
#pragma once

#include <memory>
#include <stop_token>

#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

struct GroupSurroundings {
  const postgres::SessionFactory& factory;
  const RunOptions& options;
  RunProgress& progress;
  Reporter& reporter;
  std::stop_token stop;
};

class GroupMember {
 public:
  /// Takes the table's lock and the run over. Throws Failure (exit 5) where another process has it,
  /// DatabaseError.
  GroupMember(const GroupSurroundings& surroundings, Run run);
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;

  RunContext& context() { return *context_; }
  const Run& run() const { return run_; }

  /// Replays what has been written since the run was left, and compares anew where the last full pass is
  /// older than `good_for_s`. Throws Failure (exit 3 on differences).
  void bring_up_to_date(double good_for_s);

 private:
  Run run_;
  strategies::ShadowTablePlan plan_;
  std::unique_ptr<postgres::Session> owner_;  ///< holds the table's lock
  std::unique_ptr<RunSessions> sessions_;
  std::unique_ptr<postgres::Session> control_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<RunContext> context_;
};

}  // namespace crossfade::orchestrator
