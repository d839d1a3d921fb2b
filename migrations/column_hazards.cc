#include <algorithm>
#include <array>

#include "migrations/alter_hazards.h"
#include "migrations/tree.h"
#include "migrations/type_name.h"
#include "migrations/volatility.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

using Cost = HazardCost;

const json::object* constraint_of(const json::object& column, std::string_view kind) {
  const json::array* constraints = tree::array(column, "constraints");
  if (constraints == nullptr) return nullptr;
  for (const json::value& each : *constraints) {
    const json::object* constraint = tree::below(each, "Constraint");
    if (constraint != nullptr && tree::text(*constraint, "contype") == kind) return constraint;
  }
  return nullptr;
}

bool is_null(const json::object& expression) {
  if (const json::object* constant = tree::object(expression, "A_Const"))
    return tree::flag(*constant, "isnull");
  const json::object* cast = tree::object(expression, "TypeCast");
  const json::object* inner = cast == nullptr ? nullptr : tree::object(*cast, "arg");
  return inner != nullptr && is_null(*inner);
}

/// The default's expression; nullptr where there is none or it is NULL.
const json::object* default_of(const json::object& column) {
  const json::object* constraint = constraint_of(column, "CONSTR_DEFAULT");
  const json::object* expression = constraint == nullptr ? nullptr : tree::object(*constraint, "raw_expr");
  return expression == nullptr || is_null(*expression) ? nullptr : expression;
}

Hazard value_hazard(const json::object& column, const TypeName& type, const HazardFacts& facts) {
  if (constraint_of(column, "CONSTR_GENERATED") != nullptr) return met("6");
  if (type.is_serial() || constraint_of(column, "CONSTR_IDENTITY") != nullptr) return met("5");
  const json::object* value = default_of(column);
  const Volatility volatility =
      value == nullptr ? Volatility::not_volatile : volatility_of(json::value(*value));
  const bool kept = facts.rewrites == false;
  if (volatility == Volatility::is_volatile) return met("3");
  if (volatility == Volatility::unknown && !kept) return met("3", false);
  // A domain may have a constraint, which every row is checked against by writing it.
  if (!type.is_well_known() && !kept) return met("7", false);
  if (value != nullptr) return met("2");
  const bool required = constraint_of(column, "CONSTR_NOTNULL") != nullptr ||
                        constraint_of(column, "CONSTR_PRIMARY") != nullptr;
  return met(required ? "4" : "1");
}

Hazard without_rewrite(std::string_view number, Cost cost, bool certain) {
  Hazard hazard = met(number, certain);
  hazard.cost = cost;
  return hazard;
}

enum class TypeGroup { integer, text, limited_text, fixed, zoned, document, case_insensitive, keeps, other };

TypeGroup group_of(const TypeName& type) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return type.in_catalog() && !type.array &&
           std::find(names.begin(), names.end(), type.name) != names.end();
  };
  if (is({"int2", "int4", "int8"})) return TypeGroup::integer;
  if (is({"varchar"})) return type.modifiers.empty() ? TypeGroup::text : TypeGroup::limited_text;
  if (is({"text"})) return TypeGroup::text;
  if (is({"bpchar", "char", "float4", "float8"})) return TypeGroup::fixed;
  if (is({"numeric"})) return type.modifiers.empty() ? TypeGroup::keeps : TypeGroup::fixed;
  if (is({"timestamp", "timestamptz"})) return TypeGroup::zoned;
  if (is({"json", "jsonb"})) return TypeGroup::document;
  if (is({"inet", "interval", "time", "timetz", "varbit"})) return TypeGroup::keeps;
  if (type.name == "citext") return TypeGroup::case_insensitive;
  return TypeGroup::other;
}

/// Which row a rewrite, known or feared, belongs to.
std::string_view rewriting_row(TypeGroup group, bool known) {
  switch (group) {
    case TypeGroup::limited_text:
      return "17";
    case TypeGroup::fixed:
      return "16b";
    case TypeGroup::zoned:
      return "19";
    case TypeGroup::document:
      return "20";
    case TypeGroup::text:
    case TypeGroup::keeps:
      return known ? "16b" : "16";
    case TypeGroup::integer:
    case TypeGroup::case_insensitive:
    case TypeGroup::other:
      return "18";
  }
  return "18";
}

/// USING that is the column itself changes nothing.
bool converts(const AlterCommand& command, const json::object& column) {
  const json::object* expression = tree::object(column, "raw_default");
  if (expression == nullptr) return false;
  const json::object* reference = tree::object(*expression, "ColumnRef");
  return reference == nullptr || tree::strings(*reference, "fields") != std::vector{command.name};
}

Hazard type_hazard(const AlterCommand& command, const json::object& column, const HazardFacts& facts) {
  const json::object* name = tree::object(column, "typeName");
  const TypeGroup group = name == nullptr ? TypeGroup::other : group_of(read_type(*name));
  if (facts.rewrites == false) {
    const bool builds = facts.builds_index.value_or(true);
    const Cost cost = builds ? Cost::build : facts.scans.value_or(true) ? Cost::scan : Cost::catalog;
    const bool certain = facts.builds_index.has_value() && (builds || facts.scans.has_value());
    if (command.has_collation) return without_rewrite("21", cost, certain);
    if (group == TypeGroup::case_insensitive && builds) return without_rewrite("22", cost, certain);
    return without_rewrite(group == TypeGroup::zoned ? "19" : "16", cost, certain);
  }
  const bool known = facts.rewrites.has_value();
  std::string_view row = rewriting_row(group, known);
  if (converts(command, column)) {
    row = "20";
  } else if (command.has_collation && !known) {
    row = "21";
  } else if (group == TypeGroup::case_insensitive && !known) {
    row = "22";
  }
  // Whether the values must be written anew depends on the type that they have now.
  return without_rewrite(row, Cost::rewrite, known);
}

}  // namespace

std::vector<Hazard> column_hazards(const AlterCommand& command, const json::object& column,
                                   const HazardFacts& facts) {
  const json::object* name = tree::object(column, "typeName");
  const TypeName type = name == nullptr ? TypeName{} : read_type(*name);
  std::vector<Hazard> out = {value_hazard(column, type, facts)};
  for (const ConstraintClause& constraint : command.constraints) {
    if (constraint.kind == "CONSTR_UNIQUE" || constraint.kind == "CONSTR_PRIMARY") {
      out.push_back(met("8"));
    } else if (constraint.kind == "CONSTR_CHECK") {
      out.push_back(met("8b"));
    } else if (constraint.kind == "CONSTR_FOREIGN") {
      const bool filled =
          default_of(column) != nullptr || out.front().row->number == "5" || out.front().row->number == "6";
      Hazard hazard = met("9");
      if (filled) {
        hazard.cost = Cost::scan;
        hazard.hazard_class = HazardClass::in_place;
      }
      if (constraint.references) hazard.others.push_back({*constraint.references, "SHARE ROW EXCLUSIVE"});
      out.push_back(std::move(hazard));
    }
  }
  if (type.in_catalog() && type.name == "json") out.push_back(met("10"));
  return out;
}

std::vector<Hazard> type_hazards(const AlterCommand& command, const json::object& column,
                                 const HazardFacts& facts) {
  std::vector<Hazard> out = {type_hazard(command, column, facts)};
  if (facts.column_in_foreign_key) out.push_back(met("23", false));
  if (facts.column_in_view) out.push_back(met("66", false));
  return out;
}

}  // namespace crossfade::migrations
