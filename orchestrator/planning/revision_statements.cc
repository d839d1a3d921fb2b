#include "orchestrator/planning/revision_statements.h"

#include <algorithm>

#include "migrations/created_relations.h"
#include "migrations/fingerprint.h"
#include "migrations/repoint.h"
#include "migrations/split_commands.h"
#include "orchestrator/planning/catalog_facts.h"
#include "postgres/catalog.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;
using migrations::StatementKind;

bool creates_its_table(const Statement& statement) {
  return !migrations::created_relations(statement).empty();
}

bool changes_one_table(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::alter_table:
      return statement.object_type.empty() || statement.object_type == "OBJECT_TABLE";
    case StatementKind::rename_column:
    case StatementKind::rename_constraint:
    case StatementKind::comment:
      return statement.table.has_value();
    case StatementKind::create_index:
      return true;
    case StatementKind::other:
      return false;
  }
  return false;
}

/// What a statement is about: its own table, or the first of those that it drops, empties or rewrites.
std::optional<migrations::TableReference> subject(const Statement& statement) {
  if (statement.table) return statement.table;
  if (!statement.objects.empty()) return statement.objects.front();
  const auto vacuumed = migrations::vacuumed_tables(statement);
  if (vacuumed.size() == 1) return vacuumed.front();
  return std::nullopt;
}

/// An empty copy has the table's columns, indexes, keys and checks; not its triggers, rules, foreign keys and
/// partitions.
bool copy_has_its_object(const postgres::Table& table, const Statement& statement) {
  const auto names_foreign_key = [&](const std::string& name) {
    return std::any_of(table.constraints.begin(), table.constraints.end(),
                       [&](const postgres::Constraint& constraint) {
                         return constraint.name == name && constraint.type == "f";
                       });
  };
  if (statement.kind == StatementKind::rename_constraint) return !names_foreign_key(statement.old_name);
  if (statement.commands.size() != 1) return true;
  const std::string& subtype = statement.commands.front().subtype;
  for (const std::string_view part : {"Trig", "Rule", "Partition", "Inherit", "AlterConstraint"}) {
    if (subtype.find(part) != std::string::npos) return false;
  }
  if (subtype != "AT_DropConstraint" && subtype != "AT_ValidateConstraint") return true;
  return !names_foreign_key(statement.commands.front().name);
}

bool names_index(const Statement& statement) {
  return statement.object_type == "OBJECT_INDEX" || statement.object_type == "INDEX";
}

}  // namespace

std::vector<RevisionStatement> read_statements(const migrations::MigrationFile& file) {
  std::vector<RevisionStatement> out;
  int number = 0;
  for (Statement& whole : migrations::parse_statements(file.up_sql, file.path, file.up_first_line)) {
    RevisionStatement statement;
    for (Statement& command : migrations::split_commands(whole)) {
      statement.commands.push_back({++number, std::move(command)});
    }
    statement.fill = migrations::column_fill(whole);
    statement.whole = std::move(whole);
    out.push_back(std::move(statement));
  }
  return out;
}

std::optional<std::uint32_t> find_existing(postgres::Session& session, const EarlierChanges& earlier,
                                           const migrations::TableReference& name) {
  if (const auto renamed = earlier.renamed(name)) return renamed;
  if (earlier.takes_away(name)) return std::nullopt;
  return postgres::find_relation(session, name.schema.value_or(""), name.name);
}

namespace {

/// DROP and TRUNCATE of several relations: each of them counts.
void resolve_several(postgres::Session& session, const EarlierChanges& earlier,
                     RevisionStatement& statement) {
  const Statement& whole = statement.whole;
  bool some_new = false;
  for (const migrations::TableReference& name : whole.objects) {
    if (earlier.creates(name)) {
      some_new = true;
      continue;
    }
    auto found = names_index(whole) ? earlier.table_of_index(name) : std::nullopt;
    if (!found) {
      found = find_existing(session, earlier, name);
      if (found && names_index(whole)) found = orchestrator::table_of_index(session, *found);
    }
    if (!found && !whole.if_exists) {
      statement.missing = true;
      statement.missing_name = name.display();
    }
    if (found && !statement.target) statement.target = found;
  }
  if (statement.missing) return;
  statement.mixed = some_new && statement.target;
  statement.target_is_new = some_new && !statement.target;
  statement.missing = !some_new && !statement.target;
}

}  // namespace

void resolve(postgres::Session& session, const EarlierChanges& earlier, RevisionStatement& statement) {
  const Statement& whole = statement.whole;
  if (whole.objects.size() > 1 && (whole.node == "DropStmt" || whole.node == "TruncateStmt"))
    return resolve_several(session, earlier, statement);
  const auto name = subject(whole);
  if (!name || creates_its_table(whole)) return;
  if (earlier.creates(*name)) {
    statement.target_is_new = true;
    return;
  }
  if (names_index(whole)) {
    if (const auto table = earlier.table_of_index(*name)) {
      statement.target = table;
      return;
    }
  }
  statement.target = find_existing(session, earlier, *name);
  if (!statement.target) {
    statement.missing = true;
    return;
  }
  if (names_index(whole)) {
    const bool is_table = whole.node == "ReindexStmt" && whole.object_type == "TABLE";
    if (!is_table) statement.target = orchestrator::table_of_index(session, *statement.target);
    return;
  }
  if (!changes_one_table(whole) || whole.table_begin >= whole.table_end) return;
  const auto table = postgres::load_table(session, *statement.target);
  for (NumberedCommand& command : statement.commands) {
    command.can_be_tried = table && !migrations::names_other_relations(command.statement) &&
                           (table->kind == "r" || table->kind == "p") &&
                           copy_has_its_object(*table, command.statement);
    statement.can_be_tried = statement.can_be_tried || command.can_be_tried;
  }
}

Statement trial_form(const Statement& statement) {
  if (statement.node != "IndexStmt" || !statement.concurrent) return statement;
  return migrations::parse_statements(migrations::without_concurrently(statement), "", statement.line)
      .front();
}

bool adds_without_value(const Statement& statement, const std::string& column) {
  if (statement.commands.size() != 1) return false;
  const migrations::AlterCommand& command = statement.commands.front();
  return command.subtype == "AT_AddColumn" && command.name == column &&
         command.has_constraint("CONSTR_NOTNULL") && !command.default_expression;
}

strategies::NumberedStatement numbered(const NumberedCommand& command) {
  return {command.number, migrations::fingerprint(command.statement.text), command.statement.text};
}

bool compacts(const Statement& statement) {
  return migrations::is_vacuum_full(statement) || (statement.node == "ClusterStmt" && statement.table);
}

}  // namespace crossfade::orchestrator
