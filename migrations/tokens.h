// SQL as tokens, comments included, by PostgreSQL's own scanner. What the parse tree does not say (where a
// clause ends, what a comment holds) is answered from these. Tokens hold offsets, not text, and are plain
// values; scanning is thread-safe.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/source_text.h"

namespace crossfade::migrations {

enum class TokenKind {
  word,     ///< an unquoted identifier or a keyword
  quoted,   ///< "an identifier"
  unicode,  ///< U&"an identifier"
  comment,  ///< -- to the end of the line, without the line end
  block,    ///< a comment between slash and asterisk
  other,    ///< literals, operators, punctuation
};

struct Token {
  std::size_t begin = 0;  ///< offset of the first byte
  std::size_t end = 0;    ///< offset behind the last byte
  TokenKind kind = TokenKind::other;
  bool keyword = false;  ///< the grammar knows this word; it may still be somebody's column name
  int depth = 0;         ///< enclosing ( and [; a bracket itself has the depth outside of it

  bool is_comment() const { return kind == TokenKind::comment || kind == TokenKind::block; }
  bool is_name() const {
    return kind == TokenKind::word || kind == TokenKind::quoted || kind == TokenKind::unicode;
  }
};

/// In the order of the text. Throws Failure(usage, "syntax-error") for an unterminated literal, comment or
/// name.
std::vector<Token> scan(const Source& source);

std::vector<Token> without_comments(std::span<const Token> tokens);

std::string_view text_of(std::string_view text, const Token& token);

/// Whether the token is this keyword; `keyword` is in capitals.
bool is_keyword(std::string_view text, const Token& token, std::string_view keyword);

/// Whether the token is this operator or punctuation mark.
bool is_mark(std::string_view text, const Token& token, std::string_view mark);

/// What the identifier means: folded to lower case, or unquoted. Not for TokenKind::unicode.
std::string identifier(std::string_view text, const Token& token);

}  // namespace crossfade::migrations
