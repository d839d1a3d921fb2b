#include "orchestrator/cutover/neighbour_locks.h"

#include <fmt/format.h>

#include <algorithm>

#include "postgres/catalog.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kMayLock = R"sql(
SELECT pg_catalog.has_table_privilege($1::pg_catalog.oid, 'UPDATE') OR pg_catalog.has_table_privilege($1::pg_catalog.oid, 'DELETE')
       OR pg_catalog.has_table_privilege($1::pg_catalog.oid, 'TRUNCATE') AS allowed
)sql";

}  // namespace

Neighbours find_neighbours(postgres::Session& session, const std::vector<strategies::CarriedObjects>& carried,
                           const std::vector<postgres::QualifiedName>& members,
                           const std::vector<std::uint32_t>& partitions) {
  std::vector<postgres::QualifiedName> tables(members.begin() + 1, members.end());
  for (const strategies::CarriedObjects& each : carried) {
    for (const postgres::QualifiedName& table : each.neighbours) {
      if (std::find(tables.begin(), tables.end(), table) == tables.end() && table != members.front())
        tables.push_back(table);
    }
  }
  std::sort(tables.begin(), tables.end(),
            [](const auto& left, const auto& right) { return left.display() < right.display(); });

  Neighbours out;
  std::vector<std::string> oids;
  for (const postgres::QualifiedName& table : tables) {
    const auto oid = postgres::find_relation(session, table.schema, table.name);
    if (!oid) continue;  // dropped just now; the digest has changed with it
    oids.push_back(std::to_string(*oid));
    const bool allowed = session.run({"cutover.may_lock", std::string(kMayLock)}, {std::to_string(*oid)})
                             .only()
                             .boolean("allowed");
    if (!allowed) {
      out.all_locked = false;
      continue;
    }
    if (std::find(members.begin(), members.end(), table) == members.end()) out.tables.push_back(table);
    out.lock += fmt::format("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE; ", table.quoted());
  }
  for (const std::uint32_t partition : partitions) oids.push_back(std::to_string(partition));
  for (const strategies::CarriedObjects& each : carried) {
    for (const postgres::QualifiedName& view : each.views) {
      if (const auto oid = postgres::find_relation(session, view.schema, view.name))
        oids.push_back(std::to_string(*oid));
    }
  }
  out.oids = postgres::array_literal(oids);
  return out;
}

}  // namespace crossfade::orchestrator
