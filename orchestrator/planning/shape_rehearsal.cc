#include "orchestrator/planning/shape_rehearsal.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "migrations/repoint.h"
#include "postgres/error.h"
#include "postgres/problem.h"
#include "strategies/shadow_shape.h"
#include "strategies/shadow_table.h"

namespace crossfade::orchestrator {

namespace {

using postgres::QualifiedName;
using postgres::quote_identifier;
using strategies::ExpressionFacts;

// What an expression calls is read off the stored tree of a view over it: functions, operators by their
// functions, and casts by way of text by the type's input function.
constexpr std::string_view kExpressionFacts = R"sql(
WITH tree AS (
  SELECT r.ev_action::text AS text, pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
    FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_attribute a ON a.attrelid = r.ev_class AND a.attnum = 1
   WHERE r.ev_class = $1::pg_catalog.regclass),
called AS (
  SELECT p.oid, p.provolatile FROM tree, pg_catalog.pg_proc p
   WHERE p.oid IN (SELECT (pg_catalog.regexp_matches(tree.text, ':(?:funcid|opfuncid) ([0-9]+)', 'g'))[1]::pg_catalog.oid
                   UNION ALL
                   SELECT t.typinput FROM pg_catalog.pg_type t WHERE t.oid IN (
                     SELECT (pg_catalog.regexp_matches(tree.text, 'COERCEVIAIO.*?:resulttype ([0-9]+)', 'g'))[1]::pg_catalog.oid)))
SELECT tree.type,
       CASE WHEN tree.text ~ 'NEXTVALUEEXPR' OR EXISTS (SELECT 1 FROM called WHERE provolatile = 'v') THEN 'v'
            WHEN tree.text ~ 'SQLVALUEFUNCTION' OR EXISTS (SELECT 1 FROM called WHERE oid IN (
                   'pg_catalog.now'::pg_catalog.regproc, 'pg_catalog.transaction_timestamp'::pg_catalog.regproc,
                   'pg_catalog.statement_timestamp'::pg_catalog.regproc)) THEN 't'
            WHEN EXISTS (SELECT 1 FROM called WHERE provolatile = 's') THEN 's' ELSE 'i' END AS volatility,
       tree.text ~ '\{VAR ' AS reads_columns, tree.text ~ '\{SUBLINK ' AS has_subquery
  FROM tree
)sql";

// A scan of the empty copy in this transaction is counted as one of a full table would be.
constexpr std::string_view kFileState = R"sql(
SELECT true AS is_table, COALESCE(pg_catalog.pg_relation_filenode($1::pg_catalog.oid)::bigint, 0) AS filenode,
       pg_catalog.pg_stat_get_xact_numscans($1::pg_catalog.oid) AS scans
UNION ALL
SELECT false, COALESCE(pg_catalog.pg_relation_filenode(indexrelid)::bigint, indexrelid::bigint), 0
  FROM pg_catalog.pg_index WHERE indrelid = $1::pg_catalog.oid
)sql";

class Rehearsal {
 public:
  Rehearsal(postgres::Session& session, const postgres::Table& source, std::int64_t run,
            const migrations::MigrationFile& file)
      : session_(session),
        source_(source),
        file_(file),
        shadow_{strategies::run_schema_name(run), source.name.name},
        probe_{shadow_.schema, "crossfade_probe"} {}

  strategies::ShapeRehearsal run(const RehearsalRequest& request) {
    const std::vector<migrations::Statement>& earlier = request.earlier;
    const std::vector<migrations::Statement>& statements = request.statements;
    strategies::ShapeRehearsal result{.source = source_};
    postgres::Transaction transaction(session_, "rehearsal");
    // A rewrite of an empty table costs nothing, but it must not wait for anybody either.
    session_.run(
        {"rehearsal.timeouts", "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '60s'"});
    prepare(request);
    for (const std::string& index : request.dropped_indexes)
      session_.run(
          {"rehearsal.drop_index", "DROP INDEX IF EXISTS " + QualifiedName{shadow_.schema, index}.quoted()});
    for (const migrations::Statement& statement : earlier) {
      execute(statement, migrations::location(statement, file_.path));
    }
    result.initial = load();
    // Planned before them, the source has their columns by the time that this is carried out.
    if (!earlier.empty()) result.source = as_live(result.initial, source_);
    for (const migrations::ColumnExpression& backfill : file_.backfills) {
      result.backfills.push_back(
          {backfill.column, facts_of(backfill.expression, fmt::format("{}:{}", file_.path, backfill.line))});
    }
    const postgres::Table* before = &result.initial;
    for (const migrations::Statement& statement : statements) {
      result.statements.push_back(try_statement(*before, statement));
      before = &result.statements.back().after;
    }
    if (request.partition) partition(request, result);
    if (request.partitions != nullptr) {
      result.source_partitions = *request.partitions;
      result.target_partitions = postgres::load_partitions(session_, oid_);
    }
    result.session_in_utc =
        session_.run({"rehearsal.time_zone", "SELECT pg_catalog.current_setting('TimeZone') AS zone"})
            .only()
            .text("zone") == "UTC";
    transaction.rollback();
    return result;
  }

