#include "migrations/directive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <regex>

#include "migrations/partitioning.h"
#include "migrations/sql_parser.h"
#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

constexpr std::string_view kKnown =
    "revises, depends-on, labels, backfill, down, partition, sequence, rewrite, allow, opaque";

/// The comment's own words, without its dashes or its slash and asterisk.
std::string_view body_of(const Source& source, std::size_t begin, std::size_t end) {
  std::string_view comment = source.text.substr(begin, end - begin);
  const bool block = comment.starts_with("/*");
  comment.remove_prefix(2);
  if (block) comment.remove_suffix(2);
  return trimmed(comment);
}

bool is_block(const Source& source, std::size_t begin) {
  return source.text.substr(begin, 2) == "/*";
}

bool starts_line(const Source& source, std::size_t begin) {
  return begin == 0 || source.text[begin - 1] == '\n' || source.text[begin - 1] == '\r';
}

struct FirstWord {
  std::string_view word;
  std::string_view rest;
};

FirstWord split_word(std::string_view text) {
  const std::size_t blank = text.find_first_of(" \t");
  if (blank == std::string_view::npos) return {text, {}};
  return {text.substr(0, blank), trimmed(text.substr(blank))};
}

bool is_code(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

}  // namespace

Failure malformed(const Source& source, const RawDirective& directive, std::string expected) {
  return failure_at(source, directive.begin,
                    {.code = "malformed-directive",
                     .message = fmt::format("the directive crossfade:{} is not understood", directive.name),
                     .expected = std::move(expected),
                     .found = directive.argument.empty() ? "nothing" : std::string(directive.argument),
                     .next = "correct the directive"});
}

std::optional<RawDirective> read_directive(const Source& source, std::size_t begin, std::size_t end) {
  constexpr std::string_view kPrefix = "crossfade:";
  const std::string_view body = body_of(source, begin, end);
  if (!lower_case(body.substr(0, kPrefix.size())).starts_with(kPrefix)) return std::nullopt;
  const FirstWord words = split_word(body.substr(kPrefix.size()));
  const RawDirective directive{words.word, words.rest, begin};
  if (is_block(source, begin) || !body.starts_with(kPrefix) || directive.name.empty()) {
    throw malformed(source, directive,
                    "a line comment such as: -- crossfade:depends-on 20261120_1015_add_region");
  }
  return directive;
}

std::vector<std::string> read_list(const Source& source, const RawDirective& directive) {
  std::vector<std::string> out;
  std::string_view rest = directive.argument;
  while (true) {
    const std::size_t comma = rest.find(',');
    const std::string element(trimmed(rest.substr(0, comma)));
    if (element.empty()) throw malformed(source, directive, "one or more names, separated by commas");
    if (std::find(out.begin(), out.end(), element) != out.end()) {
      throw malformed(source, directive, "every name once; " + element + " is repeated");
    }
    out.push_back(element);
    if (comma == std::string_view::npos) return out;
    rest.remove_prefix(comma + 1);
  }
}

ColumnExpression read_column_expression(const Source& source, const RawDirective& directive) {
  const std::string expected = "[table.]column = expression";
  const std::string_view argument = directive.argument;
  const auto offset = static_cast<std::size_t>(argument.data() - source.text.data());
  std::vector<Token> tokens;
  try {
    tokens = scan({argument, "", 1});
  } catch (const Failure&) {
    throw malformed(source, directive, expected);
  }
  // The first one outside of brackets; an expression's own comparison can only stand behind it.
  const auto equals = std::find_if(tokens.begin(), tokens.end(),
                                   [&](const Token& token) { return is_mark(argument, token, "="); });
  if (equals == tokens.end()) throw malformed(source, directive, expected);
  auto parts = parse_dotted_name(argument.substr(0, equals->begin));
  if (!parts || parts->size() > 3) throw malformed(source, directive, expected);

  ColumnExpression out;
  out.column = parts->back();
  parts->pop_back();
  if (!parts->empty()) out.table = table_reference(*parts);
  out.expression = trimmed(argument.substr(equals->end));
  out.line = position_at(source, directive.begin).line;
  require_expression(source, offset + equals->end, out.expression);
  return out;
}

Directive read_planner_directive(const Source& source, const RawDirective& directive) {
  Directive out;
  out.name = directive.name;
  out.line = position_at(source, directive.begin).line;
  const FirstWord words = split_word(directive.argument);
  if (out.name == "partition") {
    if (!parse_partitioning(std::string(directive.argument)))
      throw malformed(source, directive, std::string(kPartitioningForms));
    out.argument = directive.argument;
  } else if (out.name == "sequence") {
    constexpr std::array kTypes = {"smallint", "integer", "bigint"};
    const std::string type = lower_case(words.rest);
    if (lower_case(words.word) != "as" || std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
      throw malformed(source, directive, "sequence as smallint|integer|bigint");
    }
    out.argument = "as " + type;
  } else if (out.name == "allow") {
    if (!is_code(words.word) || words.rest.empty()) throw malformed(source, directive, "allow CODE reason");
    out.argument = words.word;
    out.reason = words.rest;
  } else if (out.name == "opaque") {
    if (directive.argument.empty()) throw malformed(source, directive, "opaque reason");
    out.reason = directive.argument;
  } else {
    throw failure_at(source, directive.begin,
                     {.code = "unknown-directive",
                      .message = fmt::format("there is no directive crossfade:{}", directive.name),
                      .expected = std::string(kKnown),
                      .found = out.name,
                      .next = "correct the name, or take the comment out"});
  }
  return out;
}

