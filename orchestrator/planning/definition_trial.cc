#include "orchestrator/planning/definition_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "migrations/created_relations.h"
#include "migrations/repoint.h"
#include "migrations/tokens.h"
#include "orchestrator/planning/catalog_facts.h"
#include "postgres/error.h"
#include "postgres/quoting.h"
#include "strategies/added_column.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;
using postgres::QualifiedName;

constexpr const char* kTrialSchema = "crossfade_definition_trial";

constexpr std::string_view kSequence = R"sql(
SELECT pg_catalog.format('as %s start %s increment %s minimum %s maximum %s cache %s cycle %s',
         pg_catalog.format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
       AS definition
  FROM pg_catalog.pg_sequence s WHERE s.seqrelid = $1::pg_catalog.regclass
)sql";

constexpr std::string_view kStatistics = R"sql(
SELECT pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition FROM pg_catalog.pg_statistic_ext s
 WHERE CASE WHEN $1 = '' THEN s.stxnamespace = pg_catalog.to_regnamespace($2) ELSE s.oid = $1::pg_catalog.oid END
)sql";

/// What `make` says of the objects that it makes in the trial's schema; null where the server refuses it.
template <class Make>
std::optional<std::string> tried(postgres::Session& session, const Make& make) {
  postgres::Transaction transaction(session, "definition_trial");
  try {
    session.run({"planning.definition_schema",
                 fmt::format("SET LOCAL lock_timeout = '5s'; CREATE SCHEMA {}", kTrialSchema)});
    std::optional<std::string> made = make();
    transaction.rollback();
    return made;
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    return std::nullopt;
  }
}

void make(postgres::Session& session, const std::string& sql) {
  session.run({"planning.definition_object", sql});
}

std::string without_schema(std::string text, const std::string& schema) {
  for (const std::string& qualifier : {schema + ".", postgres::quote_identifier(schema) + "."}) {
    for (auto at = text.find(qualifier); at != std::string::npos; at = text.find(qualifier))
      text.erase(at, qualifier.size());
  }
  return text;
}

QualifiedName in_trial(const std::string& name) {
  return {kTrialSchema, name};
}

postgres::Table load(postgres::Session& session, const QualifiedName& name) {
  return postgres::load_table(session, postgres::find_relation(session, name.schema, name.name).value())
      .value();
}

std::string column_line(const postgres::Column& column) {
  return fmt::format("{} {}{}{}{}{}{}", column.name, column.type,
                     column.collation.empty() ? "" : " collate " + column.collation,
                     column.not_null ? " not null" : "",
                     column.default_expression ? " default " + *column.default_expression : "",
                     column.generated.empty() ? "" : " generated", column.identity);
}

/// Keys, checks and unique constraints by what they say; their names may differ.
std::vector<std::string> constraint_lines(const postgres::Table& table) {
  std::vector<std::string> out;
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type != "n" && constraint.type != "f") out.push_back(constraint.definition);
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// What two tables have to have in common to be the same by their definition.
std::string shape_of(const postgres::Table& table) {
  std::string out = table.kind == "p" ? "partitioned; " : "";
  for (const postgres::Column& column : table.columns) out += column_line(column) + "; ";
  for (const std::string& constraint : constraint_lines(table)) out += constraint + "; ";
  return without_schema(std::move(out), table.name.schema);
}

std::string referred(const std::set<std::string>& tables) {
  std::string out;
  for (const std::string& table : tables) out += fmt::format("refers to {}; ", table);
  return out;
}

/// Empty tables with the keys of those that the statement refers to, itself excepted. The names of the live
/// ones; null where one does not exist.
std::optional<std::set<std::string>> copy_referenced_tables(postgres::Session& session,
                                                            const Statement& statement) {
  std::set<std::string> names;
  for (const migrations::TableReference& name : migrations::referenced_tables(statement)) {
    if (name.name == statement.table->name) continue;
    const auto oid = postgres::find_relation(session, name.schema.value_or(""), name.name);
    if (!oid) return std::nullopt;
    const QualifiedName live = postgres::load_table(session, *oid)->name;
    if (!names.insert(live.display()).second) continue;
    make(session, fmt::format("CREATE TABLE {} (LIKE {} INCLUDING INDEXES)", in_trial(live.name).quoted(),
                              live.quoted()));
  }
  return names;
}

