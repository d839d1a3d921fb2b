#include "migrations/called_functions.h"

#include <algorithm>
#include <boost/json.hpp>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

void collect(const json::value& value, std::vector<TableReference>& out) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) collect(item, out);
  }
  const json::object* node = value.if_object();
  if (node == nullptr) return;
  std::vector<std::string> parts = tree::strings(*node, "funcname");
  if (!parts.empty()) {
    TableReference name{.schema = {}, .name = parts.back()};
    if (parts.size() > 1) name.schema = parts[parts.size() - 2];
    const bool known = std::any_of(out.begin(), out.end(), [&](const TableReference& other) {
      return other.name == name.name && other.schema == name.schema;
    });
    if (!known) out.push_back(std::move(name));
  }
  for (const json::key_value_pair& member : *node) collect(member.value(), out);
}

}  // namespace

std::vector<TableReference> called_functions(const Statement& statement) {
  std::vector<TableReference> out;
  collect(json::value(tree::parse(statement.tree)), out);
  return out;
}

}  // namespace crossfade::migrations
