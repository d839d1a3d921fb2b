#include "migrations/moved_names.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

std::optional<postgres::QualifiedName> qualified_name_at(std::string_view text,
                                                         const std::vector<Token>& tokens,
                                                         std::size_t index) {
  if (index + 2 >= tokens.size()) return std::nullopt;
  const bool named = tokens[index].is_name() && is_mark(text, tokens[index + 1], ".") &&
                     tokens[index + 2].is_name() && tokens[index].kind != TokenKind::unicode &&
                     tokens[index + 2].kind != TokenKind::unicode;
  if (!named || (index > 0 && is_mark(text, tokens[index - 1], "."))) return std::nullopt;
  return postgres::QualifiedName{identifier(text, tokens[index]), identifier(text, tokens[index + 2])};
}

const MovedName* find(std::span<const MovedName> names, const postgres::QualifiedName& name) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](const MovedName& moved) { return moved.from == name; });
  return found == names.end() ? nullptr : &*found;
}

/// A literal that is cast to regclass names a relation by itself.
std::optional<std::string> moved_literal(std::string_view text, const std::vector<Token>& tokens,
                                         std::size_t index, std::span<const MovedName> names) {
  const std::string_view literal = text_of(text, tokens[index]);
  if (index + 2 >= tokens.size() || literal.size() < 2 || literal.front() != '\'' ||
      !is_mark(text, tokens[index + 1], "::") || text_of(text, tokens[index + 2]) != "regclass")
    return std::nullopt;
  const std::string content(literal.substr(1, literal.size() - 2));
  if (content.find('\'') != std::string::npos) return std::nullopt;
  const std::string moved = with_moved_names(content, names);
  if (moved == content) return std::nullopt;
  return postgres::quote_literal(moved);
}

}  // namespace

std::string with_moved_names(std::string_view text, std::span<const MovedName> names) {
  const std::vector<Token> tokens = without_comments(scan({text, "", 1}));
  std::string out(text);
  // From the end, so that the places before it stay.
  for (std::size_t index = tokens.size(); index-- > 0;) {
    const Token& token = tokens[index];
    if (const auto literal = moved_literal(text, tokens, index, names)) {
      out.replace(token.begin, token.end - token.begin, *literal);
      continue;
    }
    const auto name = qualified_name_at(text, tokens, index);
    if (!name) continue;
    if (const MovedName* moved = find(names, *name))
      out.replace(token.begin, token.end - token.begin, postgres::quote_identifier(moved->schema));
  }
  return out;
}

}  // namespace crossfade::migrations
