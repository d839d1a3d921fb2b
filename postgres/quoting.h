// The one place where identifiers, literals and array literals are quoted for SQL. Pure functions,
// thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::postgres {

/// Always in double quotes, so that reserved words, capitals and spaces are safe. Inner quotes are doubled.
std::string quote_identifier(std::string_view identifier);

/// A standard literal, or an E'' literal where there is a backslash; independent of
/// standard_conforming_strings.
std::string quote_literal(std::string_view value);

/// "a", "b", "c"
std::string quote_identifiers(std::span<const std::string> identifiers);

/// The text form of a one-dimensional array, e.g. {"a","b",NULL}; for use as a parameter, not as SQL text.
std::string array_literal(std::span<const std::optional<std::string>> elements);
std::string array_literal(std::span<const std::string> elements);

/// A schema-qualified name. `quoted()` is for SQL, `display()` for people and documents ("public.orders").
struct QualifiedName {
  std::string schema;
  std::string name;

  std::string quoted() const;
  std::string display() const { return schema + "." + name; }
  friend bool operator==(const QualifiedName&, const QualifiedName&) = default;
};
BOOST_DESCRIBE_STRUCT(QualifiedName, (), (schema, name))

}  // namespace crossfade::postgres
