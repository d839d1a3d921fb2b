#include "migrations/type_name.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

struct Serial {
  std::string_view name;
  std::string_view stored;
};

constexpr std::array kSerials = {Serial{"serial", "int4"},      Serial{"serial4", "int4"},
                                 Serial{"bigserial", "int8"},   Serial{"serial8", "int8"},
                                 Serial{"smallserial", "int2"}, Serial{"serial2", "int2"}};

constexpr std::array<std::string_view, 71> kWellKnown = {
    "text",           "int2",           "int4",          "int8",        "float4",         "float8",
    "numeric",        "bool",           "varchar",       "bpchar",      "char",           "name",
    "date",           "time",           "timetz",        "timestamp",   "interval",       "uuid",
    "json",           "timestamptz",    "jsonb",         "xml",         "bytea",          "inet",
    "cidr",           "macaddr",        "macaddr8",      "bit",         "varbit",         "money",
    "point",          "line",           "lseg",          "box",         "path",           "polygon",
    "circle",         "tsvector",       "tsquery",       "int4range",   "int8range",      "numrange",
    "tsrange",        "tstzrange",      "daterange",     "oid",         "int4multirange", "int8multirange",
    "nummultirange",  "regclass",       "regproc",       "regtype",     "pg_lsn",         "tsmultirange",
    "tstzmultirange", "datemultirange", "jsonpath",      "xid",         "xid8",           "tid",
    "citext",         "hstore",         "ltree",         "geometry",    "geography",      "vector",
    "cube",           "isbn",           "txid_snapshot", "pg_snapshot", "refcursor",
};

std::string modifier(const json::value& node) {
  const json::object* constant = tree::below(node, "A_Const");
  const json::object* number = constant == nullptr ? nullptr : tree::object(*constant, "ival");
  if (number == nullptr) return "?";
  const json::value* value = number->if_contains("ival");
  return value == nullptr ? "0" : json::serialize(*value);
}

}  // namespace

bool TypeName::is_serial() const {
  return in_catalog() && std::any_of(kSerials.begin(), kSerials.end(),
                                     [&](const Serial& serial) { return serial.name == name; });
}

bool TypeName::is_well_known() const {
  return array || is_serial() ||
         std::find(kWellKnown.begin(), kWellKnown.end(), std::string_view(name)) != kWellKnown.end();
}

std::string TypeName::display() const {
  std::string out = in_catalog() ? name : schema + "." + name;
  for (std::size_t index = 0; index < modifiers.size(); ++index)
    out += (index == 0 ? "(" : ",") + modifiers[index];
  if (!modifiers.empty()) out += ")";
  return array ? out + "[]" : out;
}

TypeName TypeName::stored() const {
  TypeName out = *this;
  for (const Serial& serial : kSerials) {
    if (in_catalog() && serial.name == name) out.name = serial.stored;
  }
  return out;
}

TypeName read_type(const json::object& type_name) {
  TypeName out;
  const std::vector<std::string> names = tree::strings(type_name, "names");
  if (names.empty()) return out;
  out.name = names.back();
  if (names.size() > 1) out.schema = names[names.size() - 2];
  out.array = type_name.contains("arrayBounds");
  // The grammar writes interval's fields as a modifier as well; they make no difference here.
  if (const json::array* modifiers = tree::array(type_name, "typmods")) {
    for (const json::value& each : *modifiers) out.modifiers.push_back(modifier(each));
  }
  return out;
}

}  // namespace crossfade::migrations
