#include "migrations/tokens.h"

#include <pg_query.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>

namespace crossfade::migrations {

namespace {

/// The few wire types of protocol buffers that a scan result has: varints, and messages with a length in
/// front.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) break;
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    throw std::logic_error("the scanner's result has a broken number");
  }

  std::string_view message() {
    const std::uint64_t length = varint();
    if (length > rest_.size()) throw std::logic_error("the scanner's result ends too early");
    const std::string_view body = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return body;
  }

 private:
  std::string_view rest_;
};

constexpr std::uint64_t kWireTypeBits = 3;
constexpr std::uint64_t kWireTypeMask = 7;
constexpr std::uint64_t kLengthDelimited = 2;

// By the first and the last byte instead of the scanner's token numbers, because those change with every
// release.
TokenKind kind_of(std::string_view token) {
  if (token.starts_with("--")) return TokenKind::comment;
  if (token.starts_with("/*")) return TokenKind::block;
  const auto first = static_cast<unsigned char>(token.front());
  if (first == '"') return TokenKind::quoted;
  if (token.size() > 2 && (first == 'u' || first == 'U') && token.substr(1, 2) == "&\"")
    return TokenKind::unicode;
  const bool letter =
      (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || first == '_' || first >= 0x80;
  return letter && token.back() != '\'' ? TokenKind::word : TokenKind::other;
}

/// Without its end and kind. The scanner's own ends are wrong for U&"names" and U&'literals'.
Token read_token(std::string_view bytes) {
  constexpr std::uint64_t kStart = 1;
  constexpr std::uint64_t kKeywordKind = 5;
  Token token;
  WireReader reader(bytes);
  while (!reader.done()) {
    const std::uint64_t field = reader.varint() >> kWireTypeBits;
    const std::uint64_t value = reader.varint();
    if (field == kStart) token.begin = value;
    if (field == kKeywordKind) token.keyword = value != 0;
  }
  return token;
}

/// Between two tokens there is nothing but blanks, because comments are tokens too; so a token ends where
/// these begin.
void complete(std::string_view text, std::vector<Token>& tokens) {
  int depth = 0;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    Token& token = tokens[index];
    const std::size_t next = index + 1 < tokens.size() ? tokens[index + 1].begin : text.size();
    if (token.begin >= next || next > text.size())
      throw std::logic_error("the scanner's tokens are out of order");
    const std::string_view spelled = trimmed(text.substr(token.begin, next - token.begin));
    if (spelled.empty()) throw std::logic_error("the scanner found a token in a blank");
    token.end = token.begin + spelled.size();
    token.kind = kind_of(spelled);
    if (spelled == ")" || spelled == "]") --depth;
    token.depth = depth;
    if (spelled == "(" || spelled == "[") ++depth;
  }
}

}  // namespace

std::vector<Token> scan(const Source& source) {
  const std::string terminated(source.text);
  PgQueryScanResult raw = pg_query_scan(terminated.c_str());
  const std::unique_ptr<PgQueryScanResult, void (*)(PgQueryScanResult*)> result(
      &raw, [](PgQueryScanResult* scanned) { pg_query_free_scan_result(*scanned); });
  if (raw.error != nullptr) {
    const int character = std::max(raw.error->cursorpos, 1) - 1;
    throw failure_at(source, offset_of_character(source.text, static_cast<std::size_t>(character)),
                     {.code = "syntax-error",
                      .message = raw.error->message,
                      .expected = "every literal, comment and quoted name to be closed",
                      .next = "correct the SQL"});
  }
  std::vector<Token> tokens;
  WireReader reader(std::string_view(raw.pbuf.data, raw.pbuf.len));
  while (!reader.done()) {
    if ((reader.varint() & kWireTypeMask) != kLengthDelimited) {
      reader.varint();
      continue;
    }
    tokens.push_back(read_token(reader.message()));
  }
  complete(source.text, tokens);
  return tokens;
}

std::vector<Token> without_comments(std::span<const Token> tokens) {
  std::vector<Token> out;
  std::copy_if(tokens.begin(), tokens.end(), std::back_inserter(out),
               [](const Token& token) { return !token.is_comment(); });
  return out;
}

std::string_view text_of(std::string_view text, const Token& token) {
  return text.substr(token.begin, token.end - token.begin);
}

bool is_keyword(std::string_view text, const Token& token, std::string_view keyword) {
  return token.keyword && token.kind == TokenKind::word &&
         lower_case(text_of(text, token)) == lower_case(keyword);
}

bool is_mark(std::string_view text, const Token& token, std::string_view mark) {
  return token.kind == TokenKind::other && text_of(text, token) == mark;
}

std::string identifier(std::string_view text, const Token& token) {
  const std::string_view spelled = text_of(text, token);
  if (token.kind == TokenKind::word) return lower_case(spelled);
  if (token.kind != TokenKind::quoted) throw std::logic_error("not a plain identifier");
  std::string out;
  const std::string_view inner = spelled.substr(1, spelled.size() - 2);
  for (std::size_t at = 0; at < inner.size(); ++at) {
    out.push_back(inner[at]);
    if (inner[at] == '"') ++at;
  }
  return out;
}

}  // namespace crossfade::migrations
