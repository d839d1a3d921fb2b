// `-- crossfade:partition [table] by …`: how a plain table is divided when it is written anew. Pure
// functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "migrations/directive.h"
#include "migrations/names.h"

namespace crossfade::migrations {

struct Partitioning {
  std::optional<TableReference> table;  ///< absent: the only table that the revision changes
  std::string method;                   ///< range, list or hash
  std::vector<std::string> columns;
  std::string interval;             ///< of range: "1 month", or a number
  std::optional<std::string> from;  ///< of range: where the first partition begins, at the latest
  std::optional<std::string> to;    ///< of range: what the partitions reach at least
  int ahead = 3;                    ///< of range: partitions beyond the last row, or beyond now
  std::vector<std::vector<std::string>>
      groups;                     ///< of list: SQL literals; empty: one for each value there is
  int count = 0;                  ///< of hash
  bool default_partition = true;  ///< of range and list

  /// As PARTITION BY takes it: RANGE ("created_at").
  std::string key() const;
};

/// The argument of the directive, behind `partition`. nullopt where it is not understood.
std::optional<Partitioning> parse_partitioning(const std::string& argument);

/// What a directive may look like, for messages.
inline constexpr std::string_view kPartitioningForms =
    "partition [TABLE] by range (COLUMN) interval 'LENGTH' [from 'VALUE'] [to 'VALUE'] [ahead N] [no "
    "default], "
    "by list (COLUMN) [values (…), (…)] [no default], or by hash (COLUMN, …) partitions N";

}  // namespace crossfade::migrations
