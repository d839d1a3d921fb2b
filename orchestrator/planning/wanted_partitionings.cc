#include "orchestrator/planning/wanted_partitionings.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "orchestrator/planning/catalog_facts.h"

namespace crossfade::orchestrator {

namespace {

std::set<std::uint32_t> changed_tables(postgres::Session& session, const migrations::MigrationFile& file,
                                       const EarlierChanges& earlier,
                                       const std::vector<RevisionStatement>& statements) {
  std::set<std::uint32_t> out;
  for (const RevisionStatement& statement : statements) {
    if (statement.target) out.insert(*statement.target);
  }
  for (const std::string& name : file.rewrites) {
    const auto table = migrations::parse_table_reference(name);
    const auto oid = table ? find_existing(session, earlier, *table) : std::nullopt;
    if (oid) out.insert(*oid);
  }
  return out;
}

}  // namespace

std::vector<WantedPartitioning> wanted_partitionings(postgres::Session& session,
                                                     const migrations::MigrationFile& file,
                                                     const EarlierChanges& earlier,
                                                     const std::vector<RevisionStatement>& statements,
                                                     bool under_way, std::vector<Problem>& refusals) {
  std::vector<WantedPartitioning> out;
  for (const migrations::Directive& directive : file.directives) {
    if (directive.name != "partition") continue;
    if (directive.in_down != (file.direction == migrations::Direction::down)) continue;
    const std::string where = fmt::format("{}:{}", file.path, directive.line);
    const migrations::Partitioning wanted = migrations::parse_partitioning(directive.argument).value();
    std::optional<std::uint32_t> table;
    if (wanted.table) {
      table = find_existing(session, earlier, *wanted.table);
    } else {
      const std::set<std::uint32_t> changed = changed_tables(session, file, earlier, statements);
      if (changed.size() == 1) table = *changed.begin();
    }
    if (!table) {
      refusals.push_back({.code = "cannot-partition",
                          .object = where,
                          .message = wanted.table ? "there is no table " + wanted.table->display()
                                                  : "the directive names no table, and the revision does not "
                                                    "change exactly one",
                          .expected = "-- crossfade:partition TABLE by …",
                          .found = directive.argument,
                          .next = "Name the table, before `by`."});
      continue;
    }
    if (is_partitioned(session, *table)) {
      if (under_way) continue;
      refusals.push_back({.code = "cannot-partition",
                          .object = where,
                          .message = "the table is partitioned already",
                          .expected = "a plain table",
                          .found = "a partitioned one",
                          .next = "Remove the directive."});
      continue;
    }
    out.push_back({*table, wanted});
  }
  return out;
}

}  // namespace crossfade::orchestrator
