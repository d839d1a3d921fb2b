#include "migrations/goose_annotations.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace crossfade::migrations {

namespace {

constexpr std::string_view kPrefix = "+goose";

enum class Annotation {
  up,
  down,
  statement_begin,
  statement_end,
  no_transaction,
  environment_on,
  environment_off
};

constexpr std::array<std::pair<std::string_view, Annotation>, 7> kAnnotations = {{
    {"up", Annotation::up},
    {"down", Annotation::down},
    {"statementbegin", Annotation::statement_begin},
    {"statementend", Annotation::statement_end},
    {"no transaction", Annotation::no_transaction},
    {"envsub on", Annotation::environment_on},
    {"envsub off", Annotation::environment_off},
}};

Failure refusal(const Source& source, std::size_t begin, std::string message) {
  const std::size_t end = source.text.find('\n', begin);
  return failure_at(
      source, begin,
      {.code = "malformed-marker",
       .message = std::move(message),
       .expected = "-- +goose Up, then at most one -- +goose Down, each at the start of its line; "
                   "StatementBegin and StatementEnd in pairs between them",
       .found = std::string(trimmed(source.text.substr(begin, end - begin))),
       .next = "correct the annotation, or reword the comment"});
}

bool starts_line(const Source& source, std::size_t begin) {
  return begin == 0 || source.text[begin - 1] == '\n';
}

/// What follows the dashes, or stands inside a block comment.
std::string_view body_of(const Source& source, const Token& token) {
  std::string_view text = source.text.substr(token.begin, token.end - token.begin);
  text.remove_prefix(std::min(text.find_first_not_of("-/* \t"), text.size()));
  return text;
}

std::optional<Annotation> read_annotation(const Source& source, const Token& token) {
  std::string_view body = body_of(source, token);
  if (!lower_case(body.substr(0, kPrefix.size())).starts_with(kPrefix)) return std::nullopt;
  if (token.kind == TokenKind::block || !starts_line(source, token.begin))
    throw refusal(source, token.begin, "an annotation of goose must begin its line");
  // goose tells capitals apart here, and nowhere else.
  if (!body.starts_with(kPrefix)) throw refusal(source, token.begin, "+goose is written in small letters");
  const std::string name = lower_case(trimmed(body.substr(kPrefix.size())));
  const auto* found = std::find_if(kAnnotations.begin(), kAnnotations.end(),
                                   [&name](const auto& each) { return each.first == name; });
  if (found == kAnnotations.end()) throw refusal(source, token.begin, "goose has no such annotation");
  return found->second;
}

/// goose's rules for what may follow what.
class Reader {
 public:
  explicit Reader(const Source& source) : source_(source) {}

  void take(Annotation annotation, std::size_t begin) {
    annotated_.push_back(begin);
    switch (annotation) {
      case Annotation::up:
        if (!sections_.markers.empty()) throw refusal(source_, begin, "there is an Up already");
        add(Section::up, begin);
        return;
      case Annotation::down:
        if (sections_.markers.size() != 1 || in_statement_)
          throw refusal(source_, begin, "Down must follow the one Up, outside of a statement");
        add(Section::down, begin);
        return;
      case Annotation::statement_begin:
        if (sections_.markers.empty() || in_statement_)
          throw refusal(source_, begin, "StatementBegin must stand in a section, outside of a statement");
        in_statement_ = true;
        opened_ = begin;
        return;
      case Annotation::statement_end:
        if (!in_statement_) throw refusal(source_, begin, "StatementEnd has no StatementBegin");
        in_statement_ = false;
        sections_.statement_ends.push_back(begin);
        return;
      case Annotation::no_transaction:
        in_transaction_ = false;
        return;
      case Annotation::environment_on:
        throw failure_at(source_, begin,
                         {.code = "foreign-format",
                          .message = "ENVSUB ON puts environment variables into the SQL",
                          .expected = "SQL that is the same for everybody who runs it",
                          .found = "-- +goose ENVSUB ON",
                          .next = "write the values out, and take the annotation away"});
      case Annotation::environment_off:
        return;
    }
  }

  Sections finish() {
    if (annotated_.empty()) return {};
    if (sections_.markers.empty()) throw refusal(source_, annotated_.front(), "there is no Up in the file");
    if (in_statement_) throw refusal(source_, opened_, "StatementBegin has no StatementEnd");
    require_lines();
    for (SectionMarker& each : sections_.markers) each.marker.in_transaction = in_transaction_;
    sections_.style = MarkerStyle::goose;
    return std::move(sections_);
  }

 private:
  void add(Section section, std::size_t begin) {
    sections_.markers.push_back({{.section = section}, begin, next_line(source_.text, begin)});
  }

  /// Every line that goose takes for an annotation must have been one here.
  void require_lines() const {
    for (std::size_t line = 0; line < source_.text.size(); line = next_line(source_.text, line)) {
      const std::string_view text = source_.text.substr(line, next_line(source_.text, line) - line);
      if (!trimmed(text).starts_with("--") || text.find(kPrefix) == std::string_view::npos) continue;
      if (std::find(annotated_.begin(), annotated_.end(), line) != annotated_.end()) continue;
      throw refusal(source_, line, "goose takes this line for an annotation, and in the SQL it is none");
    }
  }

  const Source& source_;
  Sections sections_;
  std::vector<std::size_t> annotated_;
  bool in_transaction_ = true;
  bool in_statement_ = false;
  std::size_t opened_ = 0;
};

}  // namespace

Sections read_goose_sections(const Source& source, std::span<const Token> tokens) {
  Reader reader(source);
  for (const Token& token : tokens) {
    if (!token.is_comment()) continue;
    if (const auto annotation = read_annotation(source, token)) reader.take(*annotation, token.begin);
  }
  return reader.finish();
}

}  // namespace crossfade::migrations
