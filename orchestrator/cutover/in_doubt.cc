#include "orchestrator/cutover/in_doubt.h"

#include <chrono>

#include "postgres/error.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::chrono::milliseconds kPoll{50};

std::string transaction_status(postgres::Session& session, const std::string& transaction_id) {
  try {
    return session
        .run({"cutover.outcome",
              "SELECT COALESCE(pg_catalog.pg_xact_status($1::pg_catalog.xid8), 'unknown') AS status"},
             {transaction_id})
        .only()
        .text("status");
  } catch (const postgres::DatabaseError& error) {
    // "transaction ID is in the future": the server has crashed and never wrote the transaction down.
    if (error.sqlstate() != "22023") throw;
    return "aborted";
  }
}

}  // namespace

bool committed_after_all(const RunContext& context, const std::string& transaction_id) {
  const auto session = context.sessions.open("in doubt");
  context.progress.set_waiting("the outcome of the cutover's commit");
  // Looked at before the old transaction has ended, it would seem not to have happened.
  while (transaction_status(*session, transaction_id) == "in progress") sleep_unless_stopped(kPoll, {});
  // After a crash of the server somebody else may have got the same number: the journal, which committed
  // with the swap or not at all, says whose transaction it was.
  return Journal(*session).load(context.run()).value().phase == Phase::soaking;
}

}  // namespace crossfade::orchestrator
