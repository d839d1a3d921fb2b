// The GRANT and REVOKE statements that give one table exactly the grants of another. Default privileges may
// have added some to a new table; they go. Pure functions, thread-safe.
#pragma once

#include <string>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/dependents.h"

namespace crossfade::strategies {

/// Statements for the table `on`, whose grants are `current`, so that they become `wanted`; empty where they
/// are equal. Grants on columns are by name, as `wanted` calls them.
std::vector<std::string> grant_statements(const postgres::Table& wanted, const postgres::Table& current,
                                          const postgres::QualifiedName& on);

/// The same for the sequence `on` of an identity column. Both sequences belong to `owner`.
std::vector<std::string> sequence_grant_statements(const postgres::Column& wanted,
                                                   const postgres::Column& current, const std::string& owner,
                                                   const postgres::QualifiedName& on);

/// The same for a function or procedure; `signature` as SQL names it.
std::vector<std::string> routine_grant_statements(const postgres::DependentFunction& wanted,
                                                  const postgres::DependentFunction& current,
                                                  const std::string& signature);

/// `source` with its column grants under the names that the columns have in the new table; those of dropped
/// columns are left out. `renamed` are the carried columns: old name, new name.
postgres::Table with_target_names(postgres::Table source,
                                  const std::vector<std::pair<std::string, std::string>>& renamed);

/// `source` with the grants that ALTER TABLE … OWNER TO would leave: the old owner's pass to the new one.
postgres::Table with_owner(postgres::Table source, const std::string& owner);

}  // namespace crossfade::strategies