 private:
  void prepare(const RehearsalRequest& request) {
    try {
      session_.run({"rehearsal.schema", "CREATE SCHEMA " + quote_identifier(shadow_.schema)});
      const bool whole = request.partitions != nullptr && source_.kind == "p";
      for (const std::string& statement :
           whole ? strategies::partitioned_shape_statements(source_, *request.partitions, shadow_)
                 : strategies::shape_statements(source_, shadow_)) {
        session_.run({"rehearsal.shape", statement});
      }
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      throw Failure(ExitCode::refused,
                    {.code = error.sqlstate() == "42501" ? "missing-privilege" : "shape-not-reproducible",
                     .object = source_.name.display(),
                     .message = "a table of the same shape cannot be created: " + error.report().message,
                     .expected = "ownership of the table, and CREATE on the database",
                     .found = "SQLSTATE " + error.sqlstate(),
                     .next = "Grant what is missing, or run crossfade as the table's owner."});
    }
  }

  /// Another table has the copy's name then; columns keep the numbers by which the mapping follows them.
  void partition(const RehearsalRequest& request, strategies::ShapeRehearsal& result) {
    const postgres::Table plain = result.target();
    result.partitioning = request.partition(plain);
    try {
      for (const std::string& statement : result.partitioning)
        session_.run({"rehearsal.partition", statement});
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      refuse(source_.name.display(), "it cannot be partitioned so", error);
    }
    oid_ = 0;
    result.partitioned = load();
    for (postgres::Column& column : result.partitioned->columns)
      column.number = plain.column(column.name)->number;
  }

  postgres::Table load() {
    if (oid_ == 0) oid_ = postgres::find_relation(session_, shadow_.schema, shadow_.name).value();
    return postgres::load_table(session_, oid_).value();
  }

  struct FileState {
    std::int64_t table = 0;  ///< its file node
    std::int64_t scans = 0;
    std::set<std::string> indexes;  ///< name and file node of each

    bool has_index_of(const FileState& later) const {
      return std::includes(indexes.begin(), indexes.end(), later.indexes.begin(), later.indexes.end());
    }
  };

  FileState file_state() {
    FileState state;
    const postgres::Rows rows =
        session_.run({"rehearsal.file_state", std::string(kFileState)}, {std::to_string(oid_)});
    for (const postgres::Row row : rows) {
      if (row.boolean("is_table")) {
        state.table = row.integer("filenode");
        state.scans = row.integer("scans");
      } else {
        state.indexes.insert(row.text("filenode"));
      }
    }
    return state;
  }

  /// Of an earlier statement; the copy may lack what it did not get.
  void drop_indexes(const migrations::Statement& statement) {
    for (const migrations::TableReference& index : statement.objects)
      session_.run({"rehearsal.drop_index",
                    "DROP INDEX IF EXISTS " + QualifiedName{shadow_.schema, index.name}.quoted()});
  }

  void execute(const migrations::Statement& statement, const std::string& where) {
    try {
      if (statement.node == "DropStmt") return drop_indexes(statement);
      session_.run({"rehearsal.statement", migrations::with_relation(statement, shadow_)});
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      refuse(where, "the statement fails", error);
    }
  }

  [[noreturn]] void refuse(const std::string& where, const std::string& what,
                           const postgres::DatabaseError& error) {
    throw Failure(
        ExitCode::refused,
        {.code = "statement-fails",
         .object = where,
         .message = what + ": " + error.report().message,
         .expected = "what PostgreSQL accepts on a table of this shape",
         .found = error.report().detail.empty() ? "SQLSTATE " + error.sqlstate() : error.report().detail,
         .next = error.report().hint.empty() ? "Correct the migration file." : error.report().hint});
  }

