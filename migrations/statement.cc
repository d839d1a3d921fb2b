#include "migrations/statement.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "migrations/alter_commands.h"
#include "migrations/sql_parser.h"
#include "migrations/tokens.h"
#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

using Tokens = std::span<const Token>;

/// Offsets into the parsed text.
struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
};

std::size_t first_token_from(Tokens tokens, std::size_t offset) {
  const auto found =
      std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) { return token.begin >= offset; });
  return static_cast<std::size_t>(found - tokens.begin());
}

/// The index behind the part of a name at `index`; a Unicode name may bring its escape character along.
std::size_t behind_part(std::string_view text, Tokens tokens, std::size_t index) {
  const bool escape = tokens[index].kind == TokenKind::unicode && index + 2 < tokens.size() &&
                      is_keyword(text, tokens[index + 1], "UESCAPE");
  return index + (escape ? 3 : 1);
}

/// The first tokens of the parts of the dotted name that begins at `index`, and at the end the index behind
/// it.
std::vector<std::size_t> name_parts(std::string_view text, Tokens tokens, std::size_t index) {
  std::vector<std::size_t> parts;
  while (index < tokens.size() && tokens[index].is_name()) {
    parts.push_back(index);
    index = behind_part(text, tokens, index);
    if (index >= tokens.size() || !is_mark(text, tokens[index], ".")) break;
    ++index;
  }
  parts.push_back(index);
  return parts;
}

/// The range of a dotted name without its last `dropped` parts.
Range name_range(std::string_view text, Tokens tokens, std::size_t index, std::size_t dropped) {
  const std::vector<std::size_t> parts = name_parts(text, tokens, index);
  if (parts.size() < dropped + 2) return {};
  const std::size_t last = parts[parts.size() - 2 - dropped];
  return {tokens[index].begin, tokens[behind_part(text, tokens, last) - 1].end};
}

void require_short_identifiers(const Source& source, Tokens tokens) {
  for (const Token& token : tokens) {
    if (token.kind != TokenKind::word && token.kind != TokenKind::quoted) continue;
    const std::string name = identifier(source.text, token);
    if (name.size() <= kLongestIdentifier) continue;
    throw failure_at(source, token.begin,
                     {.code = "identifier-too-long",
                      .message = "PostgreSQL would cut this name silently: " + name,
                      .expected = fmt::format("at most {} bytes", kLongestIdentifier),
                      .found = fmt::format("{} bytes", name.size()),
                      .next = "choose a shorter name"});
  }
}

/// libpg_query calls the kind of object by another name in nearly every node.
std::string object_type(const json::object& fields) {
  for (const std::string_view key : {"objtype", "renameType", "removeType", "objectType", "kind"}) {
    const std::string type = tree::text(fields, key);
    if (!type.empty())
      return type.starts_with("REINDEX_") ? type.substr(std::string_view("REINDEX_").size()) : type;
  }
  return {};
}

StatementKind kind_of(const std::string& node, const json::object& fields) {
  if (node == "AlterTableStmt" && tree::text(fields, "objtype") == "OBJECT_TABLE")
    return StatementKind::alter_table;
  if (node == "IndexStmt") return StatementKind::create_index;
  if (node == "CommentStmt") return StatementKind::comment;
  if (node != "RenameStmt") return StatementKind::other;
  const std::string renamed = tree::text(fields, "renameType");
  if (renamed == "OBJECT_TABCONSTRAINT") return StatementKind::rename_constraint;
  const bool of_table = renamed == "OBJECT_COLUMN" && tree::text(fields, "relationType") == "OBJECT_TABLE";
  return of_table ? StatementKind::rename_column : StatementKind::other;
}

const json::object* target_relation(const json::object& fields) {
  for (const std::string_view key : {"relation", "table", "view"}) {
    const json::object* found = tree::object(fields, key);
    if (found == nullptr) continue;
    // Some nodes hold the relation itself, others a RangeVar node around it.
    const json::object* wrapped = tree::object(*found, "RangeVar");
    const json::object* relation = wrapped == nullptr ? found : wrapped;
    if (relation->contains("relname")) return relation;
  }
  return nullptr;
}

/// COMMENT holds its object as a list of words without a location: the name is found by the keyword in front
/// of it.
void read_comment(const Source& source, Tokens tokens, const json::object& fields, Statement& statement,
                  Range& range) {
  struct Form {
    std::string_view type;
    std::string_view keyword;  ///< the last keyword before the table's name
    std::size_t own_parts;     ///< parts behind the table's name
  };
  constexpr std::array kForms = {
      Form{"OBJECT_TABLE", "TABLE", 0},      Form{"OBJECT_COLUMN", "COLUMN", 1},
      Form{"OBJECT_TABCONSTRAINT", "ON", 0}, Form{"OBJECT_TRIGGER", "ON", 0},
      Form{"OBJECT_POLICY", "ON", 0},        Form{"OBJECT_RULE", "ON", 0},
  };
  const auto* form = std::find_if(kForms.begin(), kForms.end(),
                                  [&](const Form& each) { return each.type == statement.object_type; });
  if (form == kForms.end()) return;
  // COMMENT ON comes first, so the ON that is meant is a later one; a constraint's name stands in between.
  std::size_t index = 2;
  if (form->keyword == "ON") index += 2;
  while (index < tokens.size() && !is_keyword(source.text, tokens[index], form->keyword)) ++index;
  range = name_range(source.text, tokens, index + 1, form->own_parts);
  const json::object* object = tree::object(fields, "object");
  const json::object* list = object == nullptr ? nullptr : tree::object(*object, "List");
  if (list == nullptr || range.begin == range.end) return;
  std::vector<std::string> parts = tree::strings(*list, "items");
  const bool own_last = statement.object_type != "OBJECT_TABLE";
  if (own_last) parts.pop_back();
  if (parts.empty()) return;
  statement.table = table_reference(parts);
}

