#include "migrations/source_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace crossfade::migrations {

namespace {

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

/// The length of the UTF-8 sequence at the front of `bytes`; nullopt where there is none. Follows RFC 3629:
/// no overlong forms, no surrogates, nothing above U+10FFFF, because the server refuses these as well.
std::optional<std::size_t> sequence_length(std::string_view bytes) {
  const auto first = static_cast<unsigned char>(bytes.front());
  if (first < 0x80) return 1;
  std::size_t length = 0;
  if (first >= 0xC2 && first <= 0xDF) length = 2;
  if (first >= 0xE0 && first <= 0xEF) length = 3;
  if (first >= 0xF0 && first <= 0xF4) length = 4;
  if (length == 0 || bytes.size() < length) return std::nullopt;
  const std::string_view rest = bytes.substr(1, length - 1);
  if (!std::all_of(rest.begin(), rest.end(), is_continuation)) return std::nullopt;
  const auto second = static_cast<unsigned char>(bytes[1]);
  const bool overlong = (first == 0xE0 && second < 0xA0) || (first == 0xF0 && second < 0x90);
  const bool surrogate = first == 0xED && second > 0x9F;
  const bool too_high = first == 0xF4 && second > 0x8F;
  if (overlong || surrogate || too_high) return std::nullopt;
  return length;
}

}  // namespace

Position position_at(const Source& source, std::size_t offset) {
  const std::string_view before = source.text.substr(0, std::min(offset, source.text.size()));
  const std::size_t line_start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::string_view in_line = before.substr(line_start);
  const auto characters =
      std::count_if(in_line.begin(), in_line.end(), [](char byte) { return !is_continuation(byte); });
  return {source.first_line + static_cast<int>(lines), static_cast<int>(characters) + 1};
}

std::size_t offset_of_character(std::string_view text, std::size_t character) {
  std::size_t seen = 0;
  for (std::size_t offset = 0; offset < text.size(); ++offset) {
    if (is_continuation(text[offset])) continue;
    if (seen++ == character) return offset;
  }
  return text.size();
}

std::string location(const Source& source, std::size_t offset) {
  const Position position = position_at(source, offset);
  return fmt::format("{}:{}:{}", source.file, position.line, position.column);
}

Failure failure_at(const Source& source, std::size_t offset, Problem problem) {
  problem.object = location(source, offset);
  return Failure(ExitCode::usage, std::move(problem));
}

void require_text(const Source& source) {
  for (std::size_t offset = 0; offset < source.text.size();) {
    const auto length = sequence_length(source.text.substr(offset));
    if (!length || source.text[offset] == '\0') {
      throw failure_at(
          source, offset,
          {.code = "not-text",
           .message = "the file is not plain text",
           .expected = "UTF-8 without NUL bytes",
           .found = fmt::format("byte 0x{:02x}", static_cast<unsigned char>(source.text[offset])),
           .next = "save the file as UTF-8"});
    }
    offset += *length;
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

}  // namespace crossfade::migrations
