#include "migrations/partitioning.h"

#include <algorithm>
#include <charconv>

#include "migrations/tokens.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::migrations {

namespace {

constexpr int kMostPartitions = 1000;

/// Every read moves on only where it finds what it asks for.
class Reader {
 public:
  explicit Reader(const std::string& text) : text_(text) { tokens_ = without_comments(scan({text_, "", 1})); }

  bool done() const { return at_ == tokens_.size(); }

  bool word(std::string_view expected) {
    if (done() || tokens_[at_].kind != TokenKind::word ||
        lower_case(text_of(text_, tokens_[at_])) != expected)
      return false;
    ++at_;
    return true;
  }

  bool mark(std::string_view expected) {
    if (done() || !is_mark(text_, tokens_[at_], expected)) return false;
    ++at_;
    return true;
  }

  std::optional<std::string> name() {
    if (done() || (tokens_[at_].kind != TokenKind::word && tokens_[at_].kind != TokenKind::quoted))
      return std::nullopt;
    return identifier(text_, tokens_[at_++]);
  }

  /// A number, perhaps negative, or a string: as SQL.
  std::optional<std::string> literal() {
    const bool negative = mark("-");
    if (done() || tokens_[at_].kind != TokenKind::other) return std::nullopt;
    const std::string spelled(text_of(text_, tokens_[at_]));
    const bool number = spelled.front() >= '0' && spelled.front() <= '9';
    if (!number && (negative || spelled.front() != '\'')) return std::nullopt;
    ++at_;
    return (negative ? "-" : "") + spelled;
  }

  std::optional<int> number(int most) {
    const auto text = literal();
    int value = 0;
    if (!text) return std::nullopt;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc() || end != text->data() + text->size() || value < 1 || value > most)
      return std::nullopt;
    return value;
  }

 private:
  const std::string& text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

/// What a literal means: 'it''s' is it's, 12 is 12.
std::string meaning(const std::string& literal) {
  if (literal.front() != '\'') return literal;
  std::string out;
  for (std::size_t at = 1; at + 1 < literal.size(); ++at) {
    out.push_back(literal[at]);
    if (literal[at] == '\'') ++at;
  }
  return out;
}

bool read_table(Reader& reader, Partitioning& out) {
  if (reader.word("by")) return true;
  auto first = reader.name();
  if (!first) return false;
  out.table = TableReference{std::nullopt, *first};
  if (reader.mark(".")) {
    auto second = reader.name();
    if (!second) return false;
    out.table = TableReference{*first, *second};
  }
  return reader.word("by");
}

bool read_columns(Reader& reader, Partitioning& out) {
  if (!reader.mark("(")) return false;
  do {
    auto column = reader.name();
    if (!column) return false;
    out.columns.push_back(*column);
  } while (reader.mark(","));
  return reader.mark(")");
}

bool read_range(Reader& reader, Partitioning& out) {
  if (out.columns.size() != 1 || !reader.word("interval")) return false;
  const auto interval = reader.literal();
  if (!interval) return false;
  out.interval = meaning(*interval);
  while (!reader.done()) {
    if (reader.word("ahead")) {
      const auto ahead = reader.number(kMostPartitions);
      if (!ahead) return false;
      out.ahead = *ahead;
    } else if (reader.word("from")) {
      const auto from = reader.literal();
      if (!from) return false;
      out.from = meaning(*from);
    } else if (reader.word("to")) {
      const auto to = reader.literal();
      if (!to) return false;
      out.to = meaning(*to);
    } else if (reader.word("no") && reader.word("default")) {
      out.default_partition = false;
    } else {
      return false;
    }
  }
  return true;
}

bool read_group(Reader& reader, std::vector<std::string>& group) {
  if (!reader.mark("(")) return false;
  do {
    auto value = reader.word("null") ? std::optional<std::string>("NULL") : reader.literal();
    if (!value) return false;
    group.push_back(*value);
  } while (reader.mark(","));
  return reader.mark(")");
}

bool read_list(Reader& reader, Partitioning& out) {
  if (out.columns.size() != 1) return false;
  if (reader.word("values")) {
    do {
      out.groups.emplace_back();
      if (!read_group(reader, out.groups.back())) return false;
    } while (reader.mark(","));
  }
  if (reader.word("no")) {
    if (!reader.word("default")) return false;
    out.default_partition = false;
  }
  return reader.done();
}

bool read_hash(Reader& reader, Partitioning& out) {
  if (!reader.word("partitions")) reader.word("modulus");
  const auto count = reader.number(kMostPartitions);
  if (!count || *count < 2) return false;
  out.count = *count;
  out.default_partition = false;
  return reader.done();
}

}  // namespace

std::string Partitioning::key() const {
  std::string kind = method;
  std::transform(kind.begin(), kind.end(), kind.begin(), [](unsigned char c) { return std::toupper(c); });
  return kind + " (" + postgres::quote_identifiers(columns) + ")";
}

std::optional<Partitioning> parse_partitioning(const std::string& argument) {
  try {
    Reader reader(argument);
    Partitioning out;
    if (!read_table(reader, out)) return std::nullopt;
    for (const std::string_view method : {"range", "list", "hash"}) {
      if (out.method.empty() && reader.word(method)) out.method = method;
    }
    if (out.method.empty() || !read_columns(reader, out)) return std::nullopt;
    const bool read = out.method == "range"  ? read_range(reader, out)
                      : out.method == "list" ? read_list(reader, out)
                                             : read_hash(reader, out);
    return read ? std::optional(out) : std::nullopt;
  } catch (const Failure&) {
    return std::nullopt;
  }
}

}  // namespace crossfade::migrations
