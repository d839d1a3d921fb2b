#include "migrations/volatility.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// Whatever schema they are in.
constexpr std::array<std::string_view, 18> kVolatile = {
    "random",   "gen_random_uuid",  "clock_timestamp",  "timeofday",        "nextval",
    "currval",  "lastval",          "setval",           "uuid_generate_v1", "uuid_generate_v1mc",
    "pg_sleep", "uuid_generate_v4", "gen_random_bytes", "gen_salt",         "random_normal",
    "uuidv4",   "uuidv7",           "pg_notify",
};

/// PostgreSQL's own.
constexpr std::array<std::string_view, 92> kNotVolatile = {
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "current_setting",
    "current_database",
    "current_schema",
    "version",
    "pg_backend_pid",
    "txid_current",
    "to_char",
    "to_date",
    "to_timestamp",
    "to_number",
    "date_trunc",
    "date_part",
    "extract",
    "age",
    "timezone",
    "make_date",
    "make_time",
    "make_interval",
    "make_timestamp",
    "make_timestamptz",
    "lower",
    "upper",
    "initcap",
    "md5",
    "sha224",
    "sha256",
    "sha384",
    "sha512",
    "concat",
    "concat_ws",
    "format",
    "length",
    "char_length",
    "octet_length",
    "replace",
    "substr",
    "substring",
    "btrim",
    "ltrim",
    "rtrim",
    "lpad",
    "rpad",
    "left",
    "right",
    "repeat",
    "reverse",
    "translate",
    "split_part",
    "strpos",
    "position",
    "encode",
    "decode",
    "convert_to",
    "convert_from",
    "chr",
    "ascii",
    "quote_ident",
    "quote_literal",
    "regexp_replace",
    "regexp_match",
    "abs",
    "ceil",
    "ceiling",
    "floor",
    "round",
    "trunc",
    "sqrt",
    "power",
    "mod",
    "sign",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_build_object",
    "json_build_array",
    "to_json",
    "to_jsonb",
    "array_append",
    "array_length",
    "array_to_string",
    "string_to_array",
    "array_fill",
    "cardinality",
    "to_tsvector",
    "to_tsquery",
    "numrange",
    "int4range",
    "tstzrange",
    "tsrange",
    "daterange",
};

constexpr std::array<std::string_view, 24> kAggregates = {
    "count",      "sum",
    "avg",        "min",
    "max",        "bool_and",
    "bool_or",    "every",
    "string_agg", "array_agg",
    "json_agg",   "jsonb_agg",
    "row_number", "rank",
    "lag",        "lead",
    "dense_rank", "nextval",
    "currval",    "lastval",
    "setval",     "generate_series",
    "unnest",     "pg_get_serial_sequence",
};

template <typename Names>
bool contains(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Calls `visit` with the parts of the name of every function that is called below.
template <typename Visit>
void for_each_call(const json::value& node, const Visit& visit) {
  if (const json::array* items = node.if_array()) {
    for (const json::value& item : *items) for_each_call(item, visit);
    return;
  }
  const json::object* fields = node.if_object();
  if (fields == nullptr) return;
  if (const json::object* call = tree::object(*fields, "FuncCall")) visit(tree::strings(*call, "funcname"));
  for (const auto& field : *fields) for_each_call(field.value(), visit);
}

Volatility of_function(const std::vector<std::string>& name) {
  if (name.empty()) return Volatility::unknown;
  if (contains(kVolatile, name.back())) return Volatility::is_volatile;
  const bool built_in = name.size() == 1 || name[name.size() - 2] == "pg_catalog";
  return built_in && contains(kNotVolatile, name.back()) ? Volatility::not_volatile : Volatility::unknown;
}

}  // namespace

Volatility volatility_of(const json::value& node) {
  Volatility worst = Volatility::not_volatile;
  for_each_call(node,
                [&](const std::vector<std::string>& name) { worst = std::max(worst, of_function(name)); });
  return worst;
}

bool calls_unknown_function(const json::value& node) {
  bool found = false;
  for_each_call(node, [&](const std::vector<std::string>& name) {
    const bool built_in = name.size() == 1 || (name.size() == 2 && name.front() == "pg_catalog");
    const bool known = built_in && !name.empty() && contains(kAggregates, name.back());
    found = found || (!known && of_function(name) != Volatility::not_volatile);
  });
  return found;
}

}  // namespace crossfade::migrations
