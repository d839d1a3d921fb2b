#include "orchestrator/planning/existing_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "migrations/created_relations.h"
#include "orchestrator/planning/catalog_facts.h"
#include "orchestrator/planning/definition_trial.h"
#include "orchestrator/planning/existing_schema_objects.h"
#include "postgres/catalog.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;

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

/// What there is to say of an object that exists already: the same, or an error.
ExistingObjectAnswer compared(const migrations::MigrationFile& file, const Statement& statement,
                              const std::string& object, const Definitions& definitions) {
  if (definitions.same()) return {fmt::format("{} is there, with this definition.", object), {}};
  Problem other =
      another_definition(file, statement, object,
                         definitions.wanted.value_or("a definition that can be compared"), definitions.found);
  if (!definitions.wanted)
    other.message = object + " exists already, and the statement cannot be compared with it";
  return {"", std::move(other)};
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

std::string kind_of(const postgres::Table& found) {
  if (found.kind == "r" || found.kind == "p") return "table";
  if (found.kind == "v") return "view";
  if (found.kind == "m") return "materialized view";
  if (found.kind == "f") return "foreign table";
  if (found.kind == "S") return "sequence";
  return found.kind == "i" || found.kind == "I" ? "index" : "relation";
}

std::string wanted_kind(const Statement& statement) {
  if (statement.node == "CreateSeqStmt") return "sequence";
  if (statement.node == "CreateForeignTableStmt") return "foreign table";
  const bool view = statement.node == "CreateTableAsStmt" && statement.object_type == "OBJECT_MATVIEW";
  return view ? "materialized view" : "table";
}

/// CREATE … IF NOT EXISTS of a table, sequence or materialized view.
std::optional<ExistingObjectAnswer> existing_relation(postgres::Session& session,
                                                      const EarlierChanges& earlier,
                                                      const migrations::MigrationFile& file,
                                                      const Statement& statement) {
  const std::vector<migrations::TableReference> made = migrations::created_relations(statement);
  if (!statement.if_exists || made.size() != 1 || statement.node == "SelectStmt") return std::nullopt;
  if (earlier.takes_away(made.front()) || is_temporary(statement)) return std::nullopt;
  const auto oid = postgres::find_relation(session, made.front().schema.value_or(default_schema(session)),
                                           made.front().name);
  if (!oid) return std::nullopt;
  const postgres::Table found = postgres::load_table(session, *oid).value();
  const std::string kind = wanted_kind(statement);
  const std::string object = fmt::format("the {} {}", kind_of(found), found.name.display());
  if (kind_of(found) != kind)
    return ExistingObjectAnswer{"", another_definition(file, statement, object, "a " + kind, object)};
  if (statement.node == "CreateTableAsStmt")
    return compared(file, statement, object, query_definitions(session, statement, found));
  if (statement.node == "CreateSeqStmt")
    return compared(file, statement, object, sequence_definitions(session, statement, found.name));
  return compared(file, statement, object, table_definitions(session, statement, found));
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
  if (!found->valid) return std::nullopt;  // a failed build's left-over, which the plan replaces
  return compared(file, whole, "the index " + whole.index, index_definitions(session, whole, table, *found));
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
  if (table.column(command.name) == nullptr || earlier.drops_column(*statement.target, command.name))
    return std::nullopt;
  return compared(file, single, fmt::format("the column {} of {}", command.name, table.name.display()),
                  column_definitions(session, single, table));
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
  if (auto answer = existing_relation(session, earlier, file, statement.whole)) return answer;
  if (auto answer = existing_index(session, earlier, file, statement)) return answer;
  if (auto answer = existing_column(session, earlier, file, statement)) return answer;
  if (auto definitions = existing_outside_tables(session, earlier, statement.whole))
    return compared(file, statement.whole, definitions->object, definitions->definitions);
  return std::nullopt;
}

}  // namespace crossfade::orchestrator
