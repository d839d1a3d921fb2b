#include "orchestrator/planning/definition_trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "migrations/created_relations.h"
#include "migrations/repoint.h"
#include "migrations/tokens.h"
#include "postgres/error.h"
#include "postgres/quoting.h"

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

// Beside columns and constraints: how it is partitioned, what it is a part of, where a foreign table's rows
// are.
constexpr std::string_view kTableFacts = R"sql(
SELECT pg_catalog.concat_ws('; ',
         CASE c.relpersistence WHEN 'u' THEN 'unlogged' END,
         'partitioned by ' || pg_catalog.pg_get_partkeydef(c.oid),
         (SELECT pg_catalog.string_agg(pg_catalog.format('%s %I.%I %s', CASE WHEN c.relispartition THEN 'partition of' ELSE 'inherits' END,
                   n.nspname, p.relname, pg_catalog.pg_get_expr(c.relpartbound, c.oid)), '; ' ORDER BY i.inhseqno)
            FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
            JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace WHERE i.inhrelid = c.oid),
         (SELECT pg_catalog.format('on %I with %s', s.srvname, f.ftoptions)
            FROM pg_catalog.pg_foreign_table f JOIN pg_catalog.pg_foreign_server s ON s.oid = f.ftserver WHERE f.ftrelid = c.oid)
       ) AS facts
  FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid
)sql";

constexpr std::string_view kStatistics = R"sql(
SELECT pg_catalog.pg_get_statisticsobjdef(s.oid) AS definition FROM pg_catalog.pg_statistic_ext s
 WHERE CASE WHEN $1 = '' THEN s.stxnamespace = pg_catalog.to_regnamespace($2) ELSE s.oid = $1::pg_catalog.oid END
)sql";

/// From here on the server prints every name with its schema.
void print_schemas(postgres::Session& session) {
  session.run({"planning.definition_names", "SET LOCAL search_path = ''"});
}

/// What `describe` says of live objects.
template <class Describe>
auto of_live(postgres::Session& session, const Describe& describe) {
  postgres::Transaction transaction(session, "definition_live");
  print_schemas(session);
  auto out = describe();
  transaction.rollback();
  return out;
}

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
    if (error.connection_dead() || error.retryable() || error.cancelled()) throw;
    return std::nullopt;
  }
}

void make(postgres::Session& session, const std::string& sql) {
  session.run({"planning.definition_object", sql});
}

QualifiedName in_trial(const std::string& name) {
  return {kTrialSchema, name};
}

/// As the server prints it: quoted only where it has to be.
std::string printed(postgres::Session& session, const QualifiedName& name) {
  return session
      .run({"planning.definition_name", "SELECT pg_catalog.format('%I.%I', $1::text, $2::text) AS name"},
           {name.schema, name.name})
      .only()
      .text("name");
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

/// The trial's text with the live names in the place of its own. `others` are tables that it has copied.
std::string with_live_names(postgres::Session& session, std::string text, const std::string& schema,
                            const std::vector<QualifiedName>& others = {}) {
  for (const QualifiedName& other : others) {
    for (const char* end : {"(", " "})
      text = replaced(std::move(text), printed(session, in_trial(other.name)) + end,
                      printed(session, other) + end);
  }
  std::string live = printed(session, {schema, "x"});
  live.pop_back();
  return replaced(std::move(text), std::string(kTrialSchema) + ".", live);
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

/// Constraints by what they say; their names may differ, and whether old rows have been looked at.
std::vector<std::string> constraint_lines(const postgres::Table& table) {
  std::vector<std::string> out;
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type != "n") out.push_back(replaced(constraint.definition, " NOT VALID", ""));
  }
  std::sort(out.begin(), out.end());
  return out;
}

/// Of a partition the bounds, and how it is partitioned itself: its columns are the parent's.
std::string facts_of(postgres::Session& session, const postgres::Table& table) {
  return session.run({"planning.definition_facts", std::string(kTableFacts)}, {std::to_string(table.oid)})
      .only()
      .text("facts");
}

