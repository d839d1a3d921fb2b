// The up and the down section of a migration file, each made of one block or several, and the markers that
// begin them. Private to this folder, but for MarkerStyle. Pure functions, thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "migrations/directive.h"
#include "migrations/source_text.h"
#include "migrations/tokens.h"

namespace crossfade::migrations {

/// Whose markers a file has.
enum class MarkerStyle { none, dbmate, goose };

struct SectionMarker {
  Marker marker;
  std::size_t begin = 0;      ///< of the comment
  std::size_t sql_begin = 0;  ///< the line behind it
};

struct Sections {
  MarkerStyle style = MarkerStyle::none;
  std::vector<SectionMarker> markers;       ///< in the order of the file, the first one of an up section
  std::vector<std::size_t> statement_ends;  ///< offsets where a statement ends without a semicolon of its own

  /// Of what stands at this offset.
  Section at(std::size_t offset) const;
};

struct SectionText {
  std::string sql;  ///< every block on the lines that it has in the file; what lies between is blank
  int first_line = 1;
  bool present = false;
  bool in_transaction = true;  ///< false where one block says so
};

/// The offset of the line behind the one of `offset`.
std::size_t next_line(std::string_view text, std::size_t offset);

/// dbmate's markers: an up block, perhaps its down block, and so on in turn. Throws Failure(usage,
/// "malformed-marker").
Sections read_dbmate_sections(const Source& source, std::span<const Token> tokens);

/// Throws Failure(usage, "sql-outside-sections") for SQL in front of the first marker.
void require_nothing_before(const Source& source, std::span<const Token> tokens, const Sections& sections);

/// Without markers the up section is the whole text.
SectionText section_text(const Source& source, const Sections& sections, Section section);

}  // namespace crossfade::migrations