/// "FOR VALUES …" of the live partition, and of the one that the statement would make.
Definitions partition_definitions(postgres::Session& session, const Statement& statement,
                                  const postgres::Table& found,
                                  const migrations::TableReference& parent_name) {
  const auto parent_of_found = parent_of(session, found.oid);
  Definitions out{.wanted = {},
                  .found = parent_of_found
                               ? fmt::format("partition of {} {}", parent_of_found->name.display(),
                                             parent_of_found->bound)
                               : "no partition"};
  const auto oid = postgres::find_relation(session, parent_name.schema.value_or(""), parent_name.name);
  if (!oid) return out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName parent = postgres::load_table(session, *oid)->name;
    const std::string key = session
                                .run({"planning.definition_key",
                                      "SELECT pg_catalog.pg_get_partkeydef($1::pg_catalog.oid) AS key"},
                                     {std::to_string(*oid)})
                                .only()
                                .text("key");
    make(session, fmt::format("CREATE TABLE {} (LIKE {}) PARTITION BY {}", in_trial(parent.name).quoted(),
                              parent.quoted(), key));
    const QualifiedName name = in_trial(found.name.name);
    const auto renamed = migrations::with_new_name(statement, name);
    const auto text =
        renamed ? migrations::with_related_tables_in(*renamed, kTrialSchema) : std::optional<std::string>();
    if (!text) return std::nullopt;
    make(session, *text);
    const auto made = parent_of(session, load(session, name).oid);
    return made ? fmt::format("partition of {} {}", parent.display(), made->bound) : "no partition";
  });
  return out;
}

}  // namespace

Definitions table_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& found) {
  const std::vector<migrations::TableReference> parents = migrations::partition_tables(statement);
  if (!parents.empty() && statement.tree.find("\"partbound\"") != std::string::npos)
    return partition_definitions(session, statement, found, parents.front());
  std::set<std::string> keys;
  for (const QualifiedName& other : tied_tables(session, found.oid, "")) keys.insert(other.display());
  Definitions out{.wanted = {}, .found = shape_of(found) + referred(keys)};
  if (!parents.empty()) return out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const auto referenced = copy_referenced_tables(session, statement);
    const QualifiedName name = in_trial(found.name.name);
    const auto renamed = migrations::with_new_name(statement, name);
    const auto text =
        renamed ? migrations::with_related_tables_in(*renamed, kTrialSchema) : std::optional<std::string>();
    if (!referenced || !text) return std::nullopt;
    make(session, *text);
    return shape_of(load(session, name)) + referred(*referenced);
  });
  return out;
}

Definitions query_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& found) {
  const auto definition = [&](const postgres::Table& table) {
    if (table.kind != "m") return shape_of(table);
    return session
        .run({"planning.definition_query", "SELECT pg_catalog.pg_get_viewdef($1::pg_catalog.oid) AS query"},
             {std::to_string(table.oid)})
        .only()
        .text("query");
  };
  Definitions out{.wanted = {}, .found = definition(found)};
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName name = in_trial(found.name.name);
    const auto text = migrations::with_new_name(statement, name);
    if (!text) return std::nullopt;
    make(session, migrations::without_data(*text));
    return definition(load(session, name));
  });
  return out;
}

Definitions sequence_definitions(postgres::Session& session, const Statement& statement,
                                 const QualifiedName& found) {
  const auto definition = [&](const QualifiedName& name) {
    return session.run({"planning.definition_sequence", std::string(kSequence)}, {name.quoted()})
        .only()
        .text("definition");
  };
  Definitions out{.wanted = {}, .found = definition(found)};
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const auto text = migrations::with_new_name(statement, in_trial(found.name));
    if (!text) return std::nullopt;
    make(session, *text);
    return definition(in_trial(found.name));
  });
  return out;
}

namespace {

/// The statement under another name and without IF NOT EXISTS.
std::string renamed_index(const Statement& statement, const std::string& name) {
  const std::vector<migrations::Token> tokens =
      migrations::without_comments(migrations::scan({statement.text, "", 1}));
  const auto on = std::find_if(tokens.begin(), tokens.end(), [&](const migrations::Token& token) {
    return token.depth == 0 && migrations::is_keyword(statement.text, token, "ON");
  });
  return fmt::format("CREATE {}INDEX {} {}", statement.unique ? "UNIQUE " : "",
                     postgres::quote_identifier(name), statement.text.substr(on->begin));
}

std::string without_name(const std::string& definition, std::string_view kind, const std::string& schema) {
  std::string out = definition;
  const std::size_t begin = out.find(kind);
  const std::size_t end = out.find(begin == std::string::npos ? "" : " ON ", begin);
  if (begin != std::string::npos && end != std::string::npos)
    out.erase(begin + kind.size(), end - begin - kind.size());
  return without_schema(std::move(out), schema);
}

}  // namespace