void read_objects(const json::object& fields, Statement& statement) {
  if (const json::array* relations = tree::array(fields, "relations")) {
    for (const json::value& relation : *relations) {
      if (const json::object* range = tree::object(relation.as_object(), "RangeVar")) {
        statement.objects.push_back(tree::relation(*range));
      }
    }
  }
  static constexpr std::array kRelations = {"OBJECT_TABLE",   "OBJECT_INDEX",    "OBJECT_VIEW",
                                            "OBJECT_MATVIEW", "OBJECT_SEQUENCE", "OBJECT_FOREIGN_TABLE"};
  if (statement.node != "DropStmt" ||
      std::find(kRelations.begin(), kRelations.end(), statement.object_type) == kRelations.end()) {
    return;
  }
  for (const json::value& object : fields.at("objects").as_array()) {
    const json::object* list = tree::object(object.as_object(), "List");
    if (list != nullptr) statement.objects.push_back(table_reference(tree::strings(*list, "items")));
  }
}

void read_names(const json::object& fields, Statement& statement) {
  statement.concurrent = tree::flag(fields, "concurrent");
  statement.unique = tree::flag(fields, "unique");
  statement.if_exists = tree::flag(fields, "missing_ok") || tree::flag(fields, "if_not_exists");
  if (statement.node == "IndexStmt") statement.index = tree::text(fields, "idxname");
  if (statement.node == "RenameStmt") {
    statement.old_name = tree::text(fields, "subname");
    if (statement.old_name.empty() && statement.table) statement.old_name = statement.table->name;
    statement.new_name = tree::text(fields, "newname");
  }
  // REINDEX keeps it among its options in brackets.
  if (tree::option_is_on(tree::array(fields, "params"), "concurrently")) statement.concurrent = true;
}

Statement read_statement(const Source& source, Tokens tokens, const ParsedStatement& parsed) {
  const json::object& fields = parsed.fields;
  const std::size_t begin = tokens.front().begin;
  Statement statement;
  statement.text = source.text.substr(begin, tokens.back().end - begin);
  const Position position = position_at(source, begin);
  statement.line = position.line;
  statement.column = position.column;
  statement.node = parsed.node;
  statement.object_type = object_type(fields);
  statement.kind = kind_of(parsed.node, fields);

  Range range;
  const json::object* target = target_relation(fields);
  if (target != nullptr) {
    statement.table = tree::relation(*target);
    range = name_range(source.text, tokens, first_token_from(tokens, tree::location(*target)), 0);
  } else if (statement.kind == StatementKind::comment) {
    read_comment(source, tokens, fields, statement, range);
  }
  if (range.begin < range.end) {
    statement.table_begin = range.begin - begin;
    statement.table_end = range.end - begin;
  }
  read_names(fields, statement);
  read_objects(fields, statement);

  if (statement.kind == StatementKind::alter_table) {
    std::size_t first = first_token_from(tokens, range.end);
    // The name's own closing bracket, as in ONLY (orders), and the asterisk of orders *.
    while (first < tokens.size() &&
           (is_mark(source.text, tokens[first], ")") || is_mark(source.text, tokens[first], "*"))) {
      ++first;
    }
    statement.commands = read_alter_commands(source, tokens.subspan(first), fields.at("cmds").as_array());
  }
  statement.refers_to_other_relations = tree::refers_to_relations(fields, target);
  statement.tree = json::serialize(fields);
  return statement;
}

}  // namespace

std::vector<Statement> parse_statements(std::string_view sql, std::string_view file, int first_line) {
  const Source source{sql, file, first_line};
  const std::vector<ParsedStatement> parsed = parse_sql(source);
  const std::vector<Token> tokens = without_comments(scan(source));
  require_short_identifiers(source, tokens);

  std::vector<Statement> out;
  Tokens rest = tokens;
  for (const ParsedStatement& each : parsed) {
    rest = rest.subspan(first_token_from(rest, each.begin));
    Tokens own = rest.first(first_token_from(rest, each.end));
    while (!own.empty() && is_mark(sql, own.back(), ";")) own = own.first(own.size() - 1);
    if (!own.empty()) out.push_back(read_statement(source, own, each));
  }
  return out;
}

std::string location(const Statement& statement, std::string_view file) {
  return fmt::format("{}:{}:{}", file, statement.line, statement.column);
}

}  // namespace crossfade::migrations
