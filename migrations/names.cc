#include "migrations/names.h"

#include <stdexcept>

#include "migrations/tokens.h"
#include "postgres/quoting.h"

namespace crossfade::migrations {

std::string TableReference::quoted() const {
  return schema ? postgres::QualifiedName{*schema, name}.quoted() : postgres::quote_identifier(name);
}

std::optional<std::vector<std::string>> parse_dotted_name(std::string_view text) {
  std::vector<Token> tokens;
  try {
    tokens = scan({text, "", 1});
  } catch (const Failure&) {
    return std::nullopt;
  }
  if (tokens.size() % 2 == 0) return std::nullopt;
  std::vector<std::string> parts;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const Token& token = tokens[index];
    if (index % 2 == 1) {
      if (!is_mark(text, token, ".")) return std::nullopt;
      continue;
    }
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) return std::nullopt;
    parts.push_back(identifier(text, token));
    if (parts.back().empty() || parts.back().size() > kLongestIdentifier) return std::nullopt;
  }
  return parts;
}

std::optional<TableReference> parse_table_reference(std::string_view text) {
  const auto parts = parse_dotted_name(text);
  if (!parts || parts->size() > 2) return std::nullopt;
  return table_reference(*parts);
}

TableReference table_reference(const std::vector<std::string>& parts) {
  if (parts.empty()) throw std::logic_error("a relation's name has no parts");
  if (parts.size() == 1) return {std::nullopt, parts.front()};
  return {parts[parts.size() - 2], parts.back()};
}

}  // namespace crossfade::migrations
