// The name of a type as SQL writes it, for what the text alone can tell of it. Private to this folder, but
// for lint. Values and pure functions, thread-safe.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

namespace crossfade::migrations {

struct TypeName {
  std::string schema;  ///< empty where none is written; the grammar gives "pg_catalog" for its own words
  std::string name;    ///< PostgreSQL's: int4 for integer, bpchar for char(n); serial stays serial
  std::vector<std::string> modifiers;  ///< {"12", "2"} of numeric(12,2); "?" for what is no number
  bool array = false;

  bool in_catalog() const { return schema.empty() || schema == "pg_catalog"; }
  /// smallserial, serial, bigserial, whatever their spelling
  bool is_serial() const;
  /// Of PostgreSQL itself or of a well-known extension, so certainly no domain.
  bool is_well_known() const;
  /// For people and for comparison: "varchar(40)", "int4[]".
  std::string display() const;
  /// The integer that a serial type is; other types as they are.
  TypeName stored() const;
};

/// A TypeName node.
TypeName read_type(const boost::json::object& type_name);

}  // namespace crossfade::migrations