Definitions index_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& table, const postgres::Index& found) {
  Definitions out{.wanted = {}, .found = without_name(found.definition, " INDEX", table.name.schema)};
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName copy = in_trial(table.name.name);
    make(session, fmt::format("CREATE TABLE {} (LIKE {})", copy.quoted(), table.name.quoted()));
    const auto statements = migrations::parse_statements(renamed_index(statement, "crossfade_wanted"), "", 1);
    make(session, migrations::with_relation(statements.front(), copy));
    return without_name(load(session, copy).indexes.front().definition, " INDEX", kTrialSchema);
  });
  return out;
}

namespace {

/// The column's own line, then its constraints among `among`, which may be more than are asked for.
std::string with_constraints(const postgres::Table& table, const std::string& column,
                             const std::vector<std::string>& wanted) {
  std::string out = column_line(*table.column(column));
  const std::vector<std::string> has = constraint_lines(table);
  for (const std::string& line : wanted) {
    if (std::find(has.begin(), has.end(), line) != has.end()) out += "; " + line;
  }
  return without_schema(std::move(out), table.name.schema);
}

}  // namespace

Definitions column_definitions(postgres::Session& session, const migrations::AlterCommand& command,
                               const postgres::Table& table) {
  std::vector<std::string> constraints;
  Definitions out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName copy = in_trial(table.name.name);
    make(session, fmt::format("CREATE TABLE {} (LIKE {})", copy.quoted(), table.name.quoted()));
    make(session, fmt::format("ALTER TABLE {} DROP COLUMN {}", copy.quoted(),
                              postgres::quote_identifier(command.name)));
    make(session, fmt::format("ALTER TABLE {} {}", copy.quoted(), strategies::without_foreign_keys(command)));
    const postgres::Table made = load(session, copy);
    constraints = constraint_lines(made);
    return with_constraints(made, command.name, constraints);
  });
  out.found = with_constraints(table, command.name, constraints);
  if (!command.has_constraint("CONSTR_FOREIGN")) return out;
  const bool refers = std::any_of(
      table.constraints.begin(), table.constraints.end(), [&](const postgres::Constraint& constraint) {
        return constraint.type == "f" && constraint.columns == std::vector<std::string>{command.name};
      });
  if (out.wanted) *out.wanted += "; a foreign key";
  if (refers) out.found += "; a foreign key";
  return out;
}

Definitions statistics_definitions(postgres::Session& session, const Statement& statement,
                                   const std::string& found) {
  const auto definition = [&](const std::string& oid) {
    return without_name(session
                            .run({"planning.definition_statistics", std::string(kStatistics)},
                                 {oid, oid.empty() ? kTrialSchema : ""})
                            .only()
                            .text("definition"),
                        " STATISTICS", kTrialSchema);
  };
  Definitions out{.wanted = {}, .found = definition(found)};
  const auto table = statement.objects.empty()
                         ? std::nullopt
                         : postgres::find_relation(session, statement.objects.front().schema.value_or(""),
                                                   statement.objects.front().name);
  if (!table) return out;
  const QualifiedName live = postgres::load_table(session, *table)->name;
  out.found = without_schema(std::move(out.found), live.schema);
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const auto renamed = migrations::with_new_name(statement, in_trial("crossfade_wanted"));
    if (!renamed) return std::nullopt;
    make(session, fmt::format("CREATE TABLE {} (LIKE {})", in_trial(live.name).quoted(), live.quoted()));
    // One table follows FROM, and nothing else.
    const std::vector<migrations::Token> tokens = migrations::scan({*renamed, "", 1});
    const auto from = std::find_if(tokens.rbegin(), tokens.rend(), [&](const migrations::Token& token) {
      return token.depth == 0 && migrations::is_keyword(*renamed, token, "FROM");
    });
    if (from == tokens.rend()) return std::nullopt;
    make(session, renamed->substr(0, from->end) + " " + in_trial(live.name).quoted());
    return definition("");
  });
  return out;
}

}  // namespace crossfade::orchestrator
