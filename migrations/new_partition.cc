#include "migrations/new_partition.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

/// What a partition takes from its parent, and ATTACH demands or gives: the rest (indexes, foreign keys,
/// triggers, identity) comes with ATTACH.
constexpr std::string_view kLike =
    "INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION";

/// Reads the statement's own tokens from front to back.
class Reader {
 public:
  Reader(const std::string& text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  bool skip_to(std::string_view first, std::string_view second) {
    for (; next_ + 1 < tokens_.size(); ++next_) {
      if (tokens_[next_].depth == 0 && is(first, 0) && is(second, 1)) return true;
    }
    return false;
  }
  bool is(std::string_view keyword, std::size_t ahead = 0) const {
    return next_ + ahead < tokens_.size() && is_keyword(text_, tokens_[next_ + ahead], keyword);
  }
  bool is_mark_here(std::string_view mark) const {
    return next_ < tokens_.size() && is_mark(text_, tokens_[next_], mark);
  }
  void skip(std::size_t count = 1) { next_ += count; }
  /// Behind the bracket that closes the one here.
  void skip_brackets() {
    const int depth = tokens_[next_].depth;
    for (++next_; next_ < tokens_.size() && tokens_[next_].depth > depth; ++next_) {
    }
    ++next_;
  }
  std::size_t offset() const { return next_ < tokens_.size() ? tokens_[next_].begin : text_.size(); }
  /// From there to the end of the last token read: a comment in between would swallow what is put behind it.
  std::string text_since(std::size_t begin) const {
    return text_.substr(begin, tokens_[std::min(next_, tokens_.size()) - 1].end - begin);
  }

 private:
  const std::string& text_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0;
};

void skip_name(Reader& reader) {
  reader.skip();
  while (reader.is_mark_here(".")) reader.skip(2);
}

/// FOR VALUES IN (…) | FROM (…) TO (…) | WITH (…), or DEFAULT.
void skip_bound(Reader& reader) {
  if (reader.is("DEFAULT")) return reader.skip();
  reader.skip(2);
  const bool range = reader.is("FROM");
  reader.skip();
  reader.skip_brackets();
  if (!range) return;
  reader.skip();
  reader.skip_brackets();
}

}  // namespace

std::optional<NewPartition> new_partition(const Statement& statement) {
  if (statement.node != "CreateStmt" || !statement.table) return std::nullopt;
  const std::string& text = statement.text;
  Reader reader(text, without_comments(scan({text, "", 1})));
  if (!reader.skip_to("PARTITION", "OF")) return std::nullopt;
  const std::string head = reader.text_since(0);
  reader.skip(2);
  const std::size_t parent_begin = reader.offset();
  skip_name(reader);
  const std::string parent = reader.text_since(parent_begin);
  if (!reader.is("FOR") && !reader.is("DEFAULT")) return std::nullopt;
  const std::size_t bound_begin = reader.offset();
  skip_bound(reader);
  const std::string bound = reader.text_since(bound_begin);
  const std::string rest = text.substr(reader.offset());
  NewPartition out;
  out.create = fmt::format("{} (LIKE {} {}){}{}", head, parent, kLike, rest.empty() ? "" : " ", rest);
  out.attach = fmt::format("ATTACH PARTITION {} {}", statement.table->quoted(), bound);
  out.drop = "DROP TABLE IF EXISTS " + statement.table->quoted();
  return out;
}

}  // namespace crossfade::migrations
