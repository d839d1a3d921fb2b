#include "orchestrator/ownership.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <random>
#include <thread>

#include "orchestrator/role_settings.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;

constexpr std::chrono::seconds kTakeOverPatience{30};
constexpr int kLooksAtTableLock = 15;
constexpr std::chrono::milliseconds kBetweenLooks{100};

constexpr std::string_view kLockHolder = R"sql(
SELECT a.pid, COALESCE(NULLIF(a.application_name, ''), 'unknown') AS application_name, a.usename, a.client_addr::text AS address,
       a.backend_start::text AS since
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::pg_catalog.oid AND l.objid = $2::pg_catalog.oid AND l.objsubid = 2
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
)sql";

// Only sessions that still hold the run's fence are ended, and only those of this run's workers.
constexpr std::string_view kEndStragglers = R"sql(
SELECT pg_catalog.pg_terminate_backend(a.pid)
  FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
 WHERE l.locktype = 'advisory' AND l.classid = $1::pg_catalog.oid AND l.objid = $2::pg_catalog.oid AND l.objsubid = 2
   AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
   AND a.pid <> pg_catalog.pg_backend_pid() AND a.application_name LIKE $3
)sql";

// Readers hold no fence, but a lock on the source. No epoch is this process's own yet, so every session with
// an epoch in its name is a forgotten one. Those of a role that we may not end stay; they can write nothing.
constexpr std::string_view kEndZombies = R"sql(
SELECT pg_catalog.pg_terminate_backend(a.pid, 2000)
  FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles theirs ON theirs.oid = a.usesysid
  JOIN pg_catalog.pg_roles ours ON ours.rolname = current_user
 WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid() AND a.application_name LIKE $1
   AND pg_catalog.pg_has_role(a.usesysid, 'USAGE') AND (ours.rolsuper OR NOT theirs.rolsuper)
)sql";

std::string random_token() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}", device(), device());
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

bool try_lock(postgres::Session& session, int lock_class, std::uint32_t object) {
  return session
      .run({"owner.lock", "SELECT pg_catalog.pg_try_advisory_lock($1::int, $2::bigint::int4) AS locked"},
           {std::to_string(lock_class), std::to_string(static_cast<std::int32_t>(object))})
      .only()
      .boolean("locked");
}

/// A process that was just killed may leave the lock behind for the moment that its backend needs to notice.
bool try_lock_patiently(postgres::Session& session, int lock_class, std::uint32_t object) {
  for (int look = 0; look < kLooksAtTableLock; ++look) {
    if (try_lock(session, lock_class, object)) return true;
    std::this_thread::sleep_for(kBetweenLooks);
  }
  return false;
}

std::string describe_lock_holder(postgres::Session& session, int lock_class, std::uint32_t object) {
  const postgres::Rows rows = session.run({"owner.holder", std::string(kLockHolder)},
                                          {std::to_string(lock_class), std::to_string(object)});
  if (rows.empty()) return "a session that has just ended";
  const Row row = rows[0];
  return fmt::format("backend {} ({}, user {}, {}, connected since {})", row.text("pid"),
                     row.text("application_name"), row.text_or("usename", "?"),
                     row.is_null("address") ? "local socket" : "from " + row.text("address"),
                     row.text_or("since", "unknown"));
}

}  // namespace

void hold_table(postgres::Session& session, std::uint32_t table_oid, const std::string& table) {
  if (try_lock_patiently(session, kTableLockClass, table_oid)) return;
  throw Failure(ExitCode::refused, {.code = "table-held",
                                    .object = table,
                                    .message = "another crossfade process works on this table",
                                    .expected = "one process a table",
                                    .found = describe_lock_holder(session, kTableLockClass, table_oid),
                                    .next = "Wait for it, or stop it; `crossfade status` shows its run."});
}

void hold_run(postgres::Session& session, std::int64_t run, const std::string& display) {
  const auto object = static_cast<std::uint32_t>(run);
  if (try_lock_patiently(session, kRunOwnerLockClass, object)) return;
  throw Failure(ExitCode::refused, {.code = "run-held",
                                    .object = display,
                                    .message = "another crossfade process works on this run",
                                    .expected = "one process a run",
                                    .found = describe_lock_holder(session, kRunOwnerLockClass, object),
                                    .next = "Wait for it, or stop it; `crossfade status` shows it."});
}

