#include <fmt/format.h>

#include "bench/measurements.h"
#include "postgres/problem.h"

namespace crossfade::bench {

PostponedRun::PostponedRun(Laboratory& laboratory, std::int64_t rows)
    : laboratory_(laboratory), database_(laboratory.fresh_database(rows)) {
  database_->add_migration("0001_widen_key.sql", kWidenKey);
  constexpr int kStoppedOnPurpose = 4;
  database_->crossfade({"up", "--postpone-cutover", "--skip-verification"}, {kStoppedOnPurpose});
  // Its own statistics decide how count(*) reads it; the shadow has them from its build.
  database_->open()->run({"bench.vacuum", "VACUUM (ANALYZE) public.pgbench_accounts"});
  laboratory_.checkpoint();
}

VerificationTimes PostponedRun::measure_verification(int rounds) {
  VerificationTimes times;
  const auto session = database_->open();
  session->run({"bench.settings", "SET max_parallel_workers_per_gather = 0"});
  const auto count_both = [&] {
    return timed(*session, "bench.count", "SELECT pg_catalog.count(*) FROM public.pgbench_accounts") +
           timed(*session, "bench.count", "SELECT pg_catalog.count(*) FROM crossfade_1.pgbench_accounts");
  };
  const auto verify = [&] {
    const Finished finished = database_->crossfade({"verify"});
    const boost::json::value report = boost::json::parse(finished.output);
    if (!report.at("equal").as_bool() || report.at("rows_left") != report.at("rows_right")) {
      throw Failure(ExitCode::failed, {.code = "benchmark",
                                       .object = "crossfade verify",
                                       .message = "the two tables differ",
                                       .found = finished.output,
                                       .next = "Nothing can be compared before this is understood."});
    }
    return finished.milliseconds;
  };
  // The first pass sets hint bits and fills the caches for all later ones.
  count_both();
  verify();
  for (int round = 0; round < rounds; ++round) {
    times.count.push_back(count_both());
    times.verify.push_back(verify());
  }
  const postgres::Rows plan = session->run(
      {"bench.explain", "EXPLAIN (COSTS false) SELECT pg_catalog.count(*) FROM public.pgbench_accounts"});
  const std::string line = plan[plan.size() - 1].text("QUERY PLAN");
  times.count_plan =
      line.find("Index Only") != std::string::npos ? "an index-only scan" : "a sequential scan";
  return times;
}

}  // namespace crossfade::bench
