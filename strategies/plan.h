// What a run will do, as a plain value: `plan` prints it, tests compare it, the journal keeps it as JSON, and
// the orchestrator executes it. Strategies produce plans; nothing here touches a database.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "strategies/batched_update.h"

namespace crossfade::strategies {

struct LockUse {
  std::string relation;
  std::string mode;
};
BOOST_DESCRIBE_STRUCT(LockUse, (), (relation, mode))

/// One line of the printed plan.
struct Step {
  int number = 0;
  std::string phase;
  std::string name;
  std::string strategy;
  std::string table;
  std::vector<std::string> sql;
  std::vector<LockUse> locks;
  bool in_transaction = true;
  std::string hazard;  ///< the row of docs/hazards.md that asks for it; may be empty
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(Step, (),
                      (number, phase, name, strategy, table, sql, locks, in_transaction, hazard, reason))

struct Estimate {
  std::int64_t rows = 0;
  std::int64_t disk_bytes = 0;
  std::int64_t wal_bytes = 0;
  std::int64_t seconds = 0;

  Estimate& operator+=(const Estimate& other) {
    rows += other.rows;
    disk_bytes += other.disk_bytes;
    wal_bytes += other.wal_bytes;
    seconds += other.seconds;
    return *this;
  }
};
BOOST_DESCRIBE_STRUCT(Estimate, (), (rows, disk_bytes, wal_bytes, seconds))

/// A column of one layer of the transformation: an expression over the columns of the layer below.
struct MappedColumn {
  std::string name;
  std::string expression;
};
BOOST_DESCRIBE_STRUCT(MappedColumn, (), (name, expression))

struct Layer {
  std::vector<MappedColumn> columns;
};
BOOST_DESCRIBE_STRUCT(Layer, (), (columns))

/// One column of the key by which source, log and shadow know the same row.
struct KeyMapping {
  std::string source_name;
  std::string source_type;                            ///< bare, qualified; the log's column has it
  std::string source_collation;                       ///< quoted; empty where the type has none
  std::string source_operator_schema = "pg_catalog";  ///< of the equality that the key's index has; unquoted
  std::string shadow_name;
  std::string shadow_type;
  std::string shadow_collation;
  std::string shadow_operator_schema = "pg_catalog";
  bool order_preserved = true;
};
BOOST_DESCRIBE_STRUCT(KeyMapping, (),
                      (source_name, source_type, source_collation, source_operator_schema, shadow_name,
                       shadow_type, shadow_collation, shadow_operator_schema, order_preserved))

struct IndexBuild {
  std::string name;
  std::string sql;         ///< CREATE INDEX on the shadow
  std::string tablespace;  ///< empty: the database's default
  bool unique = false;
  bool replay_key = false;  ///< built first: replay finds its rows by it
  bool temporary = false;   ///< only for the run; dropped after the cutover
  std::string schema = {};  ///< of a temporary one: where it stands by then
};
BOOST_DESCRIBE_STRUCT(IndexBuild, (), (name, sql, tablespace, unique, replay_key, temporary, schema))

/// A sequence that a column of the source owns, and what becomes of it at the cutover.
struct SequenceMove {
  std::string
      kind;  ///< "serial": the same sequence changes its owner; "identity": the new one takes the value over
  postgres::QualifiedName source;
  std::string source_column;
  std::string shadow_column;
  std::string shadow_sequence;  ///< identity only: the name in the run's schema, already the source's name
};
BOOST_DESCRIBE_STRUCT(SequenceMove, (), (kind, source, source_column, shadow_column, shadow_sequence))

/// Views and functions of one schema other than the table's, while the run is under way.
struct SchemaPair {
  std::string schema;
  std::string shadow_schema;  ///< where their counterparts are made
  std::string old_schema;     ///< where they go at the swap
};
BOOST_DESCRIBE_STRUCT(SchemaPair, (), (schema, shadow_schema, old_schema))

/// The statements by the moment at which they run, each list in order.
struct CarriedObjects {
  std::vector<SchemaPair> schemas;      ///< the table's own first
  std::vector<std::string> prepare;     ///< before the lock, on the shadow: counterparts of views, functions
  std::vector<std::string> lock_first;  ///< locks that are asked for before the table's: queries take them so
  std::vector<postgres::QualifiedName> neighbours;  ///< tables that the swap locks besides, by name
  std::vector<postgres::QualifiedName> views;       ///< over the table
  std::vector<std::string> detach;                  ///< under the lock, while the old table has its name
  std::vector<std::string> move_in;                 ///< right after both tables have changed their schema
  std::vector<std::string> foreign_keys;            ///< NOT VALID
  std::vector<std::string> attach;                  ///< the rest of what belongs to the table itself
  std::vector<std::string> rebind;                  ///< what names the table elsewhere
  std::vector<std::string> names_as_before;  ///< the new table's columns as the old one's are called …
  std::vector<std::string> names_as_after;   ///< … and back; around foreign_keys, attach and rebind
  std::vector<std::string> validate;         ///< after the commit, each in a transaction of its own
};
BOOST_DESCRIBE_STRUCT(CarriedObjects, (),
                      (schemas, prepare, lock_first, neighbours, views, detach, move_in, foreign_keys, attach,
                       rebind, names_as_before, names_as_after, validate))

struct ShadowTablePlan {
  std::int64_t run = 0;
  postgres::Table source;
  postgres::Table target;  ///< the shadow as it will be, with its final indexes and constraints
  std::vector<postgres::Table> source_partitions;  ///< below a partitioned source, parents first
  std::vector<postgres::Table> target_partitions;  ///< below a partitioned target, in the run's schema
  postgres::QualifiedName shadow;
  postgres::QualifiedName log;
  postgres::QualifiedName truncations;
  std::string run_schema;
  std::string old_schema;
  std::vector<KeyMapping> key;
  std::vector<Layer> layers;  ///< the first over the source's columns, the last gives the copied columns
  std::vector<std::string> not_compared;  ///< volatile columns
  std::vector<std::pair<std::string, std::string>>
      carried_columns;  ///< name in the source, name in the shadow
  bool binary_copy = true;
  /// One side is UNLOGGED: this table with its one row is too, and empty after a crash of the server (rule
  /// 13).
  std::optional<postgres::QualifiedName> sentinel;