  ExpressionFacts facts_of(const std::string& expression, const std::string& where) {
    try {
      session_.run({"rehearsal.savepoint", "SAVEPOINT crossfade_probe"});
      session_.run({"rehearsal.probe",
                    fmt::format("CREATE VIEW {} AS SELECT ({}) AS value FROM {} AS {}", probe_.quoted(),
                                expression, shadow_.quoted(), quote_identifier(source_.name.name))});
      const postgres::Rows rows =
          session_.run({"rehearsal.facts", std::string(kExpressionFacts)}, {probe_.quoted()});
      const postgres::Row row = rows.only();
      ExpressionFacts facts{.expression = expression,
                            .type = row.text("type"),
                            .volatility = row.text("volatility"),
                            .reads_columns = row.boolean("reads_columns"),
                            .has_subquery = row.boolean("has_subquery")};
      session_.run({"rehearsal.drop_probe", "DROP VIEW " + probe_.quoted()});
      // As rows are copied: out of a sub-select, which has no ctid, xmin or tableoid.
      session_.run({"rehearsal.probe_copied",
                    fmt::format("SELECT ({}) FROM (SELECT * FROM {}) AS {} LIMIT 0", expression,
                                shadow_.quoted(), quote_identifier(source_.name.name))});
      if (!facts.reads_columns && !facts.has_subquery && facts.volatility != "v")
        facts.value = value_of(expression, facts.type);
      return facts;
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      refuse(where, "the expression cannot be evaluated", error);
    }
  }

  /// Evaluated once and kept: now() is the same instant for every row, as in a plain ALTER TABLE (rule 8).
  std::string value_of(const std::string& expression, const std::string& type) {
    const postgres::Rows rows =
        session_.run({"rehearsal.value",
                      fmt::format("SELECT CAST(({}) AS {})::pg_catalog.text AS value", expression, type)});
    const postgres::Value& value = rows.only().value("value");
    return fmt::format("CAST({} AS {})", value ? postgres::quote_literal(*value) : "NULL", type);
  }

  strategies::StatementOutcome try_statement(const postgres::Table& before,
                                             const migrations::Statement& statement) {
    const std::string where = migrations::location(statement, file_.path);
    strategies::StatementOutcome outcome;
    for (const migrations::AlterCommand& command : statement.commands) {
      if (command.subtype != "AT_AlterColumnType" || !command.using_expression) continue;
      const postgres::Column* column = before.column(command.name);
      if (column != nullptr)
        outcome.usings.push_back({column->number, facts_of(*command.using_expression, where)});
    }
    const FileState state_before = file_state();
    execute(statement, where);
    const FileState state_after = file_state();
    outcome.rewrote = state_after.table != state_before.table;
    outcome.scanned = state_after.scans != state_before.scans;
    outcome.built_index = !state_before.has_index_of(state_after);
    outcome.after = load();
    for (const postgres::Column& column : outcome.after.columns) {
      if (before.column_number(column.number) != nullptr || !column.default_expression ||
          !column.generated.empty())
        continue;
      if (column.default_volatility == "v") continue;
      outcome.default_values.emplace_back(column.number, value_of(*column.default_expression, column.type));
    }
    return outcome;
  }

  postgres::Session& session_;
  const postgres::Table& source_;
  const migrations::MigrationFile& file_;
  QualifiedName shadow_;
  QualifiedName probe_;
  std::uint32_t oid_ = 0;
};

}  // namespace

postgres::Table as_live(const postgres::Table& copy, const postgres::Table& source) {
  postgres::Table out = copy;
  out.oid = source.oid;
  out.name = source.name;
  out.kind = source.kind;
  out.estimated_rows = source.estimated_rows;
  out.pages = source.pages;
  out.heap_bytes = source.heap_bytes;
  out.index_bytes = source.index_bytes;
  for (const postgres::Constraint& constraint : source.constraints) {
    if (constraint.type == "f") out.constraints.push_back(constraint);
  }
  return out;
}

strategies::ShapeRehearsal rehearse(postgres::Session& session, const RehearsalRequest& request) {
  return Rehearsal(session, *request.source, request.run, *request.file).run(request);
}

}  // namespace crossfade::orchestrator
