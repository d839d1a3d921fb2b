// PostgreSQL's own parser: SQL text in, its parse trees out as JSON, with errors as Failures that point into
// the file. The shape of the trees is libpg_query's. Nothing outside of this folder should depend on it.
// Thread-safe.
#pragma once

#include <boost/json.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "migrations/source_text.h"

namespace crossfade::migrations {

struct ParsedStatement {
  std::string node;            ///< "AlterTableStmt"
  boost::json::object fields;  ///< what stands under that name; locations are offsets into the whole text
  std::size_t begin = 0;       ///< may include comments and blanks in front
  std::size_t end = 0;         ///< the semicolon or the end of the text
};

/// Empty statements are left out. Throws Failure(usage): "syntax-error", or "newer-syntax" where the SQL
/// looks like a later PostgreSQL's than the parser knows.
std::vector<ParsedStatement> parse_sql(const Source& source);

/// Throws Failure(usage, "malformed-expression") where the text is not exactly one scalar expression without
/// comments. `offset` is where in `source` it stands.
void require_expression(const Source& source, std::size_t offset, std::string_view expression);

}  // namespace crossfade::migrations
