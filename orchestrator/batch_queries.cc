#include "orchestrator/batch_queries.h"

#include <fmt/format.h>

#include <string>

#include "orchestrator/run_context.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

BatchKey key_from(const strategies::BatchedUpdatePlan& plan, const postgres::Row& row) {
  BatchKey key;
  for (std::size_t index = 0; index < plan.key.size(); ++index)
    key.push_back(row.text(fmt::format("text_{}", index + 1)));
  return key;
}

postgres::Parameters parameters_of(const BatchRange& range) {
  postgres::Parameters out(range.upper.begin(), range.upper.end());
  if (range.lower) out.insert(out.end(), range.lower->begin(), range.lower->end());
  return out;
}

Failure table_changed(const strategies::BatchedUpdatePlan& plan, const std::string& found) {
  return Failure(ExitCode::refused,
                 {.code = "table-changed",
                  .object = plan.table.display(),
                  .message = "is not the table that was planned for",
                  .expected = fmt::format("the table with oid {}", plan.table_oid),
                  .found = found,
                  .next = "Give the table its name back, or abort the run and plan again."});
}

}  // namespace

void enter_batch(const strategies::BatchedUpdatePlan& plan, postgres::Session& session, int lock_timeout_ms) {
  // Two row comparisons, or statistics that are not there yet, would have the optimizer read the whole table
  // for one range. The price that "off" puts on a scan would start the just-in-time compiler each time.
  const std::string text = fmt::format(
      "SET LOCAL lock_timeout = '{0}ms'; SET LOCAL enable_seqscan = off; SET LOCAL jit = off; SET LOCAL "
      "synchronous_commit = off; LOCK TABLE ONLY {1} IN ROW EXCLUSIVE MODE; "
      "SELECT pg_catalog.to_regclass({2})::pg_catalog.oid::pg_catalog.int8 AS oid",
      lock_timeout_ms, plan.table.quoted(), postgres::quote_literal(plan.table.quoted()));
  try {
    const postgres::Rows rows = session.run({"batch.enter", text});
    const std::int64_t oid = rows.only().integer("oid");
    if (oid != plan.table_oid) throw table_changed(plan, fmt::format("another table, with oid {}", oid));
  } catch (const postgres::DatabaseError& error) {
    if (!names_nothing(error)) throw;
    throw table_changed(plan, "no table of this name");
  }
}

std::optional<BatchKey> read_end_key(const strategies::BatchedUpdatePlan& plan, postgres::Session& session) {
  const postgres::Rows rows = session.run({"batch.end_key", plan.end_key});
  if (rows.empty()) return std::nullopt;
  return key_from(plan, rows.only());
}

std::optional<BatchBound> read_bound(const strategies::BatchedUpdatePlan& plan, postgres::Session& session,
                                     const BatchRange& range, std::int64_t rows) {
  postgres::Parameters parameters = parameters_of(range);
  parameters.emplace_back(std::to_string(rows));
  const postgres::Rows found =
      session.run({"batch.bound", range.lower ? plan.next_bound : plan.first_bound}, parameters);
  if (found.empty()) return std::nullopt;
  return BatchBound{key_from(plan, found.only()), found.only().integer("passed")};
}

std::int64_t change_range(const strategies::BatchedUpdatePlan& plan, postgres::Session& session,
                          const BatchRange& range) {
  const postgres::Rows changed =
      session.run({"batch.change", range.lower ? plan.next_change : plan.first_change}, parameters_of(range));
  return static_cast<std::int64_t>(changed.affected());
}

bool rejects_row(const postgres::DatabaseError& error) {
  // P0001 and its like are what triggers and functions raise.
  const bool refused = error.data_error() || error.sqlstate().starts_with("P0");
  return refused && (error.query_name() == "batch.change" || error.query_name() == "batch.commit");
}

}  // namespace crossfade::orchestrator
