// What of a run's work is done: its steps, and the chunks of its copy.
#include <fmt/format.h>

#include <stdexcept>

#include "orchestrator/journal.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;
using postgres::Rows;

std::optional<Chunk> chunk_from(const Rows& rows) {
  if (rows.empty()) return std::nullopt;
  const Row row = rows.only();
  return Chunk{static_cast<int>(row.integer("number")), row.integer("first_page"), row.integer("last_page"),
               static_cast<std::uint32_t>(row.is_null("relation") ? 0 : row.integer("relation"))};
}

}  // namespace

bool Journal::step_finished(std::int64_t run, const std::string& step) {
  return !session_
              .run({"journal.step_finished",
                    "SELECT 1 AS one FROM crossfade.steps WHERE run = $1 AND name = $2"},
                   {std::to_string(run), step})
              .empty();
}

void Journal::finish_step(std::int64_t run, const std::string& step) {
  session_.run({"journal.finish_step",
                "INSERT INTO crossfade.steps (run, name) VALUES ($1, $2) ON CONFLICT DO NOTHING"},
               {std::to_string(run), step});
}

void Journal::forget_steps(std::int64_t run) {
  session_.run({"journal.forget_steps", "DELETE FROM crossfade.steps WHERE run = $1"}, {std::to_string(run)});
  session_.run({"journal.forget_chunks", "DELETE FROM crossfade.chunks WHERE run = $1"},
               {std::to_string(run)});
}

void Journal::forget_step(std::int64_t run, const std::string& name) {
  session_.run({"journal.forget_step", "DELETE FROM crossfade.steps WHERE run = $1 AND name = $2"},
               {std::to_string(run), name});
}

void Journal::list_chunks(std::int64_t run, std::uint32_t relation, std::int64_t pages,
                          std::int64_t pages_per_chunk) {
  session_.run(
      {"journal.list_chunks",
       "INSERT INTO crossfade.chunks (run, number, first_page, last_page, relation)"
       " SELECT $1, before.chunks + (first / $3::bigint)::int, first, LEAST(first + $3::bigint, "
       "$2::bigint), $4::oid"
       " FROM (SELECT pg_catalog.count(*)::int AS chunks FROM crossfade.chunks WHERE run = $1) before,"
       " pg_catalog.generate_series(0::bigint, $2::bigint - 1, $3::bigint) AS first"},
      {std::to_string(run), std::to_string(pages), std::to_string(pages_per_chunk),
       std::to_string(relation)});
}

std::optional<Chunk> Journal::lease_chunk(std::int64_t run) {
  const Rows rows = session_.run({"journal.lease_chunk",
                                  "SELECT number, first_page, last_page, relation::bigint AS relation FROM "
                                  "crossfade.chunks WHERE run = $1 AND NOT finished"
                                  " ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED"},
                                 {std::to_string(run)});
  return chunk_from(rows);
}

std::optional<Chunk> Journal::lease_chunk_again(std::int64_t run, const Chunk& chunk) {
  return chunk_from(session_.run({"journal.lease_chunk_again",
                                  "SELECT number, first_page, last_page, relation::bigint AS relation FROM "
                                  "crossfade.chunks WHERE run = $1 AND number = $2 "
                                  "AND NOT finished FOR UPDATE"},
                                 {std::to_string(run), std::to_string(chunk.number)}));
}

void Journal::finish_chunk(std::int64_t run, const Chunk& chunk, std::int64_t rows) {
  const Rows updated =
      session_.run({"journal.finish_chunk",
                    "UPDATE crossfade.chunks SET finished = true, rows = $3 WHERE run = $1 AND number = $2 "
                    "AND NOT finished"},
                   {std::to_string(run), std::to_string(chunk.number), std::to_string(rows)});
  if (updated.affected() != 1)
    throw std::logic_error(fmt::format("chunk {} of run {} is not leased", chunk.number, run));
}

std::int64_t Journal::unfinished_chunks(std::int64_t run) {
  return session_
      .run({"journal.unfinished_chunks",
            "SELECT pg_catalog.count(*) AS chunks FROM crossfade.chunks WHERE run = $1 AND NOT finished"},
           {std::to_string(run)})
      .only()
      .integer("chunks");
}

}  // namespace crossfade::orchestrator