  std::vector<std::string> create;     ///< schemas, shadow with the source's shape, the operator's DDL, log
  std::vector<std::string> set_aside;  ///< indexes and constraints that are built after the copy
  std::vector<std::string> capture;    ///< functions and triggers
  std::vector<std::string> uncapture;  ///< no-op bodies first, then the triggers (rule 4)
  std::vector<IndexBuild> indexes;
  std::vector<std::string> finish;   ///< constraints, replica identity, grants, comments on the shadow
  std::vector<std::string> at_swap;  ///< what must wait for the exclusive lock on the shadow
  std::vector<std::string> swap;     ///< guards, sequences, the two SET SCHEMA
  std::vector<SequenceMove> sequences;
  CarriedObjects carried;            ///< as planned; found anew before the cutover
  bool waits_for_next = false;       ///< cut over together with the next part of its revision
  std::vector<std::string> allowed;  ///< codes of preflight findings that the file accepts
};
BOOST_DESCRIBE_STRUCT(ShadowTablePlan, (),
                      (run, source, target, source_partitions, target_partitions, shadow, log, truncations,
                       run_schema, old_schema, key, layers, not_compared, carried_columns, binary_copy,
                       sentinel, create, set_aside, capture, uncapture, indexes, finish, at_swap, swap,
                       sequences, carried, waits_for_next, allowed))

/// How a step of a change in place is carried out. The journal's row commits with the effect wherever that is
/// possible; the other kinds may be repeated.
enum class StepKind {
  locked,      ///< the relation's lock by short attempts, then the statements, in one transaction
  plain,       ///< one transaction; no lock on an existing table that anybody would wait for
  autocommit,  ///< outside a transaction, may be repeated
  detach,      ///< DETACH PARTITION CONCURRENTLY, in two halves that may each be repeated
  index,       ///< CREATE INDEX CONCURRENTLY; an invalid left-over is dropped first, and after a failure
  validate,    ///< VALIDATE CONSTRAINT under a lock that writers do not notice
  look,        ///< a query that must return nothing: rows that would be in the way
  batched,     ///< an UPDATE or DELETE, a batch of rows a transaction
};
BOOST_DESCRIBE_ENUM(StepKind, locked, plain, autocommit, detach, index, validate, look, batched)

/// One step of a change in place.
struct InPlaceStep {
  int statement = 0;  ///< number of the statement that it belongs to, from 1
  std::string name;   ///< unique in the run; the journal knows it by this
  StepKind kind = StepKind::plain;
  std::string strategy;              ///< "instant DDL", "concurrent index" …
  postgres::QualifiedName relation;  ///< what is locked, validated, indexed; may be empty
  std::string lock;                  ///< of `locked`: the mode
  std::string lock_first;            ///< of `locked`: a LOCK TABLE of other relations, in the same attempt
  std::vector<std::string> sql;
  std::vector<std::string> undo;      ///< takes the step back as long as its statement is unfinished
  std::vector<std::string> contract;  ///< what is left to be dropped for good, after the soak
  postgres::QualifiedName kept;       ///< of `contract`: the table that then is locked
  std::string index;                  ///< of `index`: its name, in the relation's schema
  std::string probe;                  ///< names rows in the way, as column "row" of type text; may be empty
  std::vector<postgres::QualifiedName> partitions;  ///< of `on_partitions`: all below the relation
  bool on_partitions = false;             ///< planned for `partitions`; with others the plan does not hold
  std::vector<postgres::Table> replaced;  ///< full tables that the step replaces by empty ones, as planned
  bool bounded = false;                   ///< of `plain`: rolled back where it takes longer than both budgets
  std::optional<BatchedUpdatePlan> batched;
  std::vector<LockUse> locks;
  std::string hazard;
  std::string reason;
};
BOOST_DESCRIBE_STRUCT(InPlaceStep, (),
                      (statement, name, kind, strategy, relation, lock, lock_first, sql, undo, contract, kept,
                       index, probe, partitions, on_partitions, replaced, bounded, batched, locks, hazard,
                       reason))

/// Ends the name of a step whose statement finds what it asks for.
inline constexpr std::string_view kNothingToDo = "nothing to do";

/// A table that a run changes in place.
struct ChangedTable {
  std::uint32_t oid = 0;
  postgres::QualifiedName name;
};
BOOST_DESCRIBE_STRUCT(ChangedTable, (), (oid, name))

struct InPlacePlan {
  std::int64_t run = 0;
  std::vector<ChangedTable> tables;  ///< those that exist before the run, by oid
  std::vector<InPlaceStep> steps;
  bool keeps_dropped = false;  ///< something dropped is kept until contract
};
BOOST_DESCRIBE_STRUCT(InPlacePlan, (), (run, tables, steps, keeps_dropped))

/// A statement of a revision, by its place among all of them, an ALTER TABLE's commands each for itself.
struct NumberedStatement {
  int number = 0;
  std::string fingerprint;  ///< XXH3-128 of its text
  std::string sql;
};
BOOST_DESCRIBE_STRUCT(NumberedStatement, (), (number, fingerprint, sql))

/// Neighbouring statements that one run carries out: exactly one of `shadow` and `in_place` is there.
struct PartPlan {
  std::vector<NumberedStatement> statements;
  std::optional<ShadowTablePlan> shadow;
  std::optional<InPlacePlan> in_place;
  Estimate estimate;
};
BOOST_DESCRIBE_STRUCT(PartPlan, (), (statements, shadow, in_place, estimate))

struct RevisionPlan {
  std::string revision;
  Estimate estimate;
  std::vector<Step> steps;
  std::vector<PartPlan> parts;  ///< in order; empty where there is a refusal
  bool more = false;            ///< what follows can be planned only when these parts are done
  std::vector<Problem> refusals;
  std::vector<Problem> announcements;
  std::vector<Problem> approvals;   ///< what an operator must agree to before anything runs
  std::vector<Problem> narrowings;  ///< what it drops (code "drops") or narrows ("narrows")
};

}  // namespace crossfade::strategies
