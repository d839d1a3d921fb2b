#include "migrations/sql_parser.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "migrations/newer_syntax.h"
#include "migrations/tokens.h"
#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// The tokens between the semicolons around `offset`.
std::vector<Token> statement_around(std::string_view text, std::span<const Token> tokens,
                                    std::size_t offset) {
  std::vector<Token> out;
  for (const Token& token : tokens) {
    if (!is_mark(text, token, ";")) {
      out.push_back(token);
    } else if (token.begin < offset) {
      out.clear();
    } else {
      break;
    }
  }
  return out;
}

Failure refusal(const Source& source, const PgQueryError& error) {
  const int character = std::max(error.cursorpos, 1) - 1;
  const std::size_t at = offset_of_character(source.text, static_cast<std::size_t>(character));
  const std::vector<Token> tokens = without_comments(scan(source));
  const auto newer = newer_syntax(source.text, statement_around(source.text, tokens, at), at);
  if (newer) {
    return failure_at(
        source, at,
        {.code = "newer-syntax",
         .message = fmt::format("{} is SQL of PostgreSQL {}, and the parser knows PostgreSQL {}'s grammar",
                                newer->what, newer->major_version, PG_MAJORVERSION),
         .expected = fmt::format("SQL that PostgreSQL {} can parse", PG_MAJORVERSION),
         .found = error.message,
         .next =
             "write the change in older words where there are any, or run this statement by hand and stamp "
             "the revision"});
  }
  const bool psql_command = at < source.text.size() && source.text[at] == '\\';
  return failure_at(
      source, at,
      {.code = "syntax-error",
       .message = error.message,
       .expected =
           fmt::format("SQL of PostgreSQL {}'s grammar, the newest that the parser knows", PG_MAJORVERSION),
       .next = psql_command ? "take psql's backslash commands out: they are not SQL" : "correct the SQL"});
}

json::value tree_of(const Source& source, const char* text) {
  json::parse_options options;
  options.max_depth = tree::kDeepest;
  json::error_code error;
  json::value tree = json::parse(text, error, {}, options);
  if (error) {
    throw failure_at(source, 0,
                     {.code = "too-complex",
                      .message = "the SQL parses, but its tree cannot be read: " + error.message(),
                      .expected = fmt::format("expressions nested less than {} levels deep", tree::kDeepest),
                      .next = "simplify the longest expression, or split the file"});
  }
  return tree;
}

std::size_t number(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? 0 : static_cast<std::size_t>(value->to_number<std::int64_t>());
}

}  // namespace

std::vector<ParsedStatement> parse_sql(const Source& source) {
  require_text(source);
  const std::string terminated(source.text);
  PgQueryParseResult raw = pg_query_parse(terminated.c_str());
  const std::unique_ptr<PgQueryParseResult, void (*)(PgQueryParseResult*)> result(
      &raw, [](PgQueryParseResult* parsed) { pg_query_free_parse_result(*parsed); });
  if (raw.error != nullptr) throw refusal(source, *raw.error);
  json::value tree = tree_of(source, raw.parse_tree);

  std::vector<ParsedStatement> out;
  for (json::value& entry : tree.as_object().at("stmts").as_array()) {
    json::object& place = entry.as_object();
    json::object& statement = place.at("stmt").as_object();
    ParsedStatement parsed;
    parsed.begin = number(place, "stmt_location");
    const std::size_t length = number(place, "stmt_len");
    parsed.end = length == 0 ? source.text.size() : parsed.begin + length;
    parsed.node = statement.begin()->key();
    parsed.fields = std::move(statement.begin()->value().as_object());
    out.push_back(std::move(parsed));
  }
  return out;
}

void require_expression(const Source& source, std::size_t offset, std::string_view expression) {
  const auto refuse = [&](std::string found) {
    throw failure_at(source, offset,
                     {.code = "malformed-expression",
                      .message = "the directive's value is not one SQL expression",
                      .expected = "a scalar expression without comments, all on the directive's line",
                      .found = std::move(found),
                      .next = "correct the expression"});
  };
  if (trimmed(expression).empty()) refuse("nothing");
  try {
    const Source alone{expression, "", 1};
    const std::vector<Token> tokens = scan(alone);
    // Brackets around the expression would hide one that closes them itself, a list, and a bare sub-query.
    for (const Token& token : tokens) {
      if (token.is_comment()) refuse("a comment");
      if (token.depth < 0) refuse("a closing bracket without its opening one");
      const bool outermost = token.depth == 0;
      if (outermost && is_mark(expression, token, ",")) refuse("several expressions");
      if (outermost && is_mark(expression, token, ";")) refuse("a semicolon");
    }
    for (const std::string_view query : {"SELECT", "VALUES", "WITH", "TABLE"}) {
      if (!tokens.empty() && is_keyword(expression, tokens.front(), query)) refuse("a query");
    }
    parse_sql({fmt::format("SELECT ({})", expression), "", 1});
  } catch (const Failure& failure) {
    if (failure.problem().code == "malformed-expression") throw;
    refuse(failure.problem().message);
  }
}

}  // namespace crossfade::migrations
