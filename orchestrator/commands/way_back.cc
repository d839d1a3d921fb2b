#include "orchestrator/commands/way_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "migrations/inverse.h"
#include "migrations/split_commands.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Inverse;
using migrations::Statement;

const postgres::Table* before(const std::vector<KeptDefinition>& kept,
                              const migrations::TableReference& name) {
  for (const KeptDefinition& definition : kept) {
    const bool same = definition.before && definition.before->name.name == name.name &&
                      (!name.schema || *name.schema == definition.before->name.schema);
    if (same) return &*definition.before;
  }
  return nullptr;
}

/// The indexes as they were; null where one is not known, or backs a constraint.
std::optional<std::string> indexes_again(const Statement& drop, const std::vector<KeptDefinition>& kept) {
  std::string out;
  for (const migrations::TableReference& name : drop.objects) {
    const postgres::Index* found = nullptr;
    for (const KeptDefinition& definition : kept) {
      const bool here = definition.before && (!name.schema || *name.schema == definition.before->name.schema);
      if (here && found == nullptr) found = definition.before->index(name.name);
    }
    if (found == nullptr || found->constraint_name) return std::nullopt;
    out += (out.empty() ? "" : ";\n") + found->definition;
  }
  return out;
}

/// What only the definition from before can tell: an index, constraint or default that went.
std::optional<Inverse> from_definition(const Statement& statement, const std::vector<KeptDefinition>& kept) {
  if (statement.node == "DropStmt" && statement.object_type == "OBJECT_INDEX") {
    const auto sql = indexes_again(statement, kept);
    return sql ? std::optional(Inverse{*sql}) : std::nullopt;
  }
  const postgres::Table* table = statement.table ? before(kept, *statement.table) : nullptr;
  if (table == nullptr || statement.commands.size() != 1) return std::nullopt;
  const migrations::AlterCommand& command = statement.commands.front();
  const std::string alter = "ALTER TABLE " + table->name.quoted() + " ";
  if (command.subtype == "AT_DropConstraint" && !command.cascade) {
    const auto found =
        std::find_if(table->constraints.begin(), table->constraints.end(),
                     [&](const postgres::Constraint& constraint) { return constraint.name == command.name; });
    if (found == table->constraints.end()) return std::nullopt;
    return Inverse{fmt::format("{}ADD CONSTRAINT {} {}", alter, postgres::quote_identifier(found->name),
                               found->definition)};
  }
  const postgres::Column* column = table->column(command.name);
  if (command.subtype != "AT_ColumnDefault" || column == nullptr || !column->generated.empty())
    return std::nullopt;
  const std::string name = postgres::quote_identifier(column->name);
  return Inverse{column->default_expression ? fmt::format("{}ALTER COLUMN {} SET DEFAULT {}", alter, name,
                                                          *column->default_expression)
                                            : fmt::format("{}ALTER COLUMN {} DROP DEFAULT", alter, name)};
}

/// SET NOT NULL of a column that had it already, and the other way round.
bool changes_nothing(const Statement& statement, const std::vector<KeptDefinition>& kept) {
  const postgres::Table* table = statement.table ? before(kept, *statement.table) : nullptr;
  if (table == nullptr || statement.commands.size() != 1) return false;
  const migrations::AlterCommand& command = statement.commands.front();
  const postgres::Column* column = table->column(command.name);
  if (column == nullptr) return false;
  return (command.subtype == "AT_SetNotNull" && column->not_null) ||
         (command.subtype == "AT_DropNotNull" && !column->not_null);
}

std::optional<std::vector<Inverse>> inverse_of(const migrations::MigrationFile& file,
                                               const std::vector<KeptDefinition>& kept) {
  std::vector<Inverse> out;
  for (const Statement& statement :
       migrations::split_commands(migrations::parse_statements(file.up_sql, file.path, file.up_first_line))) {
    std::optional<Inverse> inverse =
        changes_nothing(statement, kept) ? std::optional(Inverse{""}) : migrations::inverse_of(statement);
    if (!inverse) inverse = from_definition(statement, kept);
    if (!inverse) return std::nullopt;
    if (!inverse->sql.empty()) out.push_back(std::move(*inverse));
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::string script(const std::vector<migrations::Inverse>& inverse) {
  std::string out;
  for (const migrations::Inverse& each : inverse) out += each.sql + ";\n";
  return out;
}

}  // namespace

migrations::MigrationFile way_back(const migrations::MigrationFile& file,
                                   const std::vector<KeptDefinition>& kept, const WayBackOptions& options) {
  if (file.has_down) return migrations::down_of(file);
  const auto inverse = inverse_of(file, kept);
  const bool lossless = inverse && std::all_of(inverse->begin(), inverse->end(),
                                               [](const migrations::Inverse& each) { return each.lossless; });
  if (inverse && options.generated && (lossless || options.allow_data_loss)) {
    migrations::MigrationFile generated = file;
    generated.has_down = true;
    generated.down_sql = script(*inverse);
    return migrations::down_of(generated);
  }
  if (!inverse) return migrations::down_of(file);  // says that there is none
  throw Failure(ExitCode::refused,
                {.code = "no-down-section",
                 .object = file.path,
                 .message = "the file has no down section; crossfade knows the inverse of its statements",
                 .expected = "SQL behind a line  -- migrate:down",
                 .found = script(*inverse),
                 .next = lossless ? "`crossfade down --generated` runs this."
                                  : "`crossfade down --generated --allow-data-loss` runs this; it loses what "
                                    "was written since."});
}

}  // namespace crossfade::orchestrator
