#include "orchestrator/commands/kept_definitions.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/journal_schema.h"

namespace crossfade::orchestrator {

namespace {

// A revision that was taken back and applied again has the later runs alone to show.
constexpr std::string_view kDefinitions = R"sql(
SELECT d.table_schema, d.table_name, d.before::text AS before, d.after::text AS after,
       COALESCE(d.after = 'null'::jsonb, false) AS dropped
  FROM crossfade.definitions d JOIN crossfade.runs r USING (run)
 WHERE r.revision = $1 AND r.direction = 'up' AND r.phase <> 'aborted'
   AND r.run > COALESCE((SELECT pg_catalog.max(down.run) FROM crossfade.runs down
                          WHERE down.revision = $1 AND down.direction = 'down'), 0)
 ORDER BY r.run, 1, 2
)sql";

std::optional<postgres::Table> table_of(const postgres::Row& row, std::string_view column) {
  if (row.is_null(column) || row.text(column) == "null") return std::nullopt;
  try {
    return boost::json::value_to<postgres::Table>(boost::json::parse(row.text(column)));
  } catch (const boost::system::system_error&) {
    return std::nullopt;  // kept by another version, in another form
  }
}

/// As the server prints names: quoted only where they have to be.
std::string shown(const std::string& name) {
  const bool plain =
      std::all_of(name.begin(), name.end(),
                  [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }) &&
      !name.empty() && (name[0] < '0' || name[0] > '9');
  return plain ? name : postgres::quote_identifier(name);
}

std::string line_of(const postgres::Column& column) {
  std::string out = shown(column.name) + " " + column.type;
  if (!column.generated.empty()) {
    out += fmt::format(" GENERATED ALWAYS AS ({}){}", column.default_expression.value_or(""),
                       column.generated == "s" ? " STORED" : "");
  } else if (!column.identity.empty()) {
    out += fmt::format(" GENERATED {} AS IDENTITY", column.identity == "a" ? "ALWAYS" : "BY DEFAULT");
  } else if (column.default_expression) {
    out += " DEFAULT " + *column.default_expression;
  }
  return out + (column.not_null ? " NOT NULL" : "");
}

/// A new table's indexes are kept with the name that it has before the cutover.
std::string on_table(std::string definition, const std::string& table) {
  const std::size_t begin = definition.find(" ON ");
  const std::size_t end = definition.find(" USING ", begin);
  if (begin == std::string::npos || end == std::string::npos) return definition;
  return definition.replace(begin + 4, end - begin - 4, table);
}

std::vector<std::string> lines_of(const std::optional<postgres::Table>& kept, const std::string& name) {
  std::vector<std::string> out;
  if (!kept) return out;
  const postgres::Table& table = *kept;
  for (const postgres::Column& column : table.columns) out.push_back(line_of(column));
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type != "n")
      out.push_back(fmt::format("CONSTRAINT {} {}", shown(constraint.name), constraint.definition));
  }
  for (const postgres::Index& index : table.indexes) out.push_back(on_table(index.definition, name));
  return out;
}

bool contains(const std::vector<std::string>& lines, const std::string& line) {
  return std::find(lines.begin(), lines.end(), line) != lines.end();
}

boost::json::value lines_document(const std::optional<postgres::Table>& table, const std::string& name) {
  if (!table) return nullptr;
  boost::json::array out;
  for (const std::string& line : lines_of(table, name)) out.emplace_back(line);
  return out;
}

}  // namespace

std::vector<KeptDefinition> kept_definitions(postgres::Session& session, const std::string& revision) {
  std::vector<KeptDefinition> out;
  if (!journal_exists(session)) return out;
  for (const postgres::Row row : session.run({"show.definitions", std::string(kDefinitions)}, {revision})) {
    out.push_back({postgres::QualifiedName{row.text("table_schema"), row.text("table_name")}.display(),
                   table_of(row, "before"), table_of(row, "after"), row.boolean("dropped")});
  }
  return out;
}

std::string definitions_text(const std::vector<KeptDefinition>& definitions) {
  std::string out;
  for (const KeptDefinition& definition : definitions) {
    const std::vector<std::string> before = lines_of(definition.before, definition.table);
    const std::vector<std::string> after = lines_of(definition.after, definition.table);
    const char* state = definition.after ? "" : definition.dropped ? " dropped" : " not finished";
    const std::string now = definition.after ? definition.after->name.display() : definition.table;
    const bool renamed = now != definition.table && !definition.after->name.schema.starts_with("crossfade_");
    out += fmt::format("  {}{}:{}\n", definition.table, renamed ? ", now " + now : "", state);
    const bool known = definition.after || definition.dropped;
    for (const std::string& line : before)
      out += fmt::format("    {} {}\n", !known || contains(after, line) ? ' ' : '-', line);
    for (const std::string& line : after) {
      if (!contains(before, line)) out += fmt::format("    + {}\n", line);
    }
  }
  return out;
}

boost::json::array definitions_document(const std::vector<KeptDefinition>& definitions) {
  boost::json::array out;
  for (const KeptDefinition& definition : definitions) {
    out.push_back(boost::json::object{{"table", definition.table},
                                      {"before", lines_document(definition.before, definition.table)},
                                      {"after", lines_document(definition.after, definition.table)}});
  }
  return out;
}

}  // namespace crossfade::orchestrator
