// Who may work on a table, and the fence around a run (docs/protocol.md, rules 10 and 12). A TableLock is a
// session-level advisory lock, polled and never waited for, held by one live session of the owning process.
// Every worker transaction holds the run's lock shared and finds its own epoch in the journal; a take-over
// takes that lock exclusively, ends stragglers and writes a new epoch, so that a forgotten process cannot
// write afterwards.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "orchestrator/journal.h"
#include "postgres/connection.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// Advisory lock classes, one a purpose; the object is the table's oid or the run's number.
inline constexpr int kTableLockClass = 0x63660001;
inline constexpr int kRunLockClass = 0x63660002;
inline constexpr int kInitLockClass = 0x63660003;
/// Of a run that is about no table; the object is the run's number.
inline constexpr int kRunOwnerLockClass = 0x63660004;
inline constexpr int kRevisionsLockClass = 0x63660005;

/// Takes the table's lock for the life of the session. A process that was just killed may leave it behind for
/// the moment that its backend needs to notice, so it is asked for during 1.5 s. Throws Failure (exit 5) that
/// says who holds it.
void hold_table(postgres::Session& session, std::uint32_t table_oid, const std::string& table);

/// The same for a run that is about no table.
void hold_run(postgres::Session& session, std::int64_t run, const std::string& display);

/// Takes the run over: waits for the exclusive run lock, terminating worker sessions of other epochs, and
/// journals a fresh random epoch; then ends every other session of earlier epochs, whose locks and snapshots
/// would stand in the new owner's way. The caller holds the table's lock. Returns the epoch.
std::string take_over(postgres::Session& session, std::int64_t run);

/// What every session of a run shares: how to open them and how to fence their transactions. Immutable,
/// thread-safe.
class RunSessions {
 public:
  RunSessions(const postgres::SessionFactory& factory, const Run& run, std::string epoch);

  /// `purpose` shows in application_name: crossfade/RUN/EPOCH/purpose. Asynchronous commit is for work whose
  /// effect and journal row share one transaction (rule 13).
  std::unique_ptr<postgres::Session> open(const std::string& purpose, bool asynchronous_commit = false) const;
  std::unique_ptr<postgres::CopySession> open_copy(const std::string& purpose) const;

  std::int64_t run() const { return run_; }
  const std::string& epoch() const { return epoch_; }

 private:
  postgres::SessionSettings settings(const std::string& purpose, bool asynchronous_commit) const;

  const postgres::SessionFactory& factory_;
  std::int64_t run_;
  std::string epoch_;
  postgres::SessionSettings base_;
};

/// In an open transaction: takes the run's lock shared, then finds the own epoch in the journal. Throws
/// Failure (exit 4) where the run has been taken over.
void enter_fence(postgres::Session& session, const RunSessions& sessions, const std::string& name);

/// A transaction inside the fence. Throws Failure (exit 4) where the run has been taken over.
class WorkerTransaction {
 public:
  WorkerTransaction(postgres::Session& session, const RunSessions& sessions, std::string name,
                    postgres::Isolation isolation = postgres::Isolation::read_committed);

  void commit() { transaction_.commit(); }
  void rollback() { transaction_.rollback(); }

 private:
  postgres::Transaction transaction_;
};

}  // namespace crossfade::orchestrator
