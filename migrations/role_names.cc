#include "migrations/role_names.h"

#include <boost/json.hpp>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

void collect(const json::value& value, std::set<std::string>& names) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) collect(item, names);
  }
  const json::object* node = value.if_object();
  if (node == nullptr) return;
  if (tree::text(*node, "roletype") == "ROLESPEC_CSTRING") names.insert(tree::text(*node, "rolename"));
  for (const json::key_value_pair& member : *node) collect(member.value(), names);
}

}  // namespace

std::set<std::string> named_roles(const Statement& statement) {
  std::set<std::string> names;
  const json::object fields = tree::parse(statement.tree);
  collect(json::value(fields), names);
  // GRANT role TO role has the first one in the place of a privilege.
  const json::array* granted = tree::array(fields, "granted_roles");
  if (granted == nullptr) return names;
  for (const json::value& each : *granted) {
    const json::object* privilege = tree::below(each, "AccessPriv");
    if (privilege != nullptr) names.insert(tree::text(*privilege, "priv_name"));
  }
  return names;
}

std::string created_role(const Statement& statement) {
  if (statement.node != "CreateRoleStmt") return {};
  return tree::text(tree::parse(statement.tree), "role");
}

}  // namespace crossfade::migrations
