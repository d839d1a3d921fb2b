// What the server itself said of a migration, tried on an empty table of the same shape in a transaction that
// was rolled back: the shape after every statement, whether the statement rewrote the table, and what its
// expressions call. The orchestrator fills it in; the planners decide by it. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postgres/catalog.h"

namespace crossfade::strategies {

struct ExpressionFacts {
  std::string expression;
  std::string type;        ///< as format_type prints it
  std::string volatility;  ///< i, s, v; t: unstable by the clock alone
  bool reads_columns = false;
  bool has_subquery = false;
  /// The value as an SQL literal with its type, where the expression reads no column and is stable: evaluated
  /// once.
  std::optional<std::string> value;
};

struct UsingExpression {
  int column_number = 0;
  ExpressionFacts facts;
};

struct BackfillExpression {
  std::string column;
  ExpressionFacts facts;
};

struct StatementOutcome {
  bool rewrote = false;
  bool scanned = false;      ///< the table was read
  bool built_index = false;  ///< an index was built, or built anew
  postgres::Table after;
  std::vector<UsingExpression> usings;
  /// Columns that this statement added and whose default is stable: the value as a literal, evaluated once.
  std::vector<std::pair<int, std::string>> default_values;
};

struct ShapeRehearsal {
  postgres::Table source;
  postgres::Table initial;  ///< the empty copy before the first statement
  std::vector<StatementOutcome> statements;
  std::vector<BackfillExpression> backfills;
  bool session_in_utc = false;
  std::vector<postgres::Table> source_partitions;  ///< below a partitioned source, parents first
  std::vector<postgres::Table> target_partitions;  ///< below the copy, behind the last statement
  /// What made a partitioned table of a plain copy, behind the last statement; empty where nothing did.
  std::vector<std::string> partitioning;
  std::optional<postgres::Table> partitioned;  ///< the copy then

  const postgres::Table& target() const {
    if (partitioned) return *partitioned;
    return statements.empty() ? initial : statements.back().after;
  }
};

}  // namespace crossfade::strategies
