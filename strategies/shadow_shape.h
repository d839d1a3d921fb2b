// The statements that make an empty table with the shape of another: columns, checks, indexes, storage,
// ownership. Used for the rehearsal and, unchanged, for the run itself. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/quoting.h"

namespace crossfade::strategies {

/// CREATE TABLE and everything that a following ALTER may refer to by name. The schema must exist.
std::vector<std::string> shape_statements(const postgres::Table& source,
                                          const postgres::QualifiedName& shadow);

/// CREATE INDEX of `index` on another table; `index.definition` with its relation replaced.
std::string index_statement(const postgres::Index& index, const postgres::QualifiedName& table);

/// A CREATE INDEX as the server prints it, with another name; `only`: on the table alone, without partitions.
std::string with_index_name(std::string definition, const std::string& name, bool only = false);

/// ALTER TABLE … ADD CONSTRAINT … USING INDEX with its deferrability.
std::string constraint_using_index(const postgres::Constraint& constraint, const std::string& index,
                                   const postgres::QualifiedName& on);

/// As above, of the constraint that the index belongs to in `table`.
std::string constraint_using_index(const postgres::Table& table, const postgres::Index& index,
                                   const postgres::QualifiedName& on);

/// ALTER TABLE … ADD CONSTRAINT of an exclusion constraint, which no index can be made beforehand for. Keys
/// WITHOUT OVERLAPS (18 and later) are such constraints too.
std::string exclusion_statement(const postgres::Table& table, const postgres::Index& index,
                                const postgres::QualifiedName& on);

/// CREATE STATISTICS in the schema, on another table, and what belongs to it.
std::vector<std::string> statistics_statements(const postgres::ExtendedStatistics& statistics,
                                               const std::string& schema, const postgres::QualifiedName& on);

/// {"fillfactor=70"} as SQL options, each behind the prefix; values are quoted, because they may be anything.
std::string option_list(const std::vector<std::string>& options, std::string_view prefix);

const postgres::Constraint* find_constraint(const postgres::Table& table, std::string_view name);

}  // namespace crossfade::strategies
