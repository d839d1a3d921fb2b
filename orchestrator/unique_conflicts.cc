#include "orchestrator/unique_conflicts.h"

#include <fmt/format.h>

#include "postgres/problem.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

using postgres::quote_identifier;

/// The replayed columns of the logged keys' rows, as they would be inserted, with their keys.
std::string wanted_rows(const strategies::ShadowTablePlan& plan) {
  return fmt::format("(SELECT w.* FROM ({}) AS w WHERE EXISTS (SELECT 1 FROM {} AS l WHERE {}))",
                     strategies::comparison_select_source(plan), plan.log.quoted(), [&] {
                       std::string out;
                       for (std::size_t index = 0; index < plan.key.size(); ++index) {
                         out += fmt::format("{}w.crossfade_key_{} = l.key_{}", index == 0 ? "" : " AND ",
                                            index + 1, index + 1);
                       }
                       return out;
                     }());
}

}  // namespace

void throw_if_violated(const RunContext& context, postgres::Session& session) {
  const auto& plan = context.plan;
  postgres::Transaction transaction(session, "violation", postgres::Isolation::repeatable_read_read_only);
  for (const strategies::IndexBuild& build : plan.indexes) {
    const postgres::Index* index = plan.target.index(build.name);
    if (!build.unique || index == nullptr || index->partial || index->expressions) continue;
    std::string same;
    std::string values;
    for (const std::string& column : index->key_columns) {
      same += fmt::format("{}s.{} = w.{}", same.empty() ? "" : " AND ", quote_identifier(column),
                          quote_identifier(column));
      values += fmt::format("{}w.{}::pg_catalog.text", values.empty() ? "" : " || ', ' || ",
                            quote_identifier(column));
    }
    const postgres::Rows rows = session.run(
        {"violation.find", fmt::format("SELECT {} AS value FROM {} AS w JOIN {} AS s ON {} WHERE NOT EXISTS "
                                       "(SELECT 1 FROM {} AS l WHERE {})"
                                       " LIMIT 5",
                                       values, wanted_rows(plan), plan.shadow.quoted(), same,
                                       plan.log.quoted(), strategies::shadow_matches_key(plan, "s", "l"))});
    if (rows.empty()) continue;
    std::string found;
    for (const postgres::Row row : rows) found += (found.empty() ? "(" : "; (") + row.text("value") + ")";
    std::string columns;
    for (const std::string& column : index->key_columns) columns += (columns.empty() ? "" : ", ") + column;
    throw Failure(
        ExitCode::refused,
        {.code = "data-rejected",
         .object = plan.source.name.display(),
         .message = fmt::format("rows written since the copy violate the unique index {}", build.name),
         .expected = "no two rows with the same " + columns,
         .found = fmt::format("{} = {}", columns, found),
         .next = fmt::format("Remove the duplicates and run `crossfade up` again, or `crossfade abort {}`.",
                             context.run())});
  }
}

}  // namespace crossfade::orchestrator
