#include "orchestrator/cutover/lock_watch.h"

#include <fmt/format.h>

#include <string>

#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPoll{1};
constexpr int kPollsBetweenCancels = 20;

// One message, so that the server has all of it however this process fares.
std::string watch_text(int holder, std::uint32_t table_oid, milliseconds limit) {
  return fmt::format(
      "SELECT pg_catalog.pg_sleep({}); "
      "SELECT pg_catalog.pg_terminate_backend(l.pid) FROM pg_catalog.pg_locks l WHERE l.pid = {} AND "
      "l.relation = "
      "{} AND l.mode = 'AccessExclusiveLock' AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE "
      "datname = pg_catalog.current_database())",
      static_cast<double>(limit.count()) / 1000, holder, table_oid);
}

}  // namespace

LockWatch::LockWatch(postgres::Session& session, int holder, std::uint32_t table_oid, milliseconds limit)
    : session_(session) {
  session.run({"cutover.watch.ready", "SELECT"});
  thread_ = std::jthread([this, text = watch_text(holder, table_oid, limit)] {
    try {
      session_.run({"cutover.watch", text});
    } catch (const postgres::DatabaseError&) {
      // Cancelled, as a rule; a lost connection is met when the next watch is set.
    }
    ended_ = true;
  });
}

LockWatch::~LockWatch() {
  // A cancel request that comes before the statement hits nothing; so it is repeated.
  for (int polls = 0; !ended_; ++polls) {
    if (polls % kPollsBetweenCancels == 0) session_.cancel();
    std::this_thread::sleep_for(kPoll);
  }
}

}  // namespace crossfade::orchestrator
