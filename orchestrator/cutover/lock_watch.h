// Ends a session of ours that still holds the exclusive lock on a table when its time is up, by a statement
// that waits on the server: it works while this process is frozen, and where the server's own timeouts do
// not, because a backend that sends rows to a client which does not read them heeds none of them
// (docs/protocol.md, rule 26). One thread makes and ends a LockWatch; one watch at a time on a session. The
// session must outlive it. The constructor comes before the lock is requested, the destructor waits for the
// statement's end.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "postgres/session.h"

namespace crossfade::orchestrator {

class LockWatch {
 public:
  /// From now on `holder`, a backend's process id, has `limit` until it must have let go of the table. Throws
  /// DatabaseError where the session is dead.
  LockWatch(postgres::Session& session, int holder, std::uint32_t table_oid, std::chrono::milliseconds limit);
  LockWatch(const LockWatch&) = delete;
  LockWatch& operator=(const LockWatch&) = delete;
  ~LockWatch();

 private:
  postgres::Session& session_;
  std::atomic<bool> ended_ = false;
  std::jthread thread_;
};

}  // namespace crossfade::orchestrator
