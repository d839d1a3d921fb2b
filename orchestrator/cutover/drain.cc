#include "orchestrator/cutover/drain.h"

#include <fmt/format.h>

#include "orchestrator/cutover/give_up.h"
#include "postgres/error.h"
#include "postgres/quoting.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

/// More keys than this are not drained under the lock; the attempt is given up and replay goes on outside.
constexpr std::int64_t kDrainLimit = 20000;
/// More bytes than this are not drained under the lock either.
constexpr std::size_t kDrainBytes = std::size_t{64} * 1024 * 1024;

[[noreturn]] void give_up_reading(postgres::CopySession& locker) {
  locker.cancel();
  try {
    for (std::string_view data; locker.read_copy_out(data);) {
    }
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
  }
  throw GiveUp{fmt::format("more than {} MB of changed rows would be brought over under the lock",
                           kDrainBytes / (1024 * 1024))};
}

struct DrainStatements {
  std::string remove;  ///< the keys' rows from the shadow
  std::string read;    ///< their rows from the source
  std::string write;   ///< into the shadow
};

/// `log`: the log, or a part of it. Both sides speak the server's own encoding: nothing is converted, so
/// nothing can fail to be.
DrainStatements drain_statements(const RunContext& context, const std::string& log) {
  const auto& plan = context.plan;
  const std::string columns = strategies::log_key_columns(plan);
  const std::string encoding = postgres::quote_literal(context.server_encoding);
  const std::string distinct_keys = fmt::format("(SELECT DISTINCT {} FROM {})", columns, log);
  return {
      .remove =
          fmt::format("DELETE FROM {} AS s USING (SELECT {} FROM {}) AS k WHERE {}", plan.shadow.quoted(),
                      columns, log, strategies::shadow_matches_key(plan, "s", "k")),
      .read = fmt::format(
          "COPY ({}) TO STDOUT (ENCODING {})",
          strategies::transform_select(
              plan, fmt::format("JOIN {} AS k ON {}", distinct_keys,
                                strategies::source_matches_key(plan, strategies::source_alias(plan), "k"))),
          encoding),
      .write = fmt::format("COPY {} ({}) FROM STDIN (ENCODING {})", plan.shadow.quoted(),
                           strategies::copied_columns(plan), encoding),
  };
}

void drain_keys(const RunContext& context, postgres::CopySession& locker, postgres::CopySession& drainer,
                std::int64_t keys) {
  const DrainStatements statements = drain_statements(context, context.plan.log.quoted());
  WorkerTransaction write(drainer, context.sessions, "drain");
  drainer.run({"drain.delete", statements.remove});
  locker.run({"drain.plan",
              "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL "
              "enable_mergejoin = off"});
  locker.start_copy_out({"drain.read", statements.read});
  drainer.start_copy_in({"drain.write", statements.write});
  std::size_t bytes = 0;
  for (std::string_view data; locker.read_copy_out(data);) {
    bytes += data.size();
    if (bytes > kDrainBytes) give_up_reading(locker);
    drainer.write_copy_in(data);
  }
  if (drainer.finish_copy_in() != locker.rows_copied_out()) throw GiveUp{"the drain lost rows on its way"};
  const postgres::Rows consumed = drainer.run({"drain.consume", "DELETE FROM " + context.plan.log.quoted()});
  if (static_cast<std::int64_t>(consumed.affected()) != keys) throw GiveUp{"the log changed under the lock"};
  Journal(drainer).add_keys_replayed(context.run(), keys, 0);
  write.commit();
}

}  // namespace

void rehearse_drain(const RunContext& context, postgres::CopySession& locker,
                    postgres::CopySession& drainer) {
  const DrainStatements statements =
      drain_statements(context, fmt::format("(SELECT * FROM {} LIMIT 0) AS l", context.plan.log.quoted()));
  WorkerTransaction write(drainer, context.sessions, "drain_rehearsal");
  drainer.run({"drain_rehearsal.delete", statements.remove});
  locker.start_copy_out({"drain_rehearsal.read", statements.read});
  for (std::string_view data; locker.read_copy_out(data);) {
  }
  drainer.start_copy_in({"drain_rehearsal.write", statements.write});
  drainer.finish_copy_in();
  drainer.run(
      {"drain_rehearsal.consume", fmt::format("DELETE FROM {} WHERE false", context.plan.log.quoted())});
  Journal(drainer).add_keys_replayed(context.run(), 0, 0);
  write.rollback();
}

bool drain_under_lock(const RunContext& context, postgres::CopySession& locker,
                      postgres::CopySession& drainer) {
  const std::int64_t keys =
      locker
          .run({"cutover.backlog",
                fmt::format("SELECT pg_catalog.count(*) AS keys FROM (SELECT 1 FROM {} LIMIT {}) AS l",
                            context.plan.log.quoted(), kDrainLimit + 1)})
          .only()
          .integer("keys");
  if (keys == 0) return false;
  if (keys > kDrainLimit)
    throw GiveUp{fmt::format("more than {} changed keys are waiting for replay", kDrainLimit)};
  try {
    drain_keys(context, locker, drainer, keys);
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead() || error.wrong_statement()) throw;
    throw GiveUp{"the last changes could not be brought over: " + error.report().message};
  }
  return true;
}

}  // namespace crossfade::orchestrator
