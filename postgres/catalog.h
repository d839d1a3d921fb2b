// The live catalog's view of one table as plain values: columns, indexes, constraints, storage, ownership.
// Loaded in one query, so that all of it comes from one snapshot. Values without references into anything;
// safe to copy.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/quoting.h"
#include "postgres/session.h"

namespace crossfade::postgres {

struct Grant {
  std::string column;   ///< empty: on the table
  std::string grantee;  ///< empty: PUBLIC
  std::string grantor;
  std::string privilege;
  bool grantable = false;

  friend bool operator==(const Grant&, const Grant&) = default;
};
BOOST_DESCRIBE_STRUCT(Grant, (), (column, grantee, grantor, privilege, grantable))

struct Column {
  int number = 0;  ///< pg_attribute.attnum; stays the same through RENAME and TYPE
  std::string name;
  std::string type;       ///< with its length or precision: "numeric(12,2)"
  std::string bare_type;  ///< schema-qualified, without them, domains resolved to their base type
  std::uint32_t type_oid = 0;
  std::uint32_t base_type_oid = 0;  ///< domains resolved
  int type_modifier = -1;
  bool not_null = false;
  std::optional<std::string> default_expression;  ///< as pg_get_expr prints it, also of generated columns
  std::optional<std::string> default_volatility;  ///< i, s, v; "t" where it depends on the clock alone
  std::string generated;                          ///< "", "s" (stored) or "v" (virtual)
  std::string identity;                           ///< "", "a" (ALWAYS) or "d" (BY DEFAULT)
  std::string collation;                          ///< quoted and qualified; empty where the type has none
  bool collation_deterministic = true;
  std::string operator_schema =
      "pg_catalog";  ///< of the equality in the type's default btree operator class; unquoted
  bool has_binary_format =
      true;             ///< send and receive functions exist and binary COPY keeps the value (not xml)
  std::string storage;  ///< p, e, m, x
  std::optional<std::int64_t> statistics_target;  ///< null: the default
  std::vector<std::string> options;               ///< "n_distinct=…"
  std::optional<std::string> comment;
  std::optional<std::string>
      owned_sequence_schema;  ///< the sequence that this column owns, serial or identity
  std::optional<std::string> owned_sequence_name;
  std::optional<std::string> owned_sequence_comment;
  bool owned_sequence_default_grants = true;  ///< true as well where there is no sequence
  std::vector<Grant> owned_sequence_grants;

  friend bool operator==(const Column&, const Column&) = default;
};
BOOST_DESCRIBE_STRUCT(Column, (),
                      (number, name, type, bare_type, type_oid, base_type_oid, type_modifier, not_null,
                       default_expression, default_volatility, generated, identity, collation,
                       collation_deterministic, operator_schema, has_binary_format, storage,
                       statistics_target, options, comment, owned_sequence_schema, owned_sequence_name,
                       owned_sequence_comment, owned_sequence_default_grants, owned_sequence_grants))

struct Index {
  std::string name;
  std::string definition;  ///< pg_get_indexdef: CREATE … INDEX name ON schema.table …
  bool unique = false;
  bool primary = false;
  bool valid = true;
  bool immediate = true;  ///< false: DEFERRABLE
  bool partial = false;
  bool expressions = false;
  bool exclusion = false;
  bool default_operators = true;   ///< every key column uses its type's default btree operator class
  bool default_collations = true;  ///< every key column is ordered by the table column's own collation
  bool clustered = false;
  bool replica_identity = false;
  bool nulls_not_distinct = false;
  std::vector<std::string> key_columns;        ///< names; empty strings stand for expressions
  std::vector<std::string> keys;               ///< SQL of each key column, a name or an expression
  std::vector<std::string> attributes;         ///< of the index itself, INCLUDE columns too: id, lower, expr1
  std::string predicate;                       ///< SQL; empty: not partial
  std::optional<std::string> constraint_name;  ///< the primary key or unique constraint that it backs
  std::string parent;  ///< of a partition's: the index of the partitioned table that it is attached to
  std::optional<std::string> comment;
  std::vector<std::string> statistics_targets;  ///< "number=target" of expression columns
  std::string tablespace;                       ///< empty: the database's default
  std::int64_t bytes = 0;

