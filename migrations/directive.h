// One comment line that crossfade or another tool gives a meaning to: `-- crossfade:…`, `-- migrate:…`, or a
// foreign annotation. Private to this folder, but for the types. Pure functions, thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/names.h"
#include "migrations/source_text.h"

namespace crossfade::migrations {

/// `-- crossfade:backfill [table.]column = expression` and `-- crossfade:down …`.
struct ColumnExpression {
  std::optional<TableReference> table;  ///< absent: the only table that the revision changes
  std::string column;
  std::string expression;  ///< one scalar expression as written
  int line = 0;
};
BOOST_DESCRIBE_STRUCT(ColumnExpression, (), (table, column, expression, line))

/// A directive whose meaning lies with the planner: partition, sequence, allow, opaque.
struct Directive {
  std::string name;
  std::string argument;  ///< of "allow" the code, of "opaque" nothing, else what follows the name
  std::string reason;    ///< of "allow" and "opaque"
  int line = 0;
  bool in_down = false;  ///< stands in the down section
};
BOOST_DESCRIBE_STRUCT(Directive, (), (name, argument, reason, line, in_down))

/// `-- crossfade:name argument`, split but not yet understood.
struct RawDirective {
  std::string_view name;
  std::string_view argument;  ///< trimmed
  std::size_t begin = 0;      ///< offset of the comment
};

/// nullopt where the comment is not one of crossfade's. Throws Failure(usage, "malformed-directive").
std::optional<RawDirective> read_directive(const Source& source, std::size_t begin, std::size_t end);

/// "A, B" as a list. Throws Failure(usage, "malformed-directive") for an empty or repeated element.
std::vector<std::string> read_list(const Source& source, const RawDirective& directive);

ColumnExpression read_column_expression(const Source& source, const RawDirective& directive);

/// For partition, sequence, allow and opaque. Throws Failure(usage): "malformed-directive",
/// "unknown-directive".
Directive read_planner_directive(const Source& source, const RawDirective& directive);

Failure malformed(const Source& source, const RawDirective& directive, std::string expected);

enum class Section { up, down };

struct Marker {
  Section section = Section::up;
  bool in_transaction = true;
};

/// dbmate's `-- migrate:up` and `-- migrate:down`; nullopt for other comments. Throws Failure(usage,
/// "malformed-marker") for what dbmate would pass over without a word: a marker that does not begin its line,
/// another spelling, an unknown option.
std::optional<Marker> read_marker(const Source& source, std::size_t begin, std::size_t end);

/// Throws Failure(usage, "foreign-format") where the comment belongs to another migration tool's format.
void refuse_foreign_annotation(const Source& source, std::size_t begin, std::size_t end);

}  // namespace crossfade::migrations
