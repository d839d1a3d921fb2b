#include "orchestrator/batch_journal.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kLoad = R"sql(
SELECT pg_catalog.to_json(last_key)::text AS last_key, pg_catalog.to_json(end_key)::text AS end_key, rows, rows_passed,
       rows_per_batch, finished
  FROM crossfade.batches WHERE run = $1 AND step = $2
)sql";

constexpr std::string_view kBegin = R"sql(
INSERT INTO crossfade.batches (run, step, end_key, rows_per_batch) VALUES ($1, $2, $3::text[], $4)
)sql";

constexpr std::string_view kAdvance = R"sql(
UPDATE crossfade.batches
   SET last_key = $3::text[], rows = $4, rows_passed = $5, rows_per_batch = $6, finished = $7::boolean, batches = batches + 1,
       updated_at = pg_catalog.clock_timestamp()
 WHERE run = $1 AND step = $2 AND NOT finished AND last_key IS NOT DISTINCT FROM $8::text[]
)sql";

std::optional<BatchKey> key_from(const postgres::Row& row, std::string_view column) {
  if (row.is_null(column)) return std::nullopt;
  const boost::json::value parsed = boost::json::parse(row.text(column));
  BatchKey key;
  for (const boost::json::value& text : parsed.as_array()) key.emplace_back(text.as_string());
  return key;
}

postgres::Value array_of(const std::optional<BatchKey>& key) {
  if (!key) return std::nullopt;
  return postgres::array_literal(*key);
}

}  // namespace

BatchJournal::BatchJournal(postgres::Session& session, std::int64_t run, std::string step)
    : session_(session), run_(run), step_(std::move(step)) {}

std::optional<BatchPosition> BatchJournal::load() {
  const postgres::Rows rows = session_.run({"batch.load", std::string(kLoad)}, {std::to_string(run_), step_});
  if (rows.empty()) return std::nullopt;
  const postgres::Row row = rows.only();
  return BatchPosition{.last_key = key_from(row, "last_key"),
                       .end_key = key_from(row, "end_key"),
                       .rows = row.integer("rows"),
                       .rows_passed = row.integer("rows_passed"),
                       .rows_per_batch = row.integer("rows_per_batch"),
                       .finished = row.boolean("finished")};
}

void BatchJournal::begin(const BatchPosition& position) {
  session_.run(
      {"batch.begin_step", std::string(kBegin)},
      {std::to_string(run_), step_, array_of(position.end_key), std::to_string(position.rows_per_batch)});
}

void BatchJournal::advance(const BatchPosition& before, const BatchPosition& after) {
  const postgres::Rows updated =
      session_.run({"batch.advance", std::string(kAdvance)},
                   {std::to_string(run_), step_, array_of(after.last_key), std::to_string(after.rows),
                    std::to_string(after.rows_passed), std::to_string(after.rows_per_batch),
                    after.finished ? "t" : "f", array_of(before.last_key)});
  if (updated.affected() != 1)
    throw std::logic_error(fmt::format("step {} of run {} has been moved by somebody else", step_, run_));
}

}  // namespace crossfade::orchestrator
