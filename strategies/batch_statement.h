// What the text of an UPDATE or DELETE says about being done in batches: which names it uses, which columns
// it sets, and what in it would mean something else batch by batch. And the one change that is made to the
// text: a further condition in its WHERE. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "migrations/statement.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::strategies {

struct NamedFunction {
  std::string schema;  ///< empty: looked up in the search_path
  std::string name;
  bool outermost = false;  ///< in the statement itself, in no sub-select
  friend bool operator==(const NamedFunction&, const NamedFunction&) = default;
};

struct BatchStatement {
  bool deletes = false;
  std::string alias;     ///< by which the statement's own expressions know the table; unquoted
  bool aliased = false;  ///< the text gives it, with or without AS
  bool only = false;     ///< ONLY is given
  std::vector<std::string> set_columns;               ///< of UPDATE
  std::vector<migrations::TableReference> relations;  ///< beside the target and the WITH queries
  std::vector<NamedFunction> functions;
  bool sets_default = false;       ///< SET column = DEFAULT
  bool qualifies_columns = false;  ///< by schema and table
  bool whole_row = false;          ///< the table's row as one value, or all of its columns as *
  bool uses_clock = false;         ///< CURRENT_TIMESTAMP, now() …
  std::vector<Problem> refusals;
};

/// `statement` is an UpdateStmt or DeleteStmt; throws std::logic_error for others. `table` is its target.
BatchStatement read_batch_statement(const migrations::Statement& statement,
                                    const postgres::QualifiedName& table);

/// The statement's text about `table` with ` AND (condition)` in its WHERE, the WHERE as written in brackets.
/// Throws std::logic_error where the result would not parse into exactly that.
std::string with_condition(const migrations::Statement& statement, const postgres::QualifiedName& table,
                           std::string_view condition);

}  // namespace crossfade::strategies