/// What two tables have to have in common to be the same by their definition.
std::string shape_of(postgres::Session& session, const postgres::Table& table) {
  std::string out = facts_of(session, table);
  for (const postgres::Column& column : table.columns) out += "; " + column_line(column);
  for (const std::string& constraint : constraint_lines(table)) out += "; " + constraint;
  return out.starts_with("; ") ? out.substr(2) : out;
}

std::string shape_of_live(postgres::Session& session, const postgres::Table& table) {
  return of_live(session, [&] { return shape_of(session, load(session, table.name)); });
}

/// Empty tables with the keys of those that are named, `own` excepted; null where one does not exist.
std::optional<std::vector<QualifiedName>> copy_tables(postgres::Session& session,
                                                      const std::vector<migrations::TableReference>& names,
                                                      const QualifiedName& own) {
  std::vector<QualifiedName> out;
  for (const migrations::TableReference& name : names) {
    const auto oid = postgres::find_relation(session, name.schema.value_or(""), name.name);
    if (!oid) return std::nullopt;
    const QualifiedName live = postgres::load_table(session, *oid)->name;
    if (live == own || std::find(out.begin(), out.end(), live) != out.end()) continue;
    out.push_back(live);
    make(session, fmt::format("CREATE TABLE {} (LIKE {} INCLUDING INDEXES)", in_trial(live.name).quoted(),
                              live.quoted()));
  }
  return out;
}

/// An empty table that is partitioned like the live one.
void copy_partitioned_table(postgres::Session& session, const QualifiedName& live, std::uint32_t oid) {
  const std::string key =
      session
          .run({"planning.definition_key", "SELECT pg_catalog.pg_get_partkeydef($1::pg_catalog.oid) AS key"},
               {std::to_string(oid)})
          .only()
          .text("key");
  make(session, fmt::format("CREATE TABLE {} (LIKE {}) PARTITION BY {}", in_trial(live.name).quoted(),
                            live.quoted(), key));
}

std::optional<std::string> in_trial(const Statement& statement, const std::string& name) {
  const auto renamed = migrations::with_new_name(statement, in_trial(name));
  return renamed ? migrations::with_related_tables_in(*renamed, kTrialSchema) : std::nullopt;
}

Definitions partition_definitions(postgres::Session& session, const Statement& statement,
                                  const postgres::Table& found,
                                  const migrations::TableReference& parent_name) {
  Definitions out{.wanted = {}, .found = of_live(session, [&] { return facts_of(session, found); })};
  const auto oid = postgres::find_relation(session, parent_name.schema.value_or(""), parent_name.name);
  if (!oid) return out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName parent = postgres::load_table(session, *oid)->name;
    copy_partitioned_table(session, parent, *oid);
    const auto text = in_trial(statement, found.name.name);
    if (!text) return std::nullopt;
    make(session, *text);
    print_schemas(session);
    return with_live_names(session, facts_of(session, load(session, in_trial(found.name.name))),
                           found.name.schema, {parent});
  });
  return out;
}

}  // namespace

Definitions table_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& found) {
  const std::vector<migrations::TableReference> parents = migrations::partition_tables(statement);
  if (!parents.empty() && statement.tree.find("\"partbound\"") != std::string::npos)
    return partition_definitions(session, statement, found, parents.front());
  Definitions out{.wanted = {}, .found = shape_of_live(session, found)};
  if (!parents.empty()) return out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const auto others = copy_tables(session, migrations::referenced_tables(statement), found.name);
    const auto text = in_trial(statement, found.name.name);
    if (!others || !text) return std::nullopt;
    make(session, *text);
    print_schemas(session);
    return with_live_names(session, shape_of(session, load(session, in_trial(found.name.name))),
                           found.name.schema, *others);
  });
  return out;
}

