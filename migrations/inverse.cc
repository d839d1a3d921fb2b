#include "migrations/inverse.h"

#include <fmt/format.h>

#include "migrations/created_relations.h"
#include "postgres/quoting.h"

namespace crossfade::migrations {

namespace {

using postgres::quote_identifier;

Inverse alter(const TableReference& table, const std::string& action, bool lossless = true) {
  return {fmt::format("ALTER TABLE {} {}", table.quoted(), action), lossless};
}

std::optional<Inverse> of_command(const TableReference& table, const AlterCommand& command) {
  const std::string column = quote_identifier(command.name);
  if (command.subtype == "AT_AddColumn" && !command.if_exists)
    return alter(table, "DROP COLUMN " + column, false);
  if (command.subtype == "AT_SetNotNull")
    return alter(table, fmt::format("ALTER COLUMN {} DROP NOT NULL", column));
  if (command.subtype == "AT_DropNotNull")
    return alter(table, fmt::format("ALTER COLUMN {} SET NOT NULL", column));
  if (command.subtype == "AT_AddConstraint" && !command.constraints.empty() &&
      !command.constraints.front().name.empty())
    return alter(table, "DROP CONSTRAINT " + quote_identifier(command.constraints.front().name));
  if (command.subtype == "AT_EnableRowSecurity") return alter(table, "DISABLE ROW LEVEL SECURITY");
  if (command.subtype == "AT_DisableRowSecurity") return alter(table, "ENABLE ROW LEVEL SECURITY");
  if (command.subtype == "AT_EnableTrig") return alter(table, "DISABLE TRIGGER " + column);
  if (command.subtype == "AT_DisableTrig") return alter(table, "ENABLE TRIGGER " + column);
  return std::nullopt;
}

std::optional<Inverse> of_rename(const Statement& statement) {
  const TableReference& table = *statement.table;
  if (statement.object_type == "OBJECT_COLUMN")
    return alter(table, fmt::format("RENAME COLUMN {} TO {}", quote_identifier(statement.new_name),
                                    quote_identifier(statement.old_name)));
  if (statement.object_type == "OBJECT_TABCONSTRAINT")
    return alter(table, fmt::format("RENAME CONSTRAINT {} TO {}", quote_identifier(statement.new_name),
                                    quote_identifier(statement.old_name)));
  TableReference renamed{table.schema, statement.new_name};
  const std::string back = " RENAME TO " + quote_identifier(table.name);
  if (statement.object_type == "OBJECT_TABLE") return Inverse{"ALTER TABLE " + renamed.quoted() + back};
  if (statement.object_type == "OBJECT_INDEX") return Inverse{"ALTER INDEX " + renamed.quoted() + back};
  if (statement.object_type == "OBJECT_VIEW") return Inverse{"ALTER VIEW " + renamed.quoted() + back};
  return std::nullopt;
}

}  // namespace

std::optional<Inverse> inverse_of(const Statement& statement) {
  if (statement.kind == StatementKind::alter_table && statement.table && statement.commands.size() == 1)
    return of_command(*statement.table, statement.commands.front());
  if (statement.node == "RenameStmt" && statement.table) return of_rename(statement);
  if (statement.node == "IndexStmt" && !statement.index.empty() && statement.table && !statement.if_exists)
    return Inverse{"DROP INDEX " + TableReference{statement.table->schema, statement.index}.quoted()};
  const std::vector<TableReference> created = created_relations(statement);
  if (created.size() != 1 || statement.if_exists) return std::nullopt;
  const std::string name = created.front().quoted();
  if (statement.node == "CreateStmt") return Inverse{"DROP TABLE " + name, false};
  if (statement.node == "CreateSeqStmt") return Inverse{"DROP SEQUENCE " + name};
  if (statement.node == "ViewStmt" && statement.tree.find("\"replace\":true") == std::string::npos)
    return Inverse{"DROP VIEW " + name};
  if (statement.node == "CreateTableAsStmt" && statement.object_type == "OBJECT_MATVIEW")
    return Inverse{"DROP MATERIALIZED VIEW " + name};
  return std::nullopt;
}

}  // namespace crossfade::migrations
