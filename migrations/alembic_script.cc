#include "migrations/alembic_script.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/fingerprint.h"
#include "migrations/swallowed_semicolons.h"
#include "migrations/tokens.h"
#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// `-- Running upgrade a, b -> c`
struct Marker {
  std::size_t begin = 0;
  std::size_t end = 0;
  bool downgrade = false;
  std::vector<std::string> from;
  std::vector<std::string> to;
};

/// `%(name)s`
bool is_percent_parameter(std::string_view text) {
  if (!text.starts_with("%(")) return false;
  const std::size_t close = text.find(')');
  if (close == std::string_view::npos || close == 2 || !text.substr(close).starts_with(")s")) return false;
  const std::string_view name = text.substr(2, close - 2);
  return std::all_of(name.begin(), name.end(), [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
}

std::vector<std::string> identifiers(std::string_view list) {
  std::vector<std::string> out;
  while (!trimmed(list).empty()) {
    const std::size_t comma = list.find(',');
    out.emplace_back(trimmed(list.substr(0, comma)));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return out;
}

std::optional<Marker> read_marker(std::string_view text, const Token& token) {
  constexpr std::string_view kArrow = " -> ";
  const bool starts_line = token.begin == 0 || text[token.begin - 1] == '\n';
  if (token.kind != TokenKind::comment || !starts_line) return std::nullopt;
  std::string_view comment = text_of(text, token);
  Marker marker{.begin = token.begin, .end = token.end};
  for (const std::string_view lead : {"-- Running upgrade ", "-- Running downgrade "}) {
    if (!comment.starts_with(lead)) continue;
    comment.remove_prefix(lead.size());
    const std::size_t arrow = comment.find(kArrow);
    // The base is printed as nothing, and `strip` takes the blank behind the arrow.
    const std::size_t behind = arrow == std::string_view::npos ? comment.find(" ->") : arrow;
    if (behind == std::string_view::npos) return std::nullopt;
    marker.downgrade = lead.find("downgrade") != std::string_view::npos;
    marker.from = identifiers(comment.substr(0, behind));
    marker.to = identifiers(comment.substr(std::min(comment.size(), behind + 3)));
    const std::vector<std::string>& one = marker.downgrade ? marker.from : marker.to;
    if (one.size() != 1) return std::nullopt;
    return marker;
  }
  return std::nullopt;
}

Failure not_understood(const Source& source, std::size_t offset, std::string message, std::string expected,
                       std::string next) {
  const std::string_view rest = source.text.substr(std::min(offset, source.text.size()));
  return failure_at(source, offset,
                    {.code = "alembic-script",
                     .message = std::move(message),
                     .expected = std::move(expected),
                     .found = std::string(rest.substr(0, std::min<std::size_t>(rest.find('\n'), 120))),
                     .next = std::move(next)});
}

/// A named parameter that the dialect would have filled in: `:name` or `%(name)s`.
void require_no_parameters(const Source& source, std::span<const Token> tokens) {
  const std::string_view text = source.text;
  std::vector<char> brackets;
  for (std::size_t index = 0; index + 1 < tokens.size(); ++index) {
    const Token& token = tokens[index];
    const std::string_view mark = text_of(text, token);
    if (mark == "(" || mark == "[") brackets.push_back(mark.front());
    if ((mark == ")" || mark == "]") && !brackets.empty()) brackets.pop_back();
    // Between square brackets a colon makes a slice.
    const bool slice = !brackets.empty() && brackets.back() == '[';
    const bool colon =
        mark == ":" && !slice && tokens[index + 1].begin == token.end && tokens[index + 1].is_name();
    const bool percent = token.kind == TokenKind::other && mark.ends_with('%') &&
                         is_percent_parameter(text.substr(token.end - 1));
    if (!colon && !percent) continue;
    throw failure_at(
        source, token.begin,
        {.code = "alembic-parameter",
         .message = "a statement has a parameter whose value Alembic did not print",
         .expected = "literals in the place of parameters",
         .found = std::string(text.substr(token.begin, text.find_first_of(" \n,;", token.end) - token.begin)),
         .next =
             "Set literal_binds=True in context.configure() of env.py's offline mode, give the value with "
             "bindparams(), or use --record."});
  }
}

enum class TransactionControl { none, begin_or_commit, other };

TransactionControl transaction_control(const ParsedStatement& parsed) {
  if (parsed.node != "TransactionStmt") return TransactionControl::none;
  const std::string kind = tree::text(parsed.fields, "kind");
  const bool plain = kind == "TRANS_STMT_BEGIN" || kind == "TRANS_STMT_START" || kind == "TRANS_STMT_COMMIT";
  return plain ? TransactionControl::begin_or_commit : TransactionControl::other;
}

/// Everything but line ends becomes blank, so that lines and columns stay what they are.
void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end; ++at) {
    if (text[at] != '\n') text[at] = ' ';
  }
}

class Splitter {
 public:
  explicit Splitter(const Source& source)
      : text_(with_semicolons(source)), read_{text_, source.file, source.first_line} {
    tokens_ = scan(read_);
    for (const Token& token : tokens_) {
      if (auto marker = read_marker(text_, token)) markers_.push_back(std::move(*marker));
    }
  }

  AlembicScript run() {
    require_no_parameters(read_, without_comments(tokens_));
    const std::vector<ParsedStatement> statements = parse_sql(read_);
    own_ = text_;
    find_version_table(statements);
    for (const ParsedStatement& statement : statements) place(statement);
    for (const Marker& marker : markers_) blank(own_, marker.begin, marker.end);
    open_up_to(markers_.size());
    for (std::size_t index = 0; index < script_.revisions.size(); ++index) finish(index);
    return std::move(script_);
  }

 private:
  /// Where the statement's own first word stands.
  std::size_t first_word(const ParsedStatement& statement) const {
    for (const Token& token : tokens_) {
      if (token.begin >= statement.begin && !token.is_comment()) return token.begin;
    }
    return statement.begin;
  }

  std::size_t behind(const ParsedStatement& statement) const {
    return std::min(statement.end + 1, text_.size());
  }

  /// Revisions begin where their comments stand; one without statements has nothing but that.
  void open_up_to(std::size_t count) {
    while (script_.revisions.size() < count) {
      const Marker& marker = markers_[script_.revisions.size()];
      AlembicRevision revision;
      revision.downgrade = marker.downgrade;
      revision.revision = marker.downgrade ? marker.from.front() : marker.to.front();
      revision.from = marker.from;
      revision.to = marker.to;
      revision.first_line = position_at(read_, marker.begin).line;
      script_.revisions.push_back(std::move(revision));
    }
  }

  void place(const ParsedStatement& statement) {
    const std::size_t begin = first_word(statement);
    open_up_to(revisions_before(begin));
    const TransactionControl control = transaction_control(statement);
    if (control == TransactionControl::other) {
      throw not_understood(
          read_, begin, "a revision controls its transaction by more than BEGIN and COMMIT",
          "BEGIN and COMMIT, as Alembic prints them",
          "Take the statement out of the revision: crossfade decides what commits together.");
    }
    const auto version = control == TransactionControl::none ? version_statement(statement) : std::nullopt;
    const bool starts =
        script_.revisions.empty() && creates_version_table(statement) && script_.create_version_table.empty();
    const bool drops = !script_.revisions.empty() && script_.revisions.back().downgrade &&
                       statement.node == "DropStmt" && script_.revisions.back().to.empty() &&
                       !script_.revisions.back().version_changes.empty();
    if (starts) {
      script_.create_version_table = trimmed(std::string_view(text_).substr(begin, statement.end - begin));
    } else if (version && version->table == script_.version_table && !script_.revisions.empty()) {
      add_version(*version, begin);
    } else if (control == TransactionControl::none && !drops) {
      add_statement(statement, begin);
      return;
    }
    blank(own_, begin, behind(statement));
  }

  /// How many revisions have begun before this offset.
  std::size_t revisions_before(std::size_t offset) const {
    return static_cast<std::size_t>(std::count_if(
        markers_.begin(), markers_.end(), [&](const Marker& marker) { return marker.begin < offset; }));
  }

  /// The table is named by the first change of its that has the revision of the comment above it.
  void find_version_table(const std::vector<ParsedStatement>& statements) {
    for (const ParsedStatement& statement : statements) {
      const std::size_t count = revisions_before(first_word(statement));
      const auto version = count == 0 ? std::nullopt : version_statement(statement);
      if (!version) continue;
      const Marker& marker = markers_[count - 1];
      const bool named = marker.downgrade ? version->change.from == marker.from.front()
                                          : version->change.to == marker.to.front();
      if (!named) continue;
      script_.version_table = version->table;
      return;
    }
  }

  void add_version(const VersionStatement& statement, std::size_t begin) {
    VersionChange change = statement.change;
    change.line = position_at(read_, begin).line;
    script_.revisions.back().version_changes.push_back(std::move(change));
  }

  void add_statement(const ParsedStatement& statement, std::size_t begin) {
    if (script_.revisions.empty()) {
      throw not_understood(read_, begin, "a statement stands outside of every revision",
                           "nothing but BEGIN and the version table before the first revision",
                           "Let env.py run such statements online only, or use --record.");
    }
    AlembicRevision& revision = script_.revisions.back();
    if (!revision.version_changes.empty()) {
      throw not_understood(read_, begin,
                           "a statement stands behind the version row of revision " + revision.revision,
                           "the version row as the last statement of its revision",
                           "Take the callback on_version_apply out of offline mode, or use --record.");
    }
    revision.statements.emplace_back(trimmed(std::string_view(text_).substr(begin, statement.end - begin)));
  }

  void finish(std::size_t index) {
    AlembicRevision& revision = script_.revisions[index];
    const std::size_t begin = markers_[index].begin;
    const std::size_t end = index + 1 < markers_.size() ? markers_[index + 1].begin : own_.size();
    if (!is_version_step(revision)) {
      throw not_understood(
          read_, begin, "the version rows do not follow from the comment of revision " + revision.revision,
          fmt::format("rows that {} {}", revision.downgrade ? "take away" : "end with", revision.revision),
          "Check that the script is whole, and that no revision changes Alembic's version table itself.");
    }
    revision.sql = own_.substr(begin, end - begin);
  }

  std::string text_;  ///< each statement with its own semicolon
  Source read_;
  std::string own_;  ///< what belongs to the revisions
  std::vector<Token> tokens_;
  std::vector<Marker> markers_;
  AlembicScript script_;
};

}  // namespace

