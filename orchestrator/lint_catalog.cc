#include "orchestrator/lint_catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "migrations/lint_columns.h"
#include "migrations/repoint.h"
#include "orchestrator/revision_records.h"
#include "orchestrator/role_settings.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Statement;
using migrations::StatementKind;
using migrations::TableReference;

constexpr std::string_view kColumnUses = R"sql(
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint
                WHERE contype = 'f' AND ((conrelid = a.attrelid AND a.attnum = ANY (conkey))
                                      OR (confrelid = a.attrelid AND a.attnum = ANY (confkey)))) AS in_foreign_key,
       EXISTS (SELECT 1 FROM pg_catalog.pg_depend
                WHERE classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND refobjid = a.attrelid
                  AND refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND refobjsubid = a.attnum) AS in_view
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = $1::pg_catalog.oid AND a.attname = $2 AND a.attnum > 0
)sql";

/// The server's objections that hold whatever other pending files do: no such column, one too many, types
/// that do not go together.
constexpr std::array<std::string_view, 6> kOwnMistakes = {"42703", "42701", "42710",
                                                          "42804", "42846", "42P16"};

std::string size_text(const postgres::Table& table) {
  const std::int64_t bytes = table.heap_bytes + table.index_bytes;
  const std::string size =
      bytes >= 1 << 20 ? fmt::format("{} MB", bytes >> 20) : fmt::format("{} kB", bytes >> 10);
  // A table that was never analysed has no estimate.
  return table.estimated_rows > 0 ? fmt::format("about {} rows, {}", table.estimated_rows, size) : size;
}

/// The catalog's name of a type as the parser has it, so that both can be compared.
std::string parsed_type(const std::string& type) {
  const auto statements = migrations::parse_statements("ALTER TABLE t ADD c " + type, "catalog", 1);
  const auto columns = migrations::new_columns(statements.at(0));
  return columns.at(0).type.display();
}

bool can_be_tried(const Statement& statement) {
  if (!statement.table || migrations::names_other_relations(statement)) return false;
  switch (statement.kind) {
    case StatementKind::alter_table:
    case StatementKind::rename_column:
    case StatementKind::rename_constraint:
      return true;
    case StatementKind::create_index:
      return !statement.concurrent;
    case StatementKind::comment:
    case StatementKind::other:
      return false;
  }
  return false;
}

bool changes_shape(const Statement& statement) {
  return statement.kind == StatementKind::alter_table || statement.kind == StatementKind::rename_column ||
         statement.kind == StatementKind::rename_constraint ||
         statement.kind == StatementKind::create_index || statement.node == "DropStmt";
}

}  // namespace

LintCatalog::LintCatalog(const postgres::SessionFactory& factory)
    : session_(open_as_role(factory, "crossfade/lint")) {
  for (const std::string& applied : names_of(RevisionRecords(*session_).all())) applied_.insert(applied);
  transaction_.emplace(*session_, "lint");
  session_->run({"lint.timeouts", "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'"});
}

LintCatalog::LiveTable* LintCatalog::live_table(const TableReference& name) {
  const auto oid = postgres::find_relation(*session_, name.schema.value_or(""), name.name);
  if (!oid) return nullptr;
  if (const auto found = tables_.find(*oid); found != tables_.end()) return &found->second;
  std::optional<postgres::Table> table = postgres::load_table(*session_, *oid);
  if (!table) return nullptr;
  LiveTable live{.table = std::move(*table), .copy = nullptr};
  if (live.table.kind == "r") {
    session_->run({"lint.savepoint", "SAVEPOINT crossfade_copy"});
    try {
      live.copy = std::make_unique<EmptyCopy>(*session_, live.table, fmt::format("crossfade_lint_{}", *oid));
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      // Without the right to make one the text has to do.
      session_->run({"lint.undo_copy", "ROLLBACK TO SAVEPOINT crossfade_copy"});
    }
  }
  return &tables_.emplace(*oid, std::move(live)).first->second;
}

void LintCatalog::describe(const std::vector<Statement>& statements, migrations::DirectoryShape& shape) {
  std::set<std::string> seen;
  const auto add = [&](const TableReference& name) {
    if (!seen.insert(migrations::table_key(name)).second) return;
    const auto oid = postgres::find_relation(*session_, name.schema.value_or(""), name.name);
    const auto table = oid ? postgres::load_table(*session_, *oid) : std::nullopt;
    if (!table || (table->kind != "r" && table->kind != "p")) return;
    migrations::TableShape known;
    for (const postgres::Column& column : table->columns)
      known.columns[column.name] = parsed_type(column.type);
    for (const postgres::Index& index : table->indexes) {
      if (index.partial || !index.valid) continue;
      const auto expression = std::find(index.key_columns.begin(), index.key_columns.end(), "");
      known.indexes.emplace_back(index.key_columns.begin(), expression);
      if (index.primary) known.primary_key = index.key_columns;
    }
    shape.add(name, known);
  };
  for (const Statement& statement : statements) {
    for (const migrations::NewForeignKey& key : migrations::new_foreign_keys(statement)) {
      add(key.references);
      if (statement.table) add(*statement.table);
    }
  }
}

