#include "checkers/range_comparison.h"

#include <fmt/format.h>

#include <string>

#include "checkers/comparison_sql.h"
#include "checkers/row_hash.h"

namespace crossfade::checkers {

namespace {

// OFFSET 0 keeps the server from evaluating the hash once for each aggregate.
constexpr std::string_view kAggregates = R"sql(
SELECT pg_catalog.count(*) AS rows, coalesce(pg_catalog.sum(hash), 0) AS total, coalesce(pg_catalog.bit_xor(hash), 0) AS mixed
  FROM (SELECT {hash} AS hash FROM {rows} AS side WHERE {range} OFFSET 0) hashes
)sql";

// Rows of logged keys are taken off the sums of the whole range: they are few and found by index, while an
// anti-join costs every row of the range.
constexpr std::string_view kLoggedAggregates = R"sql(
SELECT pg_catalog.count(*) AS rows, coalesce(pg_catalog.sum(hash), 0) AS total, coalesce(pg_catalog.bit_xor(hash), 0) AS mixed
  FROM (SELECT {hash} AS hash FROM ({logged}) AS logged JOIN {rows} AS side ON {same_key} WHERE {range} OFFSET 0) hashes
)sql";

constexpr std::string_view kDifference = R"sql(
SELECT whole.rows - part.rows AS rows, part.rows AS excluded, (whole.total - part.total)::pg_catalog.text AS total,
       (whole.mixed OPERATOR(pg_catalog.#) part.mixed)::pg_catalog.text AS mixed
  FROM ({whole}) whole, ({part}) part
)sql";

constexpr std::string_view kExcludedKeys = "SELECT {texts} FROM ({logged}) AS logged LIMIT {limit}";

constexpr std::string_view kNothingLogged =
    "SELECT 0::pg_catalog.int8 AS rows, 0::pg_catalog.numeric AS total, 0::pg_catalog.int8 AS mixed";

struct SideOutcome {
  std::int64_t rows = 0;
  std::int64_t excluded = 0;
  std::string total;
  std::string mixed;
};

SideOutcome digest(postgres::Session& session, const Comparison& comparison, Side side, const KeyRange& range,
                   bool leave_out) {
  const std::string rows = side_rows(comparison, side);
  const std::string hash = row_hash(comparison, side, "side");
  const std::string condition = in_range(comparison, side, "side", range);
  const std::string whole =
      fmt::format(kAggregates, fmt::arg("hash", hash), fmt::arg("rows", rows), fmt::arg("range", condition));
  std::string part(kNothingLogged);
  if (leave_out) {
    part = fmt::format(kLoggedAggregates, fmt::arg("hash", hash), fmt::arg("rows", rows),
                       fmt::arg("logged", logged_keys(comparison, side, range)),
                       fmt::arg("same_key", same_key(comparison, side, "side", "logged")),
                       fmt::arg("range", condition));
  }
  const postgres::Rows found =
      session.run({side == Side::left ? "verify.range.left" : "verify.range.right",
                   fmt::format(kDifference, fmt::arg("whole", whole), fmt::arg("part", part))});
  return {found.only().integer("rows"), found.only().integer("excluded"), found.only().text("total"),
          found.only().text("mixed")};
}

}  // namespace

RangeOutcome compare_range(postgres::Session& session, const Comparison& comparison, const KeyRange& range,
                           const RangeComparisonOptions& options) {
  RangeOutcome outcome{.range = range, .excluded_keys = {}};
  Snapshot snapshot(session, comparison, options.after_snapshot);
  if (comparison.log) {
    const postgres::Rows logged =
        session.run({"verify.range.excluded",
                     fmt::format(kExcludedKeys, fmt::arg("texts", key_texts(comparison, "logged")),
                                 fmt::arg("logged", logged_keys(comparison, Side::left, range)),
                                 fmt::arg("limit", options.excluded_limit + 1))});
    for (const postgres::Row row : logged) outcome.excluded_keys.push_back(read_key(comparison, row));
    if (static_cast<std::int64_t>(outcome.excluded_keys.size()) > options.excluded_limit) {
      outcome.excluded_keys.pop_back();
      outcome.excluded_truncated = true;
    }
  }
  const bool leave_out = !outcome.excluded_keys.empty() || outcome.excluded_truncated;
  const SideOutcome left = digest(session, comparison, Side::left, range, leave_out);
  const SideOutcome right = digest(session, comparison, Side::right, range, leave_out);
  snapshot.end();

  outcome.rows_left = left.rows;
  outcome.rows_right = right.rows;
  outcome.excluded_left = left.excluded;
  outcome.excluded_right = right.excluded;
  outcome.equal = left.rows == right.rows && left.total == right.total && left.mixed == right.mixed;
  return outcome;
}

}  // namespace crossfade::checkers
