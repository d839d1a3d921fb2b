// Reading libpg_query's JSON trees, in which a field with its default value is left out. Private to this
// folder. Pure functions, thread-safe; returned pointers and views live as long as the tree.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/names.h"

namespace crossfade::migrations::tree {

/// An expression of a few dozen operators nests a few hundred levels deep; more than this is refused, because
/// walking the tree uses the stack.
inline constexpr std::size_t kDeepest = 4000;

/// A Statement's `tree` again as a tree.
boost::json::object parse(std::string_view tree);

/// What stands below `name` in a node such as {"AlterTableCmd": {…}}; nullptr where the node is another.
const boost::json::object* below(const boost::json::value& node, std::string_view name);

/// Empty where there is no such field.
std::string text(const boost::json::object& node, std::string_view key);

/// False where there is no such field.
bool flag(const boost::json::object& node, std::string_view key);

/// The "location" of a node, an offset into the parsed text; a missing one is 0, as the format has it.
std::size_t location(const boost::json::object& node);

/// nullptr where there is no such field.
const boost::json::object* object(const boost::json::object& node, std::string_view key);
const boost::json::array* array(const boost::json::object& node, std::string_view key);

/// Whether a list of options (DefElem) has this one, and does not turn it off: FULL, FULL true, not FULL
/// false.
bool option_is_on(const boost::json::array* options, std::string_view name);

/// The texts of a list of String nodes; empty where there is no such field.
std::vector<std::string> strings(const boost::json::object& node, std::string_view key);

/// A RangeVar's name.
TableReference relation(const boost::json::object& range_variable);

/// Whether something below `node` names a relation (beside `target`, which may be null), or names a column
/// together with its schema, a sequence, or a table's row type.
bool refers_to_relations(const boost::json::object& node, const boost::json::object* target);

}  // namespace crossfade::migrations::tree