  friend bool operator==(const Index&, const Index&) = default;
};
BOOST_DESCRIBE_STRUCT(Index, (),
                      (name, definition, unique, primary, valid, immediate, partial, expressions, exclusion,
                       default_operators, default_collations, clustered, replica_identity, nulls_not_distinct,
                       key_columns, keys, attributes, predicate, constraint_name, parent, comment,
                       statistics_targets, tablespace, bytes))

struct Constraint {
  std::string name;
  std::string type;        ///< c, f, p, u, x, t, n (named NOT NULL, 18 and later)
  std::string definition;  ///< pg_get_constraintdef
  bool validated = true;
  bool deferrable = false;
  bool deferred = false;
  bool no_inherit = false;
  bool inherited = false;  ///< from a parent or a partitioned table
  std::vector<std::string> columns;
  std::optional<std::string> comment;

  friend bool operator==(const Constraint&, const Constraint&) = default;
};
BOOST_DESCRIBE_STRUCT(Constraint, (),
                      (name, type, definition, validated, deferrable, deferred, no_inherit, inherited,
                       columns, comment))

struct ExtendedStatistics {
  QualifiedName name;
  std::string clause;  ///< what stands between the name and FROM: "(ndistinct) ON a, b"
  std::string owner;
  std::optional<std::int64_t> target;  ///< null: the default
  std::optional<std::string> comment;

  friend bool operator==(const ExtendedStatistics&, const ExtendedStatistics&) = default;
};
BOOST_DESCRIBE_STRUCT(ExtendedStatistics, (), (name, clause, owner, target, comment))

struct Table {
  std::uint32_t oid = 0;
  QualifiedName name;
  std::string kind;         ///< pg_class.relkind
  std::string persistence;  ///< p, u, t
  std::string owner;
  std::string tablespace;  ///< empty: the database's default
  std::string access_method;
  std::string of_type;                        ///< of a typed table: the type, qualified and quoted
  std::string partition_key;                  ///< of a partitioned table: "RANGE (created_at)"
  std::optional<QualifiedName> partition_of;  ///< of a partition: the table that it belongs to
  std::string partition_bound;                ///< of a partition: "FOR VALUES …" or "DEFAULT"
  std::string replica_identity;               ///< d, n, f, i
  bool row_security = false;
  bool row_security_forced = false;
  bool default_grants = false;  ///< relacl is NULL: what PostgreSQL grants by itself
  std::int64_t estimated_rows = 0;
  std::int64_t pages = 0;       ///< now, from the file's size
  std::int64_t heap_bytes = 0;  ///< with TOAST
  std::int64_t index_bytes = 0;
  std::optional<std::string> comment;
  std::vector<std::string> options;  ///< reloptions: "fillfactor=70"
  std::vector<std::string> toast_options;
  std::vector<Column> columns;                 ///< in order, without dropped ones
  std::vector<Index> indexes;                  ///< by name
  std::vector<Constraint> constraints;         ///< by name
  std::vector<ExtendedStatistics> statistics;  ///< by name
  std::vector<Grant> grants;

  const Column* column(std::string_view column_name) const;
  const Column* column_number(int number) const;
  const Index* index(std::string_view index_name) const;
};
BOOST_DESCRIBE_STRUCT(Table, (),
                      (oid, name, kind, persistence, owner, tablespace, access_method, of_type, partition_key,
                       partition_of, partition_bound, replica_identity, row_security, row_security_forced,
                       default_grants, estimated_rows, pages, heap_bytes, index_bytes, comment, options,
                       toast_options, columns, indexes, constraints, statistics, grants))

/// The oid of a relation by its name: `schema` empty means the session's search_path. Null where there is
/// none.
std::optional<std::uint32_t> find_relation(Session& session, const std::string& schema,
                                           const std::string& name);

/// Null where the oid names no relation. Takes no lock beyond the catalog's.
std::optional<Table> load_table(Session& session, std::uint32_t oid);

/// All tables below a partitioned one, parents before their children; empty for any other relation.
std::vector<Table> load_partitions(Session& session, std::uint32_t oid);

}  // namespace crossfade::postgres
