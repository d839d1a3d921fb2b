#include "migrations/newer_syntax.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

namespace crossfade::migrations {

namespace {

struct Pattern {
  std::string_view
      words;  ///< "_" is any one name; the parser gave up on one of them or on the token behind them
  std::string_view what;
  int major_version;
};

constexpr std::array kPatterns = {
    Pattern{"NOT NULL _ NOT VALID", "NOT NULL … NOT VALID", 18},
    Pattern{"CONSTRAINT _ NOT NULL _", "a NOT NULL table constraint", 18},
    Pattern{"ADD NOT NULL _", "a NOT NULL table constraint", 18},
    Pattern{"VIRTUAL", "GENERATED … VIRTUAL", 18},
    Pattern{"WITHOUT OVERLAPS", "WITHOUT OVERLAPS", 18},
    Pattern{"NOT ENFORCED", "NOT ENFORCED", 18},
    Pattern{"ENFORCED", "ENFORCED", 18},
    Pattern{"PERIOD _", "a foreign key with PERIOD", 18},
    Pattern{"VACUUM ONLY", "VACUUM ONLY", 18},
    Pattern{"ANALYZE ONLY", "ANALYZE ONLY", 18},
    Pattern{"ALTER CONSTRAINT _ INHERIT", "ALTER CONSTRAINT … INHERIT", 18},
    Pattern{"ALTER CONSTRAINT _ NO INHERIT", "ALTER CONSTRAINT … NO INHERIT", 18},
    Pattern{"SET EXPRESSION", "SET EXPRESSION", 17},
    Pattern{"SET STATISTICS DEFAULT", "SET STATISTICS DEFAULT", 17},
    Pattern{"SET ACCESS METHOD DEFAULT", "SET ACCESS METHOD DEFAULT", 17},
    Pattern{"BY SOURCE", "MERGE … NOT MATCHED BY SOURCE", 17},
    Pattern{"JSON_TABLE", "JSON_TABLE", 17},
    Pattern{"AT LOCAL", "AT LOCAL", 17},
    Pattern{"STORAGE _", "a column's STORAGE", 16},
    Pattern{"IS JSON", "IS JSON", 16},
    Pattern{"CREATE STATISTICS ON", "CREATE STATISTICS without a name", 16},
};

std::vector<std::string_view> split(std::string_view words) {
  std::vector<std::string_view> out;
  while (!words.empty()) {
    const std::size_t blank = words.find(' ');
    out.push_back(words.substr(0, blank));
    words.remove_prefix(blank == std::string_view::npos ? words.size() : blank + 1);
  }
  return out;
}

bool same_word(std::string_view text, const Token& token, std::string_view word) {
  if (word == "_") return token.is_name();
  return token.kind == TokenKind::word && lower_case(text_of(text, token)) == lower_case(word);
}

/// Whether the words stand in the statement so that the parser gave up inside them or right behind them.
bool stands_at(std::string_view text, std::span<const Token> statement,
               std::span<const std::string_view> words, std::size_t refused_at) {
  for (std::size_t first = 0; first + words.size() <= statement.size(); ++first) {
    const auto matches = [&](std::size_t index) {
      return same_word(text, statement[first + index], words[index]);
    };
    bool all = true;
    for (std::size_t index = 0; index < words.size() && all; ++index) all = matches(index);
    if (!all) continue;
    const std::size_t behind = first + words.size();
    const std::size_t reach = behind < statement.size() ? statement[behind].begin : text.size();
    if (statement[first].begin <= refused_at && refused_at <= reach) return true;
  }
  return false;
}

/// A generated column without STORED or VIRTUAL is virtual from 18 on.
bool is_generated_without_kind(std::string_view text, std::span<const Token> statement,
                               std::size_t refused_at) {
  for (std::size_t index = 0; index + 3 < statement.size(); ++index) {
    if (!is_keyword(text, statement[index], "ALWAYS") || !is_keyword(text, statement[index + 1], "AS"))
      continue;
    const int depth = statement[index].depth;
    const auto close =
        std::find_if(statement.begin() + static_cast<std::ptrdiff_t>(index) + 3, statement.end(),
                     [&](const Token& token) { return token.depth == depth && is_mark(text, token, ")"); });
    if (close == statement.end()) return false;
    const auto behind = close + 1;
    const std::size_t reach = behind == statement.end() ? text.size() : behind->begin;
    if (refused_at > close->begin && refused_at <= reach) return true;
  }
  return false;
}

}  // namespace

std::optional<NewerSyntax> newer_syntax(std::string_view text, std::span<const Token> statement,
                                        std::size_t refused_at) {
  for (const Pattern& pattern : kPatterns) {
    const std::vector<std::string_view> words = split(pattern.words);
    if (stands_at(text, statement, words, refused_at))
      return NewerSyntax{pattern.what, pattern.major_version};
  }
  if (is_generated_without_kind(text, statement, refused_at)) {
    return NewerSyntax{"a generated column without STORED", 18};
  }
  return std::nullopt;
}

}  // namespace crossfade::migrations
