#include "migrations/tree.h"

#include <algorithm>

namespace crossfade::migrations::tree {

namespace json = boost::json;

json::object parse(std::string_view tree) {
  json::parse_options options;
  options.max_depth = kDeepest;
  return json::parse(json::string_view(tree.data(), tree.size()), {}, options).as_object();
}

const json::object* below(const json::value& node, std::string_view name) {
  const json::object* fields = node.if_object();
  return fields == nullptr ? nullptr : object(*fields, name);
}

std::string text(const json::object& node, std::string_view key) {
  const json::value* value = node.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->get_string());
}

bool flag(const json::object& node, std::string_view key) {
  const json::value* value = node.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::size_t location(const json::object& node) {
  const json::value* value = node.if_contains("location");
  return value == nullptr
             ? 0
             : static_cast<std::size_t>(std::max<std::int64_t>(value->to_number<std::int64_t>(), 0));
}

const json::object* object(const json::object& node, std::string_view key) {
  const json::value* value = node.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

const json::array* array(const json::object& node, std::string_view key) {
  const json::value* value = node.if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

bool option_is_on(const json::array* options, std::string_view name) {
  if (options == nullptr) return false;
  return std::any_of(options->begin(), options->end(), [&](const json::value& option) {
    const json::object* element = below(option, "DefElem");
    if (element == nullptr || text(*element, "defname") != name) return false;
    const json::object* argument = object(*element, "arg");
    const std::string given = argument == nullptr ? "" : json::serialize(*argument);
    return given.find("false") == std::string::npos && given.find("off") == std::string::npos;
  });
}

std::vector<std::string> strings(const json::object& node, std::string_view key) {
  std::vector<std::string> out;
  const json::array* items = array(node, key);
  if (items == nullptr) return out;
  for (const json::value& item : *items) {
    const json::object* string = object(item.as_object(), "String");
    if (string != nullptr) out.push_back(text(*string, "sval"));
  }
  return out;
}

TableReference relation(const json::object& range_variable) {
  TableReference reference;
  const std::string schema = text(range_variable, "schemaname");
  if (!schema.empty()) reference.schema = schema;
  reference.name = text(range_variable, "relname");
  return reference;
}

namespace {

bool names_relation(const json::object& node) {
  if (node.contains("relname")) return true;
  // schema.table.column stops resolving when the target's schema changes.
  if (const json::object* column = object(node, "ColumnRef")) {
    const json::array* fields = array(*column, "fields");
    if (fields != nullptr && fields->size() > 2) return true;
  }
  if (text(node, "subtype") == "AT_AddOf") return true;
  const std::string option = text(node, "defname");
  return option == "sequence_name" || option == "owned_by";
}

bool value_refers(const json::value& value, const json::object* target) {
  if (const json::object* node = value.if_object()) return refers_to_relations(*node, target);
  const json::array* items = value.if_array();
  return items != nullptr && std::any_of(items->begin(), items->end(),
                                         [&](const json::value& item) { return value_refers(item, target); });
}

}  // namespace

bool refers_to_relations(const json::object& node, const json::object* target) {
  if (&node == target) return false;
  if (names_relation(node)) return true;
  return std::any_of(node.begin(), node.end(),
                     [&](const json::key_value_pair& field) { return value_refers(field.value(), target); });
}

}  // namespace crossfade::migrations::tree
