// Changes that are made in place, step by step, without a new table: what one statement of a revision
// becomes. Each strategy has a file (instant_ddl, concurrent_index, validated_constraint, added_column,
// quarantine, partitions); plan_in_place asks them by the statement's hazards. Plain values and pure
// functions, thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "migrations/hazards.h"
#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "strategies/name_collisions.h"
#include "strategies/partitioned_update.h"
#include "strategies/plan.h"

namespace crossfade::strategies {

struct TableLock {
  postgres::QualifiedName name;
  std::string mode;
};

/// What a partition, or a table that inherits, hangs on.
struct TableParent {
  postgres::QualifiedName name;
  std::string bound;                      ///< FOR VALUES …, or DEFAULT; empty where the table inherits
  std::vector<std::string> foreign_keys;  ///< names of its own, which its partitions get with it
};

/// A table below a partitioned one, at any depth.
struct Partition {
  postgres::QualifiedName name;
  postgres::QualifiedName parent;
  bool leaf = true;  ///< false: partitioned itself
};

/// What a strategy may know about its statement.
struct StatementContext {
  const migrations::MigrationFile* file = nullptr;
  migrations::Statement statement;  ///< with at most one ALTER command
  int number = 0;                   ///< in the revision, from 1
  std::int64_t run = 0;
  int server_version = 0;  ///< server_version_num
  migrations::HazardFacts facts;
  std::vector<migrations::Hazard> hazards;
  /// The statement's table before it, under its own name; null where it is about none that exists.
  std::optional<postgres::Table> table;
  /// After it, as a trial on an empty copy has shown; names and definitions are the copy's.
  std::optional<postgres::Table> after;
  std::optional<postgres::Table> referenced;  ///< by a foreign key that is added
  std::vector<postgres::Table> objects;       ///< of DROP and TRUNCATE, in their order
  /// Of the tables of a TRUNCATE, by oid: an empty copy as a trial made it.
  std::map<std::uint32_t, postgres::Table> empty_copies;
  std::vector<std::string> not_copied;  ///< what an empty copy of these tables would lack
  bool restarts_identity = false;       ///< TRUNCATE … RESTART IDENTITY
  std::vector<Partition> partitions;    ///< below a partitioned table, parents before children
  std::vector<postgres::QualifiedName>
      foreign_keys_to;                    ///< tables that `table`'s foreign keys refer to, or from
  std::vector<TableLock> locked_with_it;  ///< existing tables that the statement locks beside its own
  bool has_default_partition = false;
  std::string partition_check;  ///< of ATTACH and DETACH PARTITION: what the bounds demand of every row
  SchemaNames names;
  std::set<std::string> invalid_indexes;         ///< of the table: left-overs of failed builds
  std::map<std::uint32_t, TableParent> parents;  ///< of tables to be dropped, by the child's oid
  /// Of tables to be dropped, by oid: the tables that their foreign keys refer to.
  std::map<std::uint32_t, std::vector<postgres::QualifiedName>> dropped_refer_to;
  /// Of tables to be dropped, by oid: all tables below a partitioned one.
  std::map<std::uint32_t, std::vector<postgres::QualifiedName>> dropped_partitions;
  std::vector<std::string> partition_key;  ///< columns that any level of a partitioned table is divided by
  std::vector<std::string> effects;        ///< functions it calls that may do more than compute
  std::vector<postgres::QualifiedName> types_of_kept;  ///< to be dropped, and used by what is dropped before
  std::string made_over_objects;          ///< an earlier statement that makes something over `objects`
  std::string index_constraint;           ///< of DROP INDEX: the constraint that needs the index
  std::vector<std::string> dependents;    ///< of what is dropped or changed, for messages
  std::optional<BatchedUpdates> batches;  ///< of an UPDATE or DELETE
  std::optional<BatchedUpdates> fill;     ///< of an added column whose old rows need a value

  std::string where() const { return migrations::location(statement, file->path); }
};

struct InPlaceSteps {
  std::vector<InPlaceStep> steps;
  std::vector<Problem> refusals;
  std::vector<Problem> announcements;
  std::vector<Problem> approvals;  ///< what an operator must agree to before anything runs
};

/// Every statement is answered: by steps, or by a refusal.
InPlaceSteps plan_in_place(const StatementContext& context);

}  // namespace crossfade::strategies
