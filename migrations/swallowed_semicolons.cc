#include "migrations/swallowed_semicolons.h"

#include <algorithm>
#include <vector>

#include "migrations/sql_parser.h"
#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

/// A comment that ends in a semicolon and an empty line, behind an unfinished statement.
struct Candidate {
  std::size_t statement_begin = 0;
  Token comment;
};

bool ends_paragraph(std::string_view text, std::size_t end) {
  return end >= text.size() || text.substr(end).starts_with("\n\n") || trimmed(text.substr(end)).empty();
}

bool is_sql(std::string_view text) {
  try {
    return !parse_sql({text, "", 1}).empty();
  } catch (const Failure&) {
    return false;
  }
}

/// Up to the next semicolon, which may be another comment's.
std::string_view next_statement(std::string_view text, const std::vector<Token>& tokens, std::size_t index) {
  const std::size_t begin = tokens[index].end;
  for (std::size_t next = index + 1; next < tokens.size(); ++next) {
    const Token& token = tokens[next];
    const bool swallowed =
        token.kind == TokenKind::comment && text[token.end - 1] == ';' && ends_paragraph(text, token.end);
    if (is_mark(text, token, ";") || swallowed) return text.substr(begin, token.begin - begin);
  }
  return text.substr(begin);
}

}  // namespace

std::string with_semicolons(const Source& source) {
  require_text(source);
  const std::string_view text = source.text;
  const std::vector<Token> tokens = scan(source);
  std::string out(text);
  std::size_t begin = 0;
  bool pending = false;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const Token& token = tokens[index];
    if (is_mark(text, token, ";")) {
      begin = token.end;
      pending = false;
    } else if (!token.is_comment()) {
      pending = true;
    } else if (pending && token.kind == TokenKind::comment && text[token.end - 1] == ';' &&
               ends_paragraph(text, token.end)) {
      const std::string_view first = text.substr(begin, token.begin - begin);
      const std::string_view second = next_statement(text, tokens, index);
      if (!is_sql(first)) continue;
      const bool together = is_sql(std::string(first) + "\n" + std::string(second));
      const bool apart = trimmed(second).empty() || is_sql(second);
      if (together && apart && !trimmed(second).empty()) {
        throw failure_at(source, token.begin,
                         {.code = "alembic-script",
                          .message = "a comment ends in a semicolon, and what follows can be read as one "
                                     "statement with it or as another",
                          .expected = "a comment without a semicolon at its end",
                          .found = std::string(text_of(text, token).substr(0, 120)),
                          .next = "Take the comment at the end of the statement out of the revision."});
      }
      if (together && !trimmed(second).empty()) continue;
      std::fill(out.begin() + static_cast<std::ptrdiff_t>(token.begin),
                out.begin() + static_cast<std::ptrdiff_t>(token.end) - 1, ' ');
      begin = token.end;
      pending = false;
    }
  }
  return out;
}

}  // namespace crossfade::migrations
