// SQL as statements: what each does, to which relation, and where in the file it stands, so that the planner
// can choose a strategy and a message can point at the line. Values that own their text; parsing is
// thread-safe. Whatever these fields do not answer is in `tree`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/names.h"

namespace crossfade::migrations {

/// A constraint, inline in a column's definition or in ADD CONSTRAINT.
struct ConstraintClause {
  std::string
      kind;  ///< libpg_query's: CONSTR_NOTNULL, CONSTR_DEFAULT, CONSTR_CHECK, CONSTR_FOREIGN, CONSTR_UNIQUE …
  std::string name;  ///< empty where PostgreSQL chooses it
  std::string text;  ///< as written, with CONSTRAINT name, without NOT VALID being taken off
  bool not_valid = false;
  bool deferrable = false;
  std::vector<std::string> columns;             ///< of keys and foreign keys in table form; empty when inline
  std::optional<TableReference> references;     ///< of foreign keys
  std::vector<std::string> referenced_columns;  ///< may be empty: then the referenced table's primary key
  std::string index;                            ///< USING INDEX index
};

/// One command of an ALTER TABLE.
struct AlterCommand {
  std::string subtype;  ///< libpg_query's: "AT_AlterColumnType"
  std::string name;     ///< column or constraint; empty where the command names none
  std::string text;     ///< the command alone as written, e.g. ALTER COLUMN id TYPE bigint
  std::string type;     ///< as written, without COLLATE; for ADD COLUMN and ALTER COLUMN TYPE, else empty
  std::optional<std::string> using_expression;    ///< as written
  std::optional<std::string> default_expression;  ///< as written; of ADD COLUMN and SET DEFAULT
  bool has_collation = false;                     ///< COLLATE is given
  bool if_exists = false;                         ///< IF EXISTS, or IF NOT EXISTS of ADD COLUMN
  bool cascade = false;
  std::vector<ConstraintClause> constraints;  ///< all of ADD COLUMN's, one of ADD CONSTRAINT

  /// Whether there is a constraint of this kind, e.g. "CONSTR_NOTNULL".
  bool has_constraint(std::string_view kind) const;
  /// A default that is more than a literal: it may be volatile, which only the catalog knows.
  bool has_expression_default = false;
};

enum class StatementKind { alter_table, rename_column, rename_constraint, create_index, comment, other };

struct Statement {
  std::string text;  ///< without the semicolon and without comments around it
  int line = 1;      ///< in the file, from 1
  int column = 1;    ///< in the file, from 1, in characters
  StatementKind kind = StatementKind::other;
  std::string node;  ///< libpg_query's: "AlterTableStmt"
  std::string
      object_type;  ///< libpg_query's, where the node has one: "OBJECT_INDEX" of ALTER INDEX or DROP INDEX
  /// The relation that the statement is about, where there is exactly one; an index or view where object_type
  /// says so.
  std::optional<TableReference> table;
  /// Where in `text` that name stands, with its schema, without ONLY and *; equal where there is none.
  std::size_t table_begin = 0;
  std::size_t table_end = 0;
  bool concurrent = false;             ///< CONCURRENTLY is given
  bool unique = false;                 ///< CREATE UNIQUE INDEX
  bool if_exists = false;              ///< IF EXISTS or IF NOT EXISTS is given
  std::string index;                   ///< CREATE INDEX index; empty where PostgreSQL chooses the name
  std::vector<AlterCommand> commands;  ///< of ALTER TABLE, in order
  std::string old_name;                ///< of RENAME: the column, constraint or relation
  std::string new_name;
  std::vector<TableReference> objects;  ///< of DROP TABLE, INDEX, VIEW …, of TRUNCATE and of LOCK
  bool refers_to_other_relations = false;
  std::string
      tree;  ///< the parse tree below `node` as JSON; its locations count from the start of the parsed SQL
};

/// The statements of `sql` in order; empty where there are only blanks and comments. `first_line` is the line
/// of `file` that `sql` begins on. Throws Failure(usage) that points into the file: "syntax-error",
/// "newer-syntax", "identifier-too-long", "not-text", "too-complex".
std::vector<Statement> parse_statements(std::string_view sql, std::string_view file, int first_line);

/// "file:line:column" of the statement.
std::string location(const Statement& statement, std::string_view file);

}  // namespace crossfade::migrations
