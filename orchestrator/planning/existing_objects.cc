#include "orchestrator/planning/existing_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "migrations/created_relations.h"
#include "migrations/repoint.h"
#include "migrations/tokens.h"
#include "orchestrator/planning/catalog_facts.h"
#include "postgres/catalog.h"
#include "postgres/error.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;

constexpr const char* kTrialSchema = "crossfade_definition_trial";

Problem no_such(const migrations::MigrationFile& file, const RevisionStatement& missing) {
  const Statement& statement = missing.whole;
  const bool table = statement.table.has_value();
  std::string name = table ? statement.table->display() : "";
  if (!table && !statement.objects.empty()) name = statement.objects.front().display();
  if (!missing.missing_name.empty()) name = missing.missing_name;
  return {.code = "no-such-table",
          .object = name.empty() ? migrations::location(statement, file.path) : name,
          .message = "there is no such table in this database",
          .expected = "a table that the current role can see",
          .found = "none",
          .next = fmt::format("Correct the name at {}, or connect to the right database.",
                              migrations::location(statement, file.path))};
}

Problem another_definition(const migrations::MigrationFile& file, const Statement& statement,
                           std::string object, std::string expected, std::string found) {
  return {
      .code = "exists-otherwise",
      .object = migrations::location(statement, file.path),
      .message = object + " exists already, with another definition; IF NOT EXISTS would pass over that",
      .expected = std::move(expected),
      .found = std::move(found),
      .next =
          "Change the object by a statement of its own, or take IF NOT EXISTS out and choose another name."};
}

bool is_temporary(const Statement& statement) {
  const std::string text = migrations::lower_case(statement.text.substr(0, 40));
  return text.find(" temp ") != std::string::npos || text.find(" temporary ") != std::string::npos;
}

/// What two tables have to have in common to be the same by their definition.
std::string shape_of(const postgres::Table& table) {
  const std::string schema = table.name.schema + ".";
  std::string out;
  for (const postgres::Column& column : table.columns) {
    out += fmt::format("{} {}{}{}; ", column.name, column.type, column.not_null ? " not null" : "",
                       column.default_expression ? " default " + *column.default_expression : "");
  }
  for (const postgres::Constraint& constraint : table.constraints) {
    if (constraint.type != "n" && constraint.type != "f") out += constraint.definition + "; ";
  }
  for (auto at = out.find(schema); at != std::string::npos; at = out.find(schema))
    out.erase(at, schema.size());
  return out;
}

/// The table that the statement would make, made in a schema of its own and rolled back; null where that
/// cannot be tried.
std::optional<postgres::Table> trial_table(postgres::Session& session, const Statement& statement) {
  postgres::Transaction transaction(session, "definition_trial");
  try {
    session.run({"planning.definition_schema",
                 fmt::format("SET LOCAL lock_timeout = '5s'; CREATE SCHEMA {}", kTrialSchema)});
    const postgres::QualifiedName name{kTrialSchema, statement.table->name};
    session.run({"planning.definition_table", migrations::with_relation(statement, name)});
    const auto oid = postgres::find_relation(session, name.schema, name.name);
    std::optional<postgres::Table> table;
    if (oid) table = postgres::load_table(session, *oid);
    transaction.rollback();
    return table;
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    return std::nullopt;
  }
}

/// CREATE TABLE of a name that is taken where it would be made.
std::optional<ExistingObjectAnswer> taken_name(postgres::Session& session, const EarlierChanges& earlier,
                                               const migrations::MigrationFile& file,
                                               const Statement& statement) {
  if (statement.node != "CreateStmt" || statement.if_exists || !statement.table) return std::nullopt;
  if (earlier.takes_away(*statement.table) || is_temporary(statement)) return std::nullopt;
  const std::string schema = statement.table->schema.value_or(default_schema(session));
  if (!postgres::find_relation(session, schema, statement.table->name)) return std::nullopt;
  return ExistingObjectAnswer{
      "",
      {{.code = "exists-already",
        .object = migrations::location(statement, file.path),
        .message = fmt::format("there is a relation {}.{} already", schema, statement.table->name),
        .expected = "a free name for the new table",
        .found = statement.text.substr(0, 120),
        .next = fmt::format(
            "Where the database has this revision already, record it: `crossfade stamp {}`. Else choose "
            "another name.",
            file.revision)}}};
}

