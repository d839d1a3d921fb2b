#include "orchestrator/planning/empty_copies.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/preflight.h"
#include "migrations/tree.h"
#include "orchestrator/planning/shape_rehearsal.h"
#include "orchestrator/planning/statement_context.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kOwnedSequences = R"sql(
SELECT pg_catalog.count(*) AS sequences FROM pg_catalog.pg_depend d
  JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S'
 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid = $1::pg_catalog.oid AND d.deptype IN ('a', 'i')
)sql";

bool owns_unknown_sequences(postgres::Session& session, const postgres::Table& table) {
  const std::int64_t sequences =
      session.run({"planning.owned_sequences", std::string(kOwnedSequences)}, {std::to_string(table.oid)})
          .only()
          .integer("sequences");
  return sequences !=
         std::count_if(table.columns.begin(), table.columns.end(),
                       [](const postgres::Column& column) { return column.owned_sequence_name.has_value(); });
}

/// What the preflight of a table's rewrite does not ask, because its rehearsal shows it.
std::vector<std::string> peculiarities(postgres::Session& session, const postgres::Table& table,
                                       bool restarts_identity) {
  const std::string name = table.name.display();
  std::vector<std::string> out;
  if (owns_unknown_sequences(session, table))
    out.push_back("a column of " + name + " owns several sequences");
  if (const auto type = schema_names(session, table).taken_array_type)
    out.push_back(fmt::format("the name {} of the array type of {} is taken", *type, name));
  if (std::all_of(table.columns.begin(), table.columns.end(),
                  [](const postgres::Column& column) { return !column.generated.empty(); }))
    out.push_back(name + " has no column that is stored");
  if (table.persistence != "p") out.push_back(name + " is not a permanent table");
  if (table.row_security_forced) out.push_back(name + " forces row-level security on its owner");
  for (const postgres::Index& index : table.indexes) {
    if (index.exclusion) out.push_back(fmt::format("{} has the exclusion constraint {}", name, index.name));
    if (!index.valid) out.push_back(fmt::format("the index {} of {} is invalid", index.name, name));
  }
  for (const postgres::Column& column : table.columns) {
    if (restarts_identity && column.owned_sequence_name && column.identity.empty())
      out.push_back(fmt::format("RESTART IDENTITY sets back {}, the sequence of {}.{}",
                                *column.owned_sequence_name, name, column.name));
  }
  return out;
}

std::vector<std::string> obstacles(postgres::Session& session, const EarlierChanges& earlier,
                                   const postgres::Table& table) {
  std::vector<Problem> found = not_carried_by_empty_copy(session, table);
  std::erase_if(found, [&](const Problem& problem) { return earlier.drops_one_of(problem.object); });
  std::vector<std::string> out;
  for (const Problem& problem : found) out.push_back(problem.object + " " + problem.message);
  return out;
}

}  // namespace

std::vector<Problem> not_carried_by_empty_copy(postgres::Session& session, const postgres::Table& table) {
  // One byte: the empty table needs no room.
  return checkers::preflight_of_empty_copy(
      session,
      {.table_oid = table.oid, .display = table.name.display(), .type_changes = {}, .estimated_bytes = 1});
}

void read_empty_copies(postgres::Session& session, const EarlierChanges& earlier,
                       strategies::StatementContext& context) {
  context.restarts_identity =
      migrations::tree::flag(migrations::tree::parse(context.statement.tree), "restart_seqs");
  for (const postgres::Table& table : context.objects) {
    for (std::string& reason : obstacles(session, earlier, table))
      context.not_copied.push_back(std::move(reason));
    for (std::string& reason : peculiarities(session, table, context.restarts_identity))
      context.not_copied.push_back(std::move(reason));
  }
  for (const postgres::Table& table : context.objects) {
    if (table.name.schema != context.objects.front().name.schema)
      context.not_copied.push_back("the tables stand in several schemas, and one keeps them");
  }
  if (!context.not_copied.empty()) return;
  migrations::MigrationFile without_directives = *context.file;
  without_directives.backfills.clear();
  for (postgres::Table& table : context.objects) {
    try {
      const strategies::ShapeRehearsal trial =
          rehearse(session, {&table, context.run, &without_directives, earlier.of(table.oid), {}, {}});
      context.empty_copies.emplace(table.oid, trial.initial);
      table = trial.source;
    } catch (const Failure& failure) {
      if (failure.exit_code() != ExitCode::refused) throw;
      context.not_copied.push_back(failure.problem().message);
    }
  }
}

}  // namespace crossfade::orchestrator
