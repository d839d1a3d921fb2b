#include "migrations/sections.h"

#include <algorithm>

namespace crossfade::migrations {

namespace {

Failure bad_order(const Source& source, std::size_t offset, std::string message) {
  return failure_at(
      source, offset,
      {.code = "malformed-marker",
       .message = std::move(message),
       .expected = "-- migrate:up, then at most one -- migrate:down, and perhaps further such pairs",
       .next = "correct the markers"});
}

/// dbmate runs blocks one by one, so that a statement ends with its block.
void append_gap(std::string_view between, std::string& sql) {
  sql.push_back(';');
  sql.append(static_cast<std::size_t>(std::count(between.begin(), between.end(), '\n')), '\n');
}

void append_block(const Source& source, const Sections& sections, std::size_t begin, std::size_t end,
                  std::string& sql) {
  std::size_t from = begin;
  for (const std::size_t statement_end : sections.statement_ends) {
    if (statement_end < begin || statement_end >= end) continue;
    sql += source.text.substr(from, statement_end - from);
    sql.push_back(';');
    from = statement_end;
  }
  sql += source.text.substr(from, end - from);
}

}  // namespace

Section Sections::at(std::size_t offset) const {
  Section out = Section::up;
  for (const SectionMarker& marker : markers) {
    if (marker.begin <= offset) out = marker.marker.section;
  }
  return out;
}

std::size_t next_line(std::string_view text, std::size_t offset) {
  const std::size_t end = text.find('\n', offset);
  return end == std::string_view::npos ? text.size() : end + 1;
}

Sections read_dbmate_sections(const Source& source, std::span<const Token> tokens) {
  Sections out;
  for (const Token& token : tokens) {
    if (!token.is_comment()) continue;
    const auto marker = read_marker(source, token.begin, token.end);
    if (!marker) continue;
    const bool down = marker->section == Section::down;
    const bool behind_up = !out.markers.empty() && out.markers.back().marker.section == Section::up;
    if (down && !behind_up)
      throw bad_order(source, token.begin, "the down block has no up block in front of it");
    if (!down && behind_up)
      throw bad_order(source, token.begin, "the up block in front of this one has no down block");
    out.markers.push_back({*marker, token.begin, next_line(source.text, token.begin)});
  }
  if (!out.markers.empty()) out.style = MarkerStyle::dbmate;
  return out;
}

void require_nothing_before(const Source& source, std::span<const Token> tokens, const Sections& sections) {
  if (sections.markers.empty()) return;
  const auto stray =
      std::find_if(tokens.begin(), tokens.end(), [](const Token& token) { return !token.is_comment(); });
  if (stray == tokens.end() || stray->begin > sections.markers.front().begin) return;
  throw failure_at(source, stray->begin,
                   {.code = "sql-outside-sections",
                    .message = "there is SQL in front of the up section, which no command would run",
                    .expected = "nothing but comments there",
                    .next = "move it into a section"});
}

SectionText section_text(const Source& source, const Sections& sections, Section section) {
  SectionText out;
  if (sections.markers.empty()) {
    out.present = section == Section::up;
    if (out.present) out.sql = source.text;
    return out;
  }
  std::size_t last_end = 0;
  for (std::size_t index = 0; index < sections.markers.size(); ++index) {
    const SectionMarker& marker = sections.markers[index];
    if (marker.marker.section != section) continue;
    const std::size_t end =
        index + 1 < sections.markers.size() ? sections.markers[index + 1].begin : source.text.size();
    if (out.present) {
      append_gap(source.text.substr(last_end, marker.sql_begin - last_end), out.sql);
    } else {
      out.first_line = position_at(source, marker.sql_begin).line;
    }
    append_block(source, sections, marker.sql_begin, end, out.sql);
    out.present = true;
    out.in_transaction = out.in_transaction && marker.marker.in_transaction;
    last_end = end;
  }
  return out;
}

}  // namespace crossfade::migrations