std::optional<ExistingObjectAnswer> existing_table(postgres::Session& session, const EarlierChanges& earlier,
                                                   const migrations::MigrationFile& file,
                                                   const Statement& statement) {
  if (statement.node != "CreateStmt" || !statement.if_exists || !statement.table) return std::nullopt;
  if (earlier.takes_away(*statement.table)) return std::nullopt;
  const auto oid =
      postgres::find_relation(session, statement.table->schema.value_or(""), statement.table->name);
  if (!oid) return std::nullopt;
  const postgres::Table found = postgres::load_table(session, *oid).value();
  // What cannot be tried (it refers to other tables, say) is compared by nothing: then it is not silently
  // passed.
  const bool can_be_tried =
      migrations::referenced_tables(statement).empty() && migrations::partition_tables(statement).empty();
  const auto wanted = can_be_tried ? trial_table(session, statement) : std::nullopt;
  if (wanted && shape_of(*wanted) == shape_of(found))
    return ExistingObjectAnswer{"The table is there, with this definition.", {}};
  return ExistingObjectAnswer{
      "", another_definition(file, statement, "the table " + found.name.display(),
                             wanted ? shape_of(*wanted) : "a table that can be compared", shape_of(found))};
}

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

std::string without_name(const postgres::Index& index) {
  std::string out = index.definition;
  const std::size_t begin = out.find(" INDEX ");
  const std::size_t end = out.find(" ON ", begin);
  return begin == std::string::npos || end == std::string::npos ? out : out.erase(begin + 7, end - begin - 7);
}

std::optional<ExistingObjectAnswer> existing_index(postgres::Session& session, const EarlierChanges& earlier,
                                                   const migrations::MigrationFile& file,
                                                   const RevisionStatement& statement) {
  const Statement& whole = statement.whole;
  if (whole.node != "IndexStmt" || !whole.if_exists || whole.index.empty() || !statement.target)
    return std::nullopt;
  const postgres::Table table = postgres::load_table(session, *statement.target).value();
  const postgres::Index* found = table.index(whole.index);
  if (found == nullptr || earlier.takes_away({table.name.schema, whole.index})) return std::nullopt;
  postgres::Transaction transaction(session, "definition_trial");
  std::string wanted;
  try {
    const postgres::QualifiedName copy{kTrialSchema, table.name.name};
    session.run({"planning.definition_schema",
                 fmt::format("SET LOCAL lock_timeout = '5s'; CREATE SCHEMA {}", kTrialSchema)});
    session.run({"planning.definition_copy",
                 fmt::format("CREATE TABLE {} (LIKE {})", copy.quoted(), table.name.quoted())});
    const auto statements = migrations::parse_statements(renamed_index(whole, "crossfade_wanted"), "", 1);
    session.run({"planning.definition_index", migrations::with_relation(statements.front(), copy)});
    const postgres::Table made =
        postgres::load_table(session, *postgres::find_relation(session, copy.schema, copy.name)).value();
    wanted = without_name(made.indexes.front());
    for (auto at = wanted.find(kTrialSchema); at != std::string::npos; at = wanted.find(kTrialSchema))
      wanted.replace(at, std::string(kTrialSchema).size(), table.name.schema);
    transaction.rollback();
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    wanted = error.report().message;
  }
  if (found->valid && wanted == without_name(*found))
    return ExistingObjectAnswer{"The index is there, with this definition.", {}};
  if (!found->valid) return std::nullopt;  // a failed build's left-over, which the plan replaces
  return ExistingObjectAnswer{
      "", another_definition(file, whole, "the index " + whole.index, wanted, without_name(*found))};
}

