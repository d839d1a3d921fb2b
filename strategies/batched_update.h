// Table-wide UPDATE and DELETE as keyset batches (hazard 67): the operator's own statement, restricted to one
// range of keys after the other, a commit each. Decides whether a statement keeps its meaning that way, and
// writes the queries. Pure functions, thread-safe; orchestrator/batched_update.h executes the plan.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "strategies/batch_statement.h"

namespace crossfade::strategies {

struct BatchKeyColumn {
  std::string name;
  std::string type;             ///< bare, qualified
  std::string collation;        ///< quoted; empty where the type has none
  std::string operator_schema;  ///< of the comparisons that the key's index has; unquoted
};
BOOST_DESCRIBE_STRUCT(BatchKeyColumn, (), (name, type, collation, operator_schema))

/// Parameters of the queries, all as text: the range's upper key, one for each key column; in the `next_`
/// forms then its lower key, which is not in the range; of the bounds then the number of rows. Keys come back
/// as text_1, text_2, ….
struct BatchedUpdatePlan {
  postgres::QualifiedName table;
  std::uint32_t table_oid = 0;
  bool deletes = false;
  bool partition = false;  ///< it may be dropped meanwhile, and its rows with it
  std::string statement;   ///< as written
  std::string index;       ///< whose order the batches follow
  std::vector<BatchKeyColumn> key;
  std::int64_t estimated_rows = 0;
  std::string end_key;  ///< the largest key; no row where the table is empty
  std::string
      first_bound;         ///< the largest of the first N keys of the range, and `passed`: how many there are
  std::string next_bound;  ///< no row where the range is empty
  std::string first_change;  ///< the statement, restricted to the range
  std::string next_change;
};
BOOST_DESCRIBE_STRUCT(BatchedUpdatePlan, (),
                      (table, table_oid, deletes, partition, statement, index, key, estimated_rows, end_key,
                       first_bound, next_bound, first_change, next_change))

struct RelationFact {
  migrations::TableReference name;  ///< as in BatchStatement::relations
  bool reads_table = false;         ///< it is a view over the table, an ancestor of it, or the table itself
};

struct FunctionFact {
  NamedFunction name;  ///< as in BatchStatement::functions
  bool aggregate = false;
  bool window = false;
  bool set_returning = false;
  bool may_read_tables = false;  ///< an application's own, and not declared IMMUTABLE
};

/// A foreign key that refers to the table.
struct ReferenceFact {
  std::string name;
  std::string table;  ///< that it is on, for people
  bool same_table = false;
  std::vector<std::string> referenced_columns;
  std::string delete_action;  ///< pg_constraint.confdeltype: a, r, c, n, d
};

/// What the catalog says beyond postgres::Table; orchestrator/batch_facts.h reads it.
struct BatchFacts {
  std::vector<RelationFact> relations;
  std::vector<FunctionFact> functions;
  std::vector<ReferenceFact> references;
  std::vector<std::string> row_triggers;        ///< enabled, for this kind of statement
  std::vector<std::string> statement_triggers;  ///< likewise
  bool has_children = false;                    ///< other tables inherit from it
  bool has_rules = false;
  bool hides_rows = false;  ///< row-level security applies to the role
  bool may_change = true;   ///< the role may read and change rows of it
};

struct BatchedUpdateChoice {
  std::optional<BatchedUpdatePlan> plan;  ///< null: refused
  std::vector<Problem> refusals;
  std::vector<Problem> announcements;  ///< what is otherwise than with the plain statement
};

/// `statement` is an UpdateStmt or DeleteStmt about `table`.
BatchedUpdateChoice plan_batched_update(const migrations::Statement& statement, const postgres::Table& table,
                                        const BatchFacts& facts);

/// UPDATE table SET column = expression WHERE column IS NULL; for a column that is to become NOT NULL. The
/// column need not exist yet.
migrations::Statement fill_statement(const postgres::QualifiedName& table, const std::string& column,
                                     std::string_view expression_sql);

}  // namespace crossfade::strategies
