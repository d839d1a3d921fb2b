// Names of relations and columns as migration files write them: perhaps qualified, perhaps quoted. Resolving
// them against the catalog is the planner's. Plain values, thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/source_text.h"

namespace crossfade::migrations {

/// A relation's name, folded and unquoted; without a schema it is looked up in the search_path.
struct TableReference {
  std::optional<std::string> schema;
  std::string name;

  /// For people: public.orders
  std::string display() const { return schema ? *schema + "." + name : name; }
  /// As SQL; without a schema where none was written.
  std::string quoted() const;
  friend bool operator==(const TableReference&, const TableReference&) = default;
};
BOOST_DESCRIBE_STRUCT(TableReference, (), (schema, name))

/// PostgreSQL cuts longer identifiers silently, and two names become one; they are refused instead.
inline constexpr std::size_t kLongestIdentifier = 63;

/// The parts of a dotted name, folded and unquoted: `Public."My Table"` gives {"public", "My Table"}. nullopt
/// where the text is not one, or has a part longer than kLongestIdentifier bytes.
std::optional<std::vector<std::string>> parse_dotted_name(std::string_view text);

/// "orders" or "public.orders"; nullopt where it is neither.
std::optional<TableReference> parse_table_reference(std::string_view text);

/// The last one or two parts; there must be one or two. A database in front of them is not kept.
TableReference table_reference(const std::vector<std::string>& parts);

}  // namespace crossfade::migrations
