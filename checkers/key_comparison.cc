#include "checkers/key_comparison.h"

#include <fmt/format.h>

#include <set>
#include <string>

#include "checkers/comparison_sql.h"

namespace crossfade::checkers {

namespace {

// Which of the given keys are in the log, by their place among them.
constexpr std::string_view kStillLogged = R"sql(
SELECT ordinality - 1 AS place FROM {given} WHERE EXISTS (SELECT FROM ({logged}) AS logged_key WHERE {same_key})
)sql";

constexpr std::string_view kRows = R"sql(
SELECT (SELECT pg_catalog.count(*) FROM {left} AS side JOIN ({left_given}) AS given ON {left_same}) AS rows_left,
       (SELECT pg_catalog.count(*) FROM {right} AS side JOIN ({right_given}) AS given ON {right_same}) AS rows_right
)sql";

}  // namespace

KeysOutcome compare_keys(postgres::Session& session, const Comparison& comparison,
                         const std::vector<KeyText>& keys, int example_limit,
                         const SnapshotHook& after_snapshot) {
  KeysOutcome outcome;
  if (keys.empty()) return outcome;
  Snapshot snapshot(session, comparison, after_snapshot);

  std::set<std::int64_t> logged;
  if (comparison.log) {
    const postgres::Rows rows = session.run(
        {"verify.keys.logged",
         fmt::format(kStillLogged, fmt::arg("given", given_keys_in_order(comparison, "given")),
                     fmt::arg("logged", logged_keys(comparison, Side::left, {})),
                     fmt::arg("same_key", same_key(comparison, Side::left, "given", "logged_key")))},
        key_parameters(comparison, keys));
    for (const postgres::Row row : rows) logged.insert(row.integer("place"));
  }
  std::vector<KeyText> settled;
  for (std::size_t place = 0; place < keys.size(); ++place)
    (logged.contains(static_cast<std::int64_t>(place)) ? outcome.still_logged : settled)
        .push_back(keys[place]);

  if (!settled.empty()) {
    const auto side = [&](Side which) { return side_rows(comparison, which); };
    const postgres::Rows rows = session.run(
        {"verify.keys.rows",
         fmt::format(kRows, fmt::arg("left", side(Side::left)), fmt::arg("right", side(Side::right)),
                     fmt::arg("left_given", given_keys(comparison, Side::left)),
                     fmt::arg("right_given", given_keys(comparison, Side::right)),
                     fmt::arg("left_same", same_key(comparison, Side::left, "side", "given")),
                     fmt::arg("right_same", same_key(comparison, Side::right, "side", "given")))},
        key_parameters(comparison, settled));
    outcome.rows_left = rows.only().integer("rows_left");
    outcome.rows_right = rows.only().integer("rows_right");
    outcome.differences = find_differences_of_keys(session, comparison, settled, example_limit);
  }
  outcome.keys_compared = static_cast<std::int64_t>(settled.size());
  snapshot.end();
  return outcome;
}

}  // namespace crossfade::checkers
