// Positions in a migration file, and the Failures that point at them. Offsets are bytes, counted from 0;
// lines and columns are what an editor shows: counted from 1, columns in characters. Pure functions,
// thread-safe.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "postgres/problem.h"

namespace crossfade::migrations {

/// A text and where it comes from. The text is a whole number of lines of the file, and is not owned.
struct Source {
  std::string_view text;
  std::string_view file;
  int first_line = 1;  ///< the file's line that the text begins on
};

struct Position {
  int line = 1;
  int column = 1;
};

/// An offset behind the end means the end.
Position position_at(const Source& source, std::size_t offset);

/// The offset of the character with this index, counted from 0; the end of the text where there are fewer.
std::size_t offset_of_character(std::string_view text, std::size_t character);

/// "file:line:column"
std::string location(const Source& source, std::size_t offset);

/// Failure(ExitCode::usage) with its object set to location(source, offset).
Failure failure_at(const Source& source, std::size_t offset, Problem problem);

/// Throws Failure(usage, "not-text") where the text has a NUL byte or is not UTF-8: the parser would stop at
/// the first, and misread the second.
void require_text(const Source& source);

/// The text without blanks, tabs and line ends around it.
std::string_view trimmed(std::string_view text);

/// ASCII letters only, as PostgreSQL folds identifiers in UTF-8.
std::string lower_case(std::string_view text);

}  // namespace crossfade::migrations