void LintCatalog::follow_names(const Statement& statement) {
  if (const auto created = migrations::created_table(statement))
    made_.insert(migrations::table_key(*created));
  if (statement.node == "ViewStmt" && statement.table) made_.insert(migrations::table_key(*statement.table));
  if (statement.node == "RenameStmt" && statement.kind == StatementKind::other && statement.table) {
    TableReference renamed = *statement.table;
    renamed.name = statement.new_name;
    made_.insert(migrations::table_key(renamed));
  }
  if (statement.node == "IndexStmt" && statement.table && !statement.index.empty()) {
    TableReference index = *statement.table;
    index.name = statement.index;
    made_.insert(migrations::table_key(index));
  }
}

std::optional<Problem> LintCatalog::missing(const Statement& statement) {
  const bool drops_tables = statement.node == "TruncateStmt" ||
                            (statement.node == "DropStmt" && statement.object_type == "OBJECT_TABLE");
  std::vector<TableReference> named = drops_tables ? statement.objects : std::vector<TableReference>{};
  const bool creates = migrations::created_table(statement).has_value() || statement.node == "ViewStmt";
  if (statement.table && !creates) named.push_back(*statement.table);
  for (const TableReference& name : named) {
    if (made_.contains(migrations::table_key(name)) || statement.if_exists) continue;
    if (postgres::find_relation(*session_, name.schema.value_or(""), name.name)) continue;
    return Problem{.code = "no-such-table",
                   .object = name.display(),
                   .message = "there is no such relation in this database",
                   .expected = "",
                   .found = "",
                   .next = ""};
  }
  return std::nullopt;
}

void LintCatalog::ask_about_column(const LiveTable& live, const Statement& statement,
                                   migrations::HazardFacts& facts) {
  for (const migrations::AlterCommand& command : statement.commands) {
    if (command.subtype != "AT_AlterColumnType") continue;
    const postgres::Rows rows = session_->run({"lint.column_uses", std::string(kColumnUses)},
                                              {std::to_string(live.table.oid), command.name});
    if (rows.empty()) continue;
    facts.column_in_foreign_key = rows.only().boolean("in_foreign_key");
    facts.column_in_view = rows.only().boolean("in_view");
  }
}

void LintCatalog::try_on_copy(LiveTable& live, const Statement& statement,
                              migrations::StatementFacts& facts) {
  if (!live.copy || !can_be_tried(statement)) {
    live.followed = live.followed && !changes_shape(statement);
    return;
  }
  const Trial trial = live.copy->run(statement);
  if (!trial.error) {
    facts.hazard.rewrites = trial.facts.rewrites;
    facts.hazard.scans = trial.facts.scans;
    facts.hazard.builds_index = trial.facts.builds_index;
    return;
  }
  const bool own_mistake =
      std::find(kOwnMistakes.begin(), kOwnMistakes.end(), trial.error->sqlstate) != kOwnMistakes.end();
  if (own_mistake && std::exchange(live.followed, false)) {
    facts.refusal = Problem{.code = "statement-fails",
                            .object = live.table.name.display(),
                            .message = trial.error->message,
                            .expected = "",
                            .found = "",
                            .next = ""};
  }
  live.followed = false;
}

migrations::StatementFacts LintCatalog::facts(const migrations::MigrationFile& file,
                                              const Statement& statement) {
  migrations::StatementFacts out;
  if (applied_.contains(file.revision)) return out;
  out.refusal = missing(statement);
  follow_names(statement);
  if (out.refusal) return out;
  std::optional<TableReference> name = statement.table;
  if (!name && statement.objects.size() == 1) name = statement.objects.front();
  if (!name) return out;
  LiveTable* live = live_table(*name);
  if (live == nullptr) return out;
  out.hazard.target_partitioned = live->table.kind == "p";
  out.size = size_text(live->table);
  ask_about_column(*live, statement, out.hazard);
  try_on_copy(*live, statement, out);
  return out;
}

}  // namespace crossfade::orchestrator
