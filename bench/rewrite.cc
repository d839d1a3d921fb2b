#include <fmt/format.h>

#include <array>

#include "bench/measurements.h"
#include "postgres/problem.h"

namespace crossfade::bench {

namespace {

enum class Way { blocking, unverified, verified };

// What the application sees of the table: columns, indexes, constraints with their state, options, and
// whether the planner has statistics and a visibility map.
constexpr const char* kCatalog = R"sql(
SELECT pg_catalog.string_agg(line, E'\n' ORDER BY line) AS text FROM (
  SELECT pg_catalog.concat_ws(' ', 'column', attnum, attname, pg_catalog.format_type(atttypid, atttypmod), attnotnull, attstorage) AS line
    FROM pg_catalog.pg_attribute WHERE attrelid = 'public.pgbench_accounts'::regclass AND attnum > 0
  UNION ALL
  SELECT pg_catalog.concat_ws(' ', 'index', pg_catalog.pg_get_indexdef(indexrelid), indisvalid, indisready, indisprimary)
    FROM pg_catalog.pg_index WHERE indrelid = 'public.pgbench_accounts'::regclass
  UNION ALL
  SELECT pg_catalog.concat_ws(' ', 'constraint', conname, pg_catalog.pg_get_constraintdef(oid), convalidated)
    FROM pg_catalog.pg_constraint WHERE conrelid = 'public.pgbench_accounts'::regclass
  UNION ALL
  SELECT pg_catalog.concat_ws(' ', 'table', relkind, relpersistence, reloptions::text, reltuples > 0, relallvisible > 0)
    FROM pg_catalog.pg_class WHERE oid = 'public.pgbench_accounts'::regclass
  UNION ALL
  SELECT pg_catalog.concat_ws(' ', 'statistics', attname)
    FROM pg_catalog.pg_stats WHERE schemaname = 'public' AND tablename = 'pgbench_accounts'
) lines
)sql";

// Independent of crossfade's own verification.
constexpr const char* kContent = R"sql(
SELECT pg_catalog.concat_ws(' ', pg_catalog.count(*), pg_catalog.sum(aid), pg_catalog.sum(bid), pg_catalog.sum(abalance),
       pg_catalog.sum(pg_catalog.hashtextextended(aid::text || filler, 0))) AS text
  FROM public.pgbench_accounts
)sql";

std::string outcome(const Database& database) {
  const auto session = database.open();
  return session->run({"bench.catalog", kCatalog}).only().text("text") + "\n" +
         session->run({"bench.content", kContent}).only().text("text");
}

double alter_and_block(const Database& database) {
  const auto session = database.open();
  return timed(*session, "bench.alter", kWidenKey) +
         timed(*session, "bench.vacuum", "VACUUM (ANALYZE) public.pgbench_accounts");
}

Finished migrate(const Database& database, bool verify) {
  database.add_migration("0001_widen_key.sql", kWidenKey);
  std::vector<std::string> arguments = {"up"};
  if (!verify) arguments.emplace_back("--skip-verification");
  return database.crossfade(arguments);
}

double milliseconds(const boost::json::object& run, const char* phase) {
  const boost::json::value& value = run.at("ms").at(phase);
  return value.is_null() ? 0 : value.to_number<double>();
}

double megabytes(const Finished& finished) {
  return static_cast<double>(finished.peak_kilobytes) / 1024;
}

class Rounds {
 public:
  Rounds(Laboratory& laboratory, std::int64_t rows) : laboratory_(laboratory), rows_(rows) {}

  void measure(Way way) {
    const auto database = laboratory_.fresh_database(rows_);
    if (way == Way::blocking) {
      times_.blocking.push_back(alter_and_block(*database));
    } else {
      const Finished finished = migrate(*database, way == Way::verified);
      const boost::json::object run = only_run(finished);
      (way == Way::verified ? times_.verified : times_.unverified).push_back(milliseconds(run, "total"));
      if (way == Way::verified) {
        times_.phases.copy.push_back(milliseconds(run, "copy"));
        times_.phases.build.push_back(milliseconds(run, "build"));
        times_.phases.verify.push_back(milliseconds(run, "verify"));
        times_.peak_megabytes.push_back(megabytes(finished));
      }
    }
    require_same_outcome(outcome(*database));
  }

  RewriteTimes take() { return std::move(times_); }

 private:
  void require_same_outcome(std::string found) {
    if (outcome_.empty()) outcome_ = found;
    if (outcome_ == found) return;
    throw Failure(ExitCode::failed, {.code = "benchmark",
                                     .object = "pgbench_accounts",
                                     .message = "the ways do not end with the same table",
                                     .expected = outcome_,
                                     .found = std::move(found),
                                     .next = "Their times cannot be compared before this is understood."});
  }

  Laboratory& laboratory_;
  std::int64_t rows_;
  RewriteTimes times_;
  std::string outcome_;
};

}  // namespace

RewriteTimes measure_rewrite(Laboratory& laboratory, std::int64_t rows, int rounds,
                             const Announce& announce) {
  // Forwards, then backwards: what warms up or fills the disk over time favours nobody.
  static constexpr std::array<Way, 3> kOrder = {Way::blocking, Way::unverified, Way::verified};
  Rounds measured(laboratory, rows);
  for (int round = 0; round < rounds; ++round) {
    announce(fmt::format("rewrite of {} rows, round {} of {}", rows, round + 1, rounds));
    for (std::size_t index = 0; index < kOrder.size(); ++index)
      measured.measure(kOrder[round % 2 == 0 ? index : kOrder.size() - 1 - index]);
  }
  return measured.take();
}

double measure_peak_memory(Laboratory& laboratory, std::int64_t rows) {
  const auto database = laboratory.fresh_database(rows);
  return megabytes(migrate(*database, true));
}

}  // namespace crossfade::bench
