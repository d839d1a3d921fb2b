#include "orchestrator/rejected_batch_row.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

/// Null where the range passes; then its changes stay, because a later row may be refused only beside them.
std::optional<postgres::DatabaseError> try_range(const strategies::BatchedUpdatePlan& plan,
                                                 postgres::Session& session, const BatchRange& range) {
  session.run({"batch.savepoint", "SAVEPOINT crossfade_range"});
  try {
    change_range(plan, session, range);
    session.run({"batch.release", "RELEASE SAVEPOINT crossfade_range"});
    return std::nullopt;
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead() || !rejects_row(error)) throw;
    session.run({"batch.undo", "ROLLBACK TO SAVEPOINT crossfade_range"});
    return error;
  }
}

std::string display(const strategies::BatchedUpdatePlan& plan, const BatchKey& key) {
  std::string names;
  std::string values;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    names += (index == 0 ? "" : ", ") + plan.key[index].name;
    values += (index == 0 ? "" : ", ") + key[index];
  }
  return fmt::format("{} = {}", names, values);
}

}  // namespace

std::optional<RejectedRow> find_rejected_row(const strategies::BatchedUpdatePlan& plan,
                                             postgres::Session& session, const RunSessions& sessions,
                                             BatchRange range, int lock_timeout_ms) {
  WorkerTransaction transaction(session, sessions, "batch.search");
  enter_batch(plan, session, lock_timeout_ms);
  // What would be refused at the commit shall be refused by the row that it belongs to.
  session.run({"batch.immediate", "SET CONSTRAINTS ALL IMMEDIATE"});
  const std::optional<BatchBound> all =
      read_bound(plan, session, range, std::numeric_limits<std::int64_t>::max());
  std::int64_t rows = all ? all->passed : 0;
  std::optional<RejectedRow> found;
  while (rows > 0) {
    const std::int64_t half = rows > 1 ? rows / 2 : 1;
    const std::optional<BatchBound> bound = read_bound(plan, session, range, half);
    if (!bound) break;
    const auto error = try_range(plan, session, {range.lower, bound->key});
    if (error && half == 1) {
      found = RejectedRow{bound->key, *error};
      break;
    }
    if (error) {
      range.upper = bound->key;
      rows = half;
    } else {
      range.lower = bound->key;
      rows -= half;
    }
  }
  transaction.rollback();
  return found;
}

Failure rejected(const strategies::BatchedUpdatePlan& plan, const BatchRange& range,
                 const postgres::DatabaseError& error, const std::optional<RejectedRow>& row) {
  const postgres::ErrorReport& report = row ? row->error.report() : error.report();
  std::string found = report.message;
  if (row) {
    found += "; the row with " + display(plan, row->key);
  } else {
    found += fmt::format("; a row {}up to {}",
                         range.lower ? "behind " + display(plan, *range.lower) + " and " : "",
                         display(plan, range.upper));
  }
  if (!report.detail.empty()) found += "; " + report.detail;
  return Failure(
      ExitCode::refused,
      {.code = "data-rejected",
       .object = plan.table.display(),
       .message = plan.deletes ? "a row cannot be deleted" : "a row does not take its new values",
       .expected = "every row passes the statement's casts and the table's constraints and triggers",
       .found = found,
       .next = "Correct the row and run `crossfade up` again: it goes on with this row's batch. What "
               "earlier batches have changed stays."});
}

}  // namespace crossfade::orchestrator