/// "(255)" of varchar(255); empty where there is none.
std::string modifier_of(const std::string& type) {
  const std::size_t open = type.find('(');
  std::string out = open == std::string::npos ? "" : type.substr(open, type.find(')', open) - open + 1);
  std::erase(out, ' ');
  return out;
}

bool drops_column(const EarlierChanges& earlier, std::uint32_t table, const std::string& column) {
  const std::vector<migrations::Statement>& changes = earlier.of(table);
  return std::any_of(changes.begin(), changes.end(), [&](const migrations::Statement& change) {
    return change.commands.size() == 1 && change.commands.front().subtype == "AT_DropColumn" &&
           change.commands.front().name == column;
  });
}

std::optional<ExistingObjectAnswer> existing_column(postgres::Session& session, const EarlierChanges& earlier,
                                                    const migrations::MigrationFile& file,
                                                    const RevisionStatement& statement) {
  if (statement.commands.size() != 1 || !statement.target) return std::nullopt;
  const Statement& single = statement.commands.front().statement;
  if (single.commands.size() != 1) return std::nullopt;
  const migrations::AlterCommand& command = single.commands.front();
  if (command.subtype != "AT_AddColumn" || !command.if_exists) return std::nullopt;
  const postgres::Table table = postgres::load_table(session, *statement.target).value();
  const postgres::Column* found = table.column(command.name);
  if (found == nullptr || drops_column(earlier, *statement.target, command.name)) return std::nullopt;
  const std::string wanted =
      session
          .run({"planning.column_type",
                fmt::format("SELECT pg_catalog.format_type(pg_catalog.pg_typeof(NULL::{})::pg_catalog.oid, "
                            "NULL) AS bare",
                            command.type)})
          .only()
          .text("bare");
  const std::string type = found->type.substr(0, found->type.find('('));
  const bool same_modifier =
      modifier_of(command.type).empty() || modifier_of(command.type) == modifier_of(found->type);
  if ((type == wanted || found->type == wanted) && same_modifier)
    return ExistingObjectAnswer{"The column is there, with this type.", {}};
  return ExistingObjectAnswer{
      "",
      another_definition(file, single, fmt::format("the column {} of {}", command.name, table.name.display()),
                         command.type, found->type)};
}

bool is_budget(const std::string& setting) {
  static constexpr std::array<std::string_view, 4> kBudgets = {
      "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"};
  return std::find(kBudgets.begin(), kBudgets.end(), setting) != kBudgets.end();
}

}  // namespace

std::optional<ExistingObjectAnswer> existing_object_answer(postgres::Session& session,
                                                           const EarlierChanges& earlier,
                                                           const migrations::MigrationFile& file,
                                                           const RevisionStatement& statement) {
  if (statement.mixed)
    return ExistingObjectAnswer{
        "",
        Problem{.code = "split-statement",
                .object = migrations::location(statement.whole, file.path),
                .message = "relations that the revision itself makes are named together with existing ones",
                .expected = "statements about the one or about the other",
                .found = statement.whole.text.substr(0, 120),
                .next = "Write a statement for each."}};
  if (is_budget(migrations::setting_name(statement.whole)))
    return ExistingObjectAnswer{"crossfade sets the timeouts itself: --lock-budget and --hold-budget.", {}};
  if (statement.missing) {
    if (statement.whole.if_exists) return ExistingObjectAnswer{"IF EXISTS: there is none.", {}};
    return ExistingObjectAnswer{"", no_such(file, statement)};
  }
  if (auto answer = taken_name(session, earlier, file, statement.whole)) return answer;
  if (auto answer = existing_table(session, earlier, file, statement.whole)) return answer;
  if (auto answer = existing_index(session, earlier, file, statement)) return answer;
  return existing_column(session, earlier, file, statement);
}

}  // namespace crossfade::orchestrator
