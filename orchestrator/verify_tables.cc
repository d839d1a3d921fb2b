#include "orchestrator/verify_tables.h"

#include <fmt/format.h>

#include <mutex>

#include "checkers/key_ranges.h"
#include "checkers/range_comparison.h"
#include "checkers/row_differences.h"
#include "checkers/table_comparison.h"
#include "migrations/names.h"
#include "orchestrator/role_settings.h"
#include "orchestrator/workers.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

constexpr int kExamples = 20;

postgres::Table find_table(postgres::Session& session, const std::string& text) {
  const auto reference = migrations::parse_table_reference(text);
  const auto oid = reference
                       ? postgres::find_relation(session, reference->schema.value_or(""), reference->name)
                       : std::nullopt;
  if (!oid) {
    throw Failure(ExitCode::refused, {.code = "no-such-table",
                                      .object = text,
                                      .message = "there is no such table in this database",
                                      .expected = "schema.table, or a table in the role's search_path",
                                      .found = "none",
                                      .next = "Correct the name, or connect to the right database."});
  }
  return postgres::load_table(session, *oid).value();
}

}  // namespace

checkers::VerificationReport verify_tables(const postgres::SessionFactory& factory, const std::string& left,
                                           const std::string& right, int workers, std::stop_token stop) {
  const auto session = open_as_role(factory, "crossfade/verify");
  const checkers::TableComparison tables =
      checkers::comparison_of_tables(*session, find_table(*session, left), find_table(*session, right));
  const checkers::Comparison& comparison = tables.comparison;
  checkers::KeyRangePlanner planner(*session, comparison, tables.source);
  checkers::VerificationTally tally;
  std::mutex mutex;
  run_on_workers(workers, stop, [&](int, const std::stop_token& token) {
    const auto worker = open_as_role(factory, "crossfade/verify");
    while (!token.stop_requested()) {
      std::optional<checkers::KeyRange> range;
      {
        const std::lock_guard lock(mutex);
        range = planner.next(*worker);
      }
      if (!range) return;
      const checkers::RangeOutcome outcome = checkers::compare_range(*worker, comparison, *range);
      const checkers::Differences differences =
          outcome.equal ? checkers::Differences{}
                        : checkers::find_differences(*worker, comparison, *range, kExamples);
      const std::lock_guard lock(mutex);
      tally.add(outcome, differences);
    }
  });
  return tally.report(comparison, std::nullopt, !stop.stop_requested());
}

}  // namespace crossfade::orchestrator
