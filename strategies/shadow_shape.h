// The statements that make an empty table with the shape of another: columns, checks, indexes, storage,
// ownership. Used for the rehearsal and, unchanged, for the run itself. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/quoting.h"

namespace crossfade::strategies {

/// CREATE TABLE and everything that a following ALTER may refer to by name. The schema must exist. A
/// partitioned table is copied as an ordinary one.
std::vector<std::string> shape_statements(const postgres::Table& source,
                                          const postgres::QualifiedName& shadow);

/// The same of a partitioned table with all that is below it, `partitions` with parents first, all of it in
/// the shadow's schema under the names that it has.
std::vector<std::string> partitioned_shape_statements(const postgres::Table& source,
                                                      const std::vector<postgres::Table>& partitions,
                                                      const postgres::QualifiedName& shadow);

/// An index of a partitioned table, without those of its partitions; invalid until all are attached.
std::string partitioned_index_statement(const postgres::Table& table, const postgres::Index& index,
                                        const postgres::QualifiedName& on);

/// LIKE gives an identity sequence the type bigint with the old limits; of the column's own type, its limits
/// follow a later change of that type. `divided`: rows are divided by the column, whose type cannot be set.
std::string identity_type_statement(const postgres::QualifiedName& table, const postgres::Column& column,
                                    bool divided);

/// The definition of the constraint, which does not print the storage parameters of its index, with these.
std::string definition_with_storage(const postgres::Constraint& constraint, const postgres::Index& index);

std::string attach_index_statement(const postgres::QualifiedName& parent,
                                   const postgres::QualifiedName& index);

/// CREATE INDEX of `index` on another table; `index.definition` with its relation replaced.
std::string index_statement(const postgres::Index& index, const postgres::QualifiedName& table);

/// Comment, statistics targets and CLUSTER mark of an index that stands on another table, under its own name.
std::vector<std::string> index_belongings(const postgres::Index& index, const postgres::QualifiedName& table);

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