AlembicScript split_alembic_script(const Source& source) {
  return Splitter(source).run();
}

std::string AlembicRevision::fingerprint() const {
  std::string all;
  for (const std::string& statement : statements) all += statement + ";\n";
  return migrations::fingerprint(all);
}

bool is_version_step(const AlembicRevision& revision) {
  const auto& changes = revision.version_changes;
  if (changes.empty()) return false;
  const VersionChange& last = changes.back();
  const auto before = std::span(changes).first(changes.size() - 1);
  const auto goes = [](const VersionChange& change) { return change.to.empty(); };
  const auto comes = [](const VersionChange& change) { return change.from.empty(); };
  if (!revision.downgrade) {
    return last.to == revision.revision && std::all_of(before.begin(), before.end(), goes) &&
           (before.empty() || !last.from.empty());
  }
  return last.from == revision.revision && std::all_of(before.begin(), before.end(), comes) &&
         (before.empty() || !last.to.empty());
}

std::set<std::string> apply_version_changes(const std::set<std::string>& heads,
                                            const AlembicRevision& revision) {
  std::set<std::string> out = heads;
  for (const VersionChange& change : revision.version_changes) {
    const bool there = change.from.empty() || out.erase(change.from) == 1;
    const bool new_row = change.to.empty() || out.insert(change.to).second;
    if (there && new_row) continue;
    std::string found;
    for (const std::string& head : heads) found += (found.empty() ? "" : ", ") + head;
    throw Failure(ExitCode::refused,
                  {.code = "alembic-version",
                   .object = "revision " + revision.revision,
                   .message = "its step in Alembic's version table does not follow from the rows there",
                   .expected = there ? "no row " + change.to : "a row " + change.from,
                   .found = found.empty() ? "no rows" : found,
                   .next = "Compare `crossfade alembic current` with `alembic history`; name one branch as "
                           "the target, as in branch@head."});
  }
  return out;
}

PercentSigns percent_signs(std::string_view script) {
  PercentSigns out = PercentSigns::none;
  for (std::size_t at = script.find('%'); at != std::string_view::npos; at = script.find('%', at)) {
    const std::size_t end = std::min(script.find_first_not_of('%', at), script.size());
    const bool odd = (end - at) % 2 == 1;
    if (odd && !is_percent_parameter(script.substr(end - 1))) return PercentSigns::plain;
    if (!odd || end - at > 1) out = PercentSigns::unclear;
    at = end;
  }
  return out;
}

std::string with_single_percents(std::string_view script) {
  std::string out;
  for (std::size_t at = 0; at < script.size(); ++at) {
    out.push_back(script[at]);
    if (script[at] == '%' && at + 1 < script.size() && script[at + 1] == '%') ++at;
  }
  return out;
}

}  // namespace crossfade::migrations
