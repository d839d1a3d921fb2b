// Python source as tokens, as far as reading a revision needs it: names, strings and marks, each with its
// logical line and that line's indentation. Comments are left out. Tokens are views into the source, which
// must outlive them. Private to this folder. Pure function, thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

namespace crossfade::migrations {

enum class PythonKind {
  name,    ///< identifiers, keywords and numbers
  string,  ///< with its prefix and quotes
  mark,    ///< one character
};

struct PythonToken {
  PythonKind kind = PythonKind::mark;
  std::string_view text;
  int line = 1;                  ///< of the file, from 1
  std::size_t logical_line = 0;  ///< a bracket or a backslash joins lines into one
  std::size_t indentation = 0;   ///< of the logical line; a tab counts up to the next multiple of eight

  bool is_name(std::string_view name) const { return kind == PythonKind::name && text == name; }
  bool is_mark(char mark) const { return kind == PythonKind::mark && text.front() == mark; }
};

/// nullopt where a string or a bracket is not closed.
std::optional<std::vector<PythonToken>> scan_python(std::string_view source);

/// Whether the string's value has a tab, as a character or as an escape, beside those that indent a line.
bool has_tab(std::string_view string);

}  // namespace crossfade::migrations