std::string take_over(postgres::Session& session, std::int64_t run) {
  const auto give_up = std::chrono::steady_clock::now() + kTakeOverPatience;
  const std::string run_text = std::to_string(run);
  for (;;) {
    postgres::Transaction transaction(session, "owner.take_over");
    const bool locked = session
                            .run({"owner.take_over.lock",
                                  "SELECT pg_catalog.pg_try_advisory_xact_lock($1::int, $2::int) AS locked"},
                                 {std::to_string(kRunLockClass), run_text})
                            .only()
                            .boolean("locked");
    if (locked) {
      std::string epoch = random_token();
      session.run({"owner.take_over.epoch",
                   "UPDATE crossfade.runs SET epoch = $2, owner_pid = $3, owner_host = $4, owner_since = "
                   "pg_catalog.clock_timestamp()"
                   " WHERE run = $1"},
                  {run_text, epoch, std::to_string(::getpid()), host_name()});
      transaction.commit();
      session.run({"owner.take_over.end_zombies", std::string(kEndZombies)},
                  {"crossfade/" + run_text + "/%/%"});
      return epoch;
    }
    transaction.rollback();
    if (std::chrono::steady_clock::now() > give_up) {
      throw Failure(ExitCode::refused,
                    {.code = "stragglers",
                     .object = fmt::format("run {}", run),
                     .message = "worker sessions of an earlier process do not end",
                     .expected = "no session with application_name crossfade/" + run_text + "/…",
                     .found = fmt::format("still there after {} s", kTakeOverPatience.count()),
                     .next = "End them with pg_terminate_backend, then run the command again."});
    }
    session.run({"owner.take_over.end_stragglers", std::string(kEndStragglers)},
                {std::to_string(kRunLockClass), run_text, "crossfade/" + run_text + "/%"});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

RunSessions::RunSessions(const postgres::SessionFactory& factory, const Run& run, std::string epoch)
    : factory_(factory), run_(run.run), epoch_(std::move(epoch)) {
  base_.expected_system_identifier = run.system_identifier;
  pin_role_settings(base_, run.session_settings);
  // The guard on the shadow lets the run's own sessions pass.
  base_.extra.emplace_back("crossfade.run", std::to_string(run.run));
}

postgres::SessionSettings RunSessions::settings(const std::string& purpose, bool asynchronous_commit) const {
  postgres::SessionSettings out = base_;
  out.application_name = fmt::format("crossfade/{}/{}/{}", run_, epoch_.substr(0, 8), purpose);
  if (asynchronous_commit) out.extra.emplace_back("synchronous_commit", "off");
  return out;
}

std::unique_ptr<postgres::Session> RunSessions::open(const std::string& purpose,
                                                     bool asynchronous_commit) const {
  return factory_.open(settings(purpose, asynchronous_commit));
}

std::unique_ptr<postgres::CopySession> RunSessions::open_copy(const std::string& purpose) const {
  return factory_.open_copy(settings(purpose, true));
}

void enter_fence(postgres::Session& session, const RunSessions& sessions, const std::string& name) {
  // Two statements, so that the epoch is read in a snapshot that is taken after the lock was granted.
  const postgres::Rows rows =
      session.run({name + ".fence", fmt::format("SELECT pg_catalog.pg_advisory_xact_lock_shared({}, {}); "
                                                "SELECT epoch FROM crossfade.runs WHERE run = {}",
                                                kRunLockClass, sessions.run(), sessions.run())});
  if (rows.only().text_or("epoch", "") != sessions.epoch()) {
    throw Failure(ExitCode::resumable,
                  {.code = "taken-over",
                   .object = fmt::format("run {}", sessions.run()),
                   .message = "another process has taken the run over",
                   .expected = "this process's own epoch in the journal",
                   .found = "another epoch",
                   .next = "Let the other process finish; `crossfade status` shows it."});
  }
}

WorkerTransaction::WorkerTransaction(postgres::Session& session, const RunSessions& sessions,
                                     std::string name, postgres::Isolation isolation)
    : transaction_(session, name, isolation) {
  enter_fence(session, sessions, name);
}

}  // namespace crossfade::orchestrator
