#include "orchestrator/in_place/planned_partitions.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string>

#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

// Asked under the parent's lock: pg_partition_tree() would wait for a lock on every partition.
constexpr std::string_view kPartitions = R"sql(
WITH RECURSIVE below(oid) AS (
  SELECT inhrelid FROM pg_catalog.pg_inherits WHERE inhparent = pg_catalog.to_regclass($1)
  UNION ALL
  SELECT i.inhrelid FROM below JOIN pg_catalog.pg_inherits i ON i.inhparent = below.oid)
SELECT n.nspname AS schema, c.relname AS name
  FROM below JOIN pg_catalog.pg_class c ON c.oid = below.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
)sql";

}  // namespace

void require_planned_partitions(postgres::Session& session, const Run& run,
                                const strategies::InPlaceStep& step) {
  std::set<std::string> expected;
  for (const postgres::QualifiedName& partition : step.partitions) expected.insert(partition.display());
  std::set<std::string> found;
  const postgres::Rows rows =
      session.run({"in_place.partitions", std::string(kPartitions)}, {step.relation.quoted()});
  for (const postgres::Row row : rows)
    found.insert(postgres::QualifiedName{row.text("schema"), row.text("name")}.display());
  if (found == expected) return;
  throw Failure(
      ExitCode::refused,
      {.code = "table-changed",
       .object = step.relation.display(),
       .message = fmt::format("the table has other partitions than \"{}\" was planned for", step.name),
       .expected = fmt::format("{}", fmt::join(expected, ", ")),
       .found = fmt::format("{}", fmt::join(found, ", ")),
       .next = fmt::format("`crossfade abort {}`, then `crossfade up`: it is planned anew.", run.run)});
}

}  // namespace crossfade::orchestrator
