#include "migrations/repoint.h"

#include <algorithm>
#include <initializer_list>
#include <stdexcept>
#include <vector>

#include "migrations/tokens.h"

namespace crossfade::migrations {

std::string with_relation(const Statement& statement, const postgres::QualifiedName& relation) {
  if (!statement.table || statement.table_begin >= statement.table_end) {
    throw std::logic_error("a statement without a target relation cannot be re-pointed: " + statement.text);
  }
  std::string text = statement.text;
  return text.replace(statement.table_begin, statement.table_end - statement.table_begin, relation.quoted());
}

bool names_other_relations(const Statement& statement) {
  return statement.refers_to_other_relations;
}

std::string with_concurrently(const Statement& statement) {
  const bool drops_index = statement.node == "DropStmt" && statement.object_type == "OBJECT_INDEX";
  const bool refreshes = statement.node == "RefreshMatViewStmt";
  if (statement.node != "IndexStmt" && statement.node != "ReindexStmt" && !drops_index && !refreshes) {
    throw std::logic_error("this kind of statement has no CONCURRENTLY: " + statement.text);
  }
  if (statement.concurrent) return statement.text;
  const std::vector<Token> tokens = scan({statement.text, "", 1});
  const auto object = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
    if (token.depth > 0) return false;
    // REINDEX TABLE has its TABLE where the others have INDEX.
    if (refreshes) return is_keyword(statement.text, token, "VIEW");
    return is_keyword(statement.text, token, "INDEX") ||
           (statement.node == "ReindexStmt" &&
            (is_keyword(statement.text, token, "TABLE") || is_keyword(statement.text, token, "SCHEMA") ||
             is_keyword(statement.text, token, "DATABASE")));
  });
  if (object == tokens.end()) throw std::logic_error("no INDEX in " + statement.text);
  std::string text = statement.text;
  return text.insert(object->end, " CONCURRENTLY");
}

std::string without_concurrently(const Statement& statement) {
  if (!statement.concurrent) return statement.text;
  const std::vector<Token> tokens = scan({statement.text, "", 1});
  const auto word = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.depth == 0 && is_keyword(statement.text, token, "CONCURRENTLY");
  });
  if (word == tokens.end()) throw std::logic_error("no CONCURRENTLY in " + statement.text);
  std::string text = statement.text;
  return text.erase(word->begin, word->end - word->begin);
}

namespace {

struct WrittenName {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string last;  ///< what its last part means
};

/// The dotted name at `index`; null where there is none, or one with an escape character.
std::optional<WrittenName> name_at(std::string_view text, const std::vector<Token>& tokens,
                                   std::size_t index) {
  std::optional<WrittenName> out;
  while (index < tokens.size() && tokens[index].is_name()) {
    if (tokens[index].kind == TokenKind::unicode) return std::nullopt;
    if (!out) out = WrittenName{.begin = tokens[index].begin};
    out->end = tokens[index].end;
    out->last = identifier(text, tokens[index]);
    if (index + 1 >= tokens.size() || !is_mark(text, tokens[index + 1], ".")) break;
    index += 2;
  }
  return out;
}

bool stand_at(std::string_view text, const std::vector<Token>& tokens, std::size_t index,
              std::initializer_list<std::string_view> words) {
  if (index + words.size() > tokens.size()) return false;
  return std::equal(words.begin(), words.end(), tokens.begin() + static_cast<std::ptrdiff_t>(index),
                    [&](std::string_view word, const Token& token) { return is_keyword(text, token, word); });
}

}  // namespace

std::optional<std::string> with_new_name(const Statement& statement, const postgres::QualifiedName& name) {
  const std::vector<Token> tokens = without_comments(scan({statement.text, "", 1}));
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index].depth > 0 || !stand_at(statement.text, tokens, index, {"IF", "NOT", "EXISTS"}))
      continue;
    const auto written = name_at(statement.text, tokens, index + 3);
    if (!written) return std::nullopt;
    std::string text = statement.text;
    return text.replace(tokens[index].begin, written->end - tokens[index].begin, name.quoted());
  }
  return std::nullopt;
}

std::optional<std::string> with_related_tables_in(std::string_view text, const std::string& schema) {
  const std::vector<Token> tokens = without_comments(scan({text, "", 1}));
  std::string out(text);
  // From the end, so that the places before it stay.
  for (std::size_t index = tokens.size(); index-- > 0;) {
    std::size_t name = 0;
    if (stand_at(text, tokens, index, {"REFERENCES"})) name = index + 1;
    if (stand_at(text, tokens, index, {"PARTITION", "OF"})) name = index + 2;
    if (name == 0) continue;
    const auto written = name_at(text, tokens, name);
    if (!written) return std::nullopt;
    out.replace(written->begin, written->end - written->begin,
                postgres::QualifiedName{schema, written->last}.quoted());
  }
  return out;
}

std::string without_data(std::string_view text) {
  const std::vector<Token> tokens = without_comments(scan({text, "", 1}));
  std::size_t end = text.size();
  for (std::size_t words = 2; words <= 3 && words < tokens.size(); ++words) {
    const std::size_t first = tokens.size() - words;
    const bool data = words == 2 ? stand_at(text, tokens, first, {"WITH", "DATA"})
                                 : stand_at(text, tokens, first, {"WITH", "NO", "DATA"});
    if (data && tokens[first].depth == 0) end = tokens[first].begin;
  }
  return std::string(text.substr(0, end)) + "\nWITH NO DATA";
}

std::string without_owner_column(std::string_view text) {
  const std::vector<Token> tokens = without_comments(scan({text, "", 1}));
  std::string out(text);
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (!stand_at(text, tokens, index, {"OWNED", "BY"})) continue;
    const auto name = name_at(text, tokens, index + 2);
    if (name) out.erase(tokens[index].begin, name->end - tokens[index].begin);
    break;
  }
  return out;
}

}  // namespace crossfade::migrations
