// What planning asks the live catalog beside a table's own definition: partitions, foreign keys in both
// directions, dependents of what is dropped, the check that ATTACH PARTITION makes. Reads only (the one trial
// is rolled back); takes no lock beyond the catalog's. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/in_place.h"
#include "strategies/one_partition.h"

namespace crossfade::orchestrator {

/// Where names without a schema are looked for first, and made; empty where the search path leads nowhere.
std::string default_schema(postgres::Session& session);

bool is_partitioned(postgres::Session& session, std::uint32_t table);

/// All tables below a partitioned one, parents before children.
std::vector<strategies::Partition> partitions_below(postgres::Session& session, std::uint32_t table);

bool has_default_partition(postgres::Session& session, std::uint32_t table);

/// The columns that any level of a partitioned table is divided by; an expression's columns too.
std::vector<std::string> partition_key(postgres::Session& session, std::uint32_t table);

/// Of a partition.
strategies::PartitionPlace partition_place(postgres::Session& session, std::uint32_t partition);

struct UsingColumn {
  postgres::QualifiedName table;
  std::uint32_t table_oid = 0;
  std::string column;
};
struct TypeUsers {
  postgres::QualifiedName name;
  std::vector<UsingColumn> columns;  ///< of this type, or arrays of it
};

/// Null where there is no such type.
std::optional<TypeUsers> type_users(postgres::Session& session, const migrations::TableReference& type);

/// Whether a function of this name is an application's own and VOLATILE.
bool may_have_effects(postgres::Session& session, const migrations::TableReference& function);

/// Tables that one constraint of the table, or all of its foreign keys, tie to it, without itself: they are
/// locked with it. `constraint` empty: every foreign key of its own.
std::vector<postgres::QualifiedName> tied_tables(postgres::Session& session, std::uint32_t table,
                                                 const std::string& constraint);

struct Dependent {
  std::string object;    ///< for people
  std::string schema;    ///< of the relation
  std::string relation;  ///< the view or table that it belongs to; may be empty
};

/// Objects that a plain DROP without CASCADE would stop at: views, rules, foreign keys from elsewhere,
/// functions, policies. `column` empty: of the whole table.
std::vector<Dependent> dependents(postgres::Session& session, std::uint32_t table, const std::string& column);

/// The condition that the rows of a new partition with the bounds of this ATTACH PARTITION must meet. Empty
/// where the server does not tell.
std::string partition_check(postgres::Session& session, const postgres::Table& parent,
                            const migrations::Statement& attach);

/// The condition that the rows of an attached partition meet; empty where it has none.
std::string bounds_of_partition(postgres::Session& session, std::uint32_t partition);

/// The table that this one is a partition of, or inherits from.
std::optional<strategies::TableParent> parent_of(postgres::Session& session, std::uint32_t table);

/// The table that an index belongs to.
std::optional<std::uint32_t> table_of_index(postgres::Session& session, std::uint32_t index);

/// The constraint that an index backs; empty where it backs none.
std::string constraint_of_index(postgres::Session& session, std::uint32_t index);

}  // namespace crossfade::orchestrator