std::optional<Marker> read_marker(const Source& source, std::size_t begin, std::size_t end) {
  constexpr std::string_view kPrefix = "migrate:";
  const std::string_view body = body_of(source, begin, end);
  if (!lower_case(body.substr(0, kPrefix.size())).starts_with(kPrefix)) return std::nullopt;
  const auto refuse = [&](std::string message) {
    throw failure_at(
        source, begin,
        {.code = "malformed-marker",
         .message = std::move(message),
         .expected = "-- migrate:up or -- migrate:down at the start of a line, with nothing behind it "
                     "but transaction:true or transaction:false",
         .found = std::string(body),
         .next = "correct the marker, or reword the comment"});
  };
  if (is_block(source, begin) || !starts_line(source, begin)) refuse("a section marker must begin its line");
  if (!body.starts_with(kPrefix)) refuse("the marker is written in small letters");
  FirstWord words = split_word(body.substr(kPrefix.size()));
  Marker marker;
  if (words.word == "down") {
    marker.section = Section::down;
  } else if (words.word != "up") {
    refuse("there are no sections but up and down");
  }
  while (!words.rest.empty()) {
    words = split_word(words.rest);
    if (words.word != "transaction:false" && words.word != "transaction:true")
      refuse("the option is not known");
    marker.in_transaction = words.word == "transaction:true";
  }
  return marker;
}

namespace {

/// A line that tells up from down in some other tool's way, or nearly in dbmate's or goose's: what stands
/// behind it must not be taken for more of the same section.
void refuse_other_sections(const Source& source, std::size_t begin, std::size_t end) {
  static const std::regex sections(
      R"re(-+\s*[@+!#/]*\s*((goose|migrat\w*)[\s:]*)?(up|down)(\s+(migration|begin|end))?\s*:?)re",
      std::regex::icase);
  static const std::regex ruled(
      R"re(--\s*([=\-*#>]{2,}\s*)?(step\s*:\s*)?(up|down|upgrade|downgrade|forwards?|backwards?|rollback|undo)(\s*[=\-*#<]{2,})?)re",
      std::regex::icase);
  static const std::regex sqitch(R"re(--\s*(deploy|revert|verify)\s+\S+:\S+\s+(to|from|on)\s+\S+)re",
                                 std::regex::icase);
  const std::size_t line = begin == 0 ? 0 : source.text.rfind('\n', begin - 1) + 1;
  const bool alone = trimmed(source.text.substr(line, begin - line)).empty();
  const std::string comment(trimmed(source.text.substr(begin, end - begin)));
  // These are known, and read elsewhere.
  static const std::regex markers(R"re(--\s*(\+goose|migrate:).*)re", std::regex::icase);
  const bool known = std::regex_match(comment, markers);
  std::smatch rule;
  // The word alone is a comment like any other.
  const bool drawn =
      std::regex_match(comment, rule, ruled) && (rule[1].matched || rule[2].matched || rule[4].matched);
  const bool divides = drawn || std::regex_match(comment, sections) || std::regex_match(comment, sqitch);
  if (!alone || known || !divides) return;
  throw failure_at(source, begin,
                   {.code = "foreign-format",
                    .message = "this line looks like a marker of sections, and crossfade does not know it",
                    .expected = "sections that begin with -- migrate:up and -- migrate:down, or plain SQL",
                    .found = comment,
                    .next = "rewrite the markers as crossfade's, or word the comment otherwise"});
}

}  // namespace

void refuse_foreign_annotation(const Source& source, std::size_t begin, std::size_t end) {
  struct Annotation {
    std::string_view prefix;  ///< in lower case
    std::string_view tool;
  };
  constexpr std::array kAnnotations = {
      Annotation{"+migrate", "sql-migrate"},
      Annotation{"+micrate", "micrate"},
      Annotation{"liquibase formatted sql", "Liquibase"},
      Annotation{"changeset ", "Liquibase"},
      Annotation{"running upgrade", "Alembic"},
      Annotation{"running downgrade", "Alembic"},
      Annotation{"!ups", "Play evolutions"},
      Annotation{"!downs", "Play evolutions"},
      Annotation{"rambler up", "rambler"},
      Annotation{"rambler down", "rambler"},
      Annotation{"//@undo", "MyBatis migrations"},
      Annotation{"create above / drop below", "tern"},
  };
  refuse_other_sections(source, begin, end);
  // Some of them draw a line of dashes in front.
  std::string body = lower_case(body_of(source, begin, end));
  body.erase(0, std::min(body.find_first_not_of("- "), body.size()));
  for (const Annotation& annotation : kAnnotations) {
    if (!body.starts_with(annotation.prefix)) continue;
    throw failure_at(
        source, begin,
        {.code = "foreign-format",
         .message = fmt::format("this file is in the format of {}, and would be misread", annotation.tool),
         .expected = "sections that begin with -- migrate:up and -- migrate:down, or plain SQL",
         .found = std::string(trimmed(source.text.substr(begin, end - begin))),
         .next = "rewrite the annotations as crossfade's, or point --dir at another folder"});
  }
}

}  // namespace crossfade::migrations