Definitions query_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& found) {
  const auto definition = [&](const postgres::Table& table) {
    if (table.kind != "m") return shape_of(session, table);
    return session
        .run({"planning.definition_query", "SELECT pg_catalog.pg_get_viewdef($1::pg_catalog.oid) AS query"},
             {std::to_string(table.oid)})
        .only()
        .text("query");
  };
  Definitions out{.wanted = {},
                  .found = of_live(session, [&] { return definition(load(session, found.name)); })};
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName name = in_trial(found.name.name);
    const auto text = migrations::with_new_name(statement, name);
    if (!text) return std::nullopt;
    make(session, migrations::without_data(*text));
    print_schemas(session);
    return with_live_names(session, definition(load(session, name)), found.name.schema);
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
    make(session, migrations::without_owner_column(*text));
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

/// "CREATE INDEX name ON t …" without the name; on a partitioned table it says ON ONLY, which is what is
/// asked for as well.
std::string without_name(std::string definition, std::string_view kind) {
  const std::size_t begin = definition.find(kind);
  if (begin == std::string::npos) return definition;
  const std::size_t name = begin + kind.size();
  const std::size_t end = std::min(definition.find(" ON ", name), definition.find(" (", name));
  if (end != std::string::npos) definition.erase(name, end - name);
  return replaced(std::move(definition), " ON ONLY ", " ON ");
}

}  // namespace

Definitions index_definitions(postgres::Session& session, const Statement& statement,
                              const postgres::Table& table, const postgres::Index& found) {
  Definitions out{.wanted = {}, .found = of_live(session, [&] {
                                  const postgres::Table live = load(session, table.name);
                                  const postgres::Index* index = live.index(found.name);
                                  return index == nullptr ? std::string()
                                                          : without_name(index->definition, " INDEX ");
                                })};
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName copy = in_trial(table.name.name);
    make(session, fmt::format("CREATE TABLE {} (LIKE {})", copy.quoted(), table.name.quoted()));
    const auto statements = migrations::parse_statements(renamed_index(statement, "crossfade_wanted"), "", 1);
    make(session, migrations::with_relation(statements.front(), copy));
    print_schemas(session);
    return with_live_names(session, without_name(load(session, copy).indexes.front().definition, " INDEX "),
                           table.name.schema);
  });
  return out;
}

Definitions column_definitions(postgres::Session& session, const Statement& statement,
                               const postgres::Table& table) {
  const migrations::AlterCommand& command = statement.commands.front();
  std::vector<std::string> constraints;
  Definitions out;
  out.wanted = tried(session, [&]() -> std::optional<std::string> {
    const QualifiedName copy = in_trial(table.name.name);
    make(session, fmt::format("CREATE TABLE {} (LIKE {})", copy.quoted(), table.name.quoted()));
    make(session, fmt::format("ALTER TABLE {} DROP COLUMN {}", copy.quoted(),
                              postgres::quote_identifier(command.name)));
    const auto others = copy_tables(session, migrations::referenced_tables(statement), table.name);
    const auto text = migrations::with_related_tables_in(command.text, kTrialSchema);
    if (!others || !text) return std::nullopt;
    make(session, fmt::format("ALTER TABLE {} {}", copy.quoted(), *text));
    print_schemas(session);
    const postgres::Table made = load(session, copy);
    std::string wanted = with_live_names(session, column_line(*made.column(command.name)), table.name.schema);
    for (const std::string& line : constraint_lines(made)) {
      constraints.push_back(with_live_names(session, line, table.name.schema, *others));
      wanted += "; " + constraints.back();
    }
    return wanted;
  });
  out.found = of_live(session, [&] {
    const postgres::Table live = load(session, table.name);
    const std::vector<std::string> has = constraint_lines(live);
    std::string found = column_line(*live.column(command.name));
    // It may have more of them than are asked for.
    for (const std::string& line : constraints) {
      if (std::find(has.begin(), has.end(), line) != has.end()) found += "; " + line;
    }
    return found;
  });
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
                        " STATISTICS ");
  };
  Definitions out{.wanted = {}, .found = of_live(session, [&] { return definition(found); })};
  const auto table = statement.objects.empty()
                         ? std::nullopt
                         : postgres::find_relation(session, statement.objects.front().schema.value_or(""),
                                                   statement.objects.front().name);
  if (!table) return out;
  const QualifiedName live = postgres::load_table(session, *table)->name;
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
    print_schemas(session);
    return with_live_names(session, definition(""), live.schema);
  });
  return out;
}

}  // namespace crossfade::orchestrator
