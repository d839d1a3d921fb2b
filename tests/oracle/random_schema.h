// A table, a migration of it and what that migration must make of every row, all from one seed. The expected
// transformation is SQL of the test's own: it is written beside each change of the migration and takes
// nothing from the product. A RandomSchema is a value; after make_random_schema() it is only read, by any
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "postgres/query.h"
#include "postgres/quoting.h"
#include "tests/oracle/random.h"

namespace crossfade::tests {

struct KeyColumn {
  std::string name;
  std::string source_type;
  std::string target_type;
  std::string parameter_cast;  ///< what a bare parameter needs in a comparison, e.g. for a composite type
};

/// A column that the application writes, in the old table and in the new one alike.
struct WrittenColumn {
  std::string name;
  std::string source_type;
  std::string target_type;
  /// Over the old row, which is called t; the value in the new table.
  std::string transformed;
  bool nullable = true;
  /// Text forms of values that fit both types; never NULL.
  std::function<std::string(Random&)> value;
};

/// A column of the new table that the application does not write.
struct DerivedColumn {
  std::string name;
  std::string target_type;
  std::string transformed;  ///< over the old row t, for rows that were there at the cutover
  std::string otherwise;    ///< for rows that came later; over the new row e where `generated`
  bool generated = false;   ///< follows the new row at any time, as `otherwise` says
};

struct RandomSchema {
  std::uint64_t seed = 0;
  postgres::QualifiedName table;
  /// One statement each, for the owner: schema, types, collations, the table with its indexes.
  std::vector<std::string> create;
  std::string migration;  ///< the text of the migration file

  std::string key_kind;
  int key_variants = 1;  ///< images that one key may have: equal to each other, yet not the same bytes
  std::vector<KeyColumn> key;
  std::vector<WrittenColumn> columns;
  std::vector<DerivedColumn> derived;

  // Places in `columns`.
  std::size_t position = 0;             ///< the row's number, never changed, in which shared rows are locked
  std::size_t revision = 0;             ///< counts a shared row's changes
  std::size_t handed = 0;               ///< unique; its values wander from row to row
  std::optional<std::size_t> slot;      ///< unique and deferrable
  std::optional<std::size_t> identity;  ///< the server gives the value

  /// The key columns' text forms. Different ordinals are different keys; the variants of one ordinal are
  /// equal.
  std::function<std::vector<std::string>(int ordinal, int variant)> key_texts;

  /// For failure messages: the seed, every statement and the migration.
  std::string describe() const;
};

RandomSchema make_random_schema(std::uint64_t seed);

}  // namespace crossfade::tests
