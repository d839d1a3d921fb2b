// Relations that a statement makes or refers to, read from its parse tree. Pure functions, thread-safe.
#pragma once

#include <vector>

#include "migrations/statement.h"

namespace crossfade::migrations {

/// Of CREATE TABLE, CREATE TABLE AS, CREATE VIEW, CREATE MATERIALIZED VIEW, CREATE SEQUENCE, CREATE FOREIGN
/// TABLE; empty for others.
std::vector<TableReference> created_relations(const Statement& statement);

/// The own names, without schema and table, of what a DROP or a DROP CONSTRAINT takes away: constraints,
/// triggers, policies, views …
std::vector<std::string> dropped_names(const Statement& statement);

/// Of DROP TYPE and DROP DOMAIN; empty for all else.
std::vector<TableReference> dropped_types(const Statement& statement);

/// The tables that its foreign keys refer to.
std::vector<TableReference> referenced_tables(const Statement& statement);

/// The other table of ATTACH PARTITION, DETACH PARTITION, CREATE TABLE … PARTITION OF and INHERIT.
std::vector<TableReference> partition_tables(const Statement& statement);

/// The tables of VACUUM; of CLUSTER it is `table`.
std::vector<TableReference> vacuumed_tables(const Statement& statement);
bool is_vacuum_full(const Statement& statement);

/// The name that SET, SET LOCAL or RESET is about; empty for other statements.
std::string setting_name(const Statement& statement);

}  // namespace crossfade::migrations
