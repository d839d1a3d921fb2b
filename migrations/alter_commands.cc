#include "migrations/alter_commands.h"

#include <algorithm>
#include <stdexcept>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

using Tokens = std::span<const Token>;

/// The text from the first byte of `tokens` to the last.
std::string slice(const Source& source, Tokens tokens) {
  if (tokens.empty()) return {};
  return std::string(source.text.substr(tokens.front().begin, tokens.back().end - tokens.front().begin));
}

/// Commands are separated by the commas that stand in no bracket.
std::vector<Tokens> split_commands(const Source& source, Tokens tokens) {
  std::vector<Tokens> out;
  std::size_t first = 0;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index].depth > 0 || !is_mark(source.text, tokens[index], ",")) continue;
    out.push_back(tokens.subspan(first, index - first));
    first = index + 1;
  }
  out.push_back(tokens.subspan(first));
  return out;
}

/// The tokens behind the first such keyword that stands in no bracket; nullopt where there is none.
std::optional<Tokens> behind_keyword(const Source& source, Tokens tokens, std::string_view keyword) {
  const auto found = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.depth == 0 && is_keyword(source.text, token, keyword);
  });
  if (found == tokens.end()) return std::nullopt;
  return tokens.subspan(static_cast<std::size_t>(found - tokens.begin()) + 1);
}

/// The tokens from offset `begin` up to the nearest of `ends`, or to the end of the command.
Tokens between(Tokens tokens, std::size_t begin, std::span<const std::size_t> ends) {
  const auto first =
      std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) { return token.begin >= begin; });
  const auto last = std::find_if(first, tokens.end(), [&](const Token& token) {
    return token.begin > begin && std::find(ends.begin(), ends.end(), token.begin) != ends.end();
  });
  return tokens.subspan(static_cast<std::size_t>(first - tokens.begin()),
                        static_cast<std::size_t>(last - first));
}

/// Where the clauses behind a column's type begin.
std::vector<std::size_t> clause_starts(const Source& source, Tokens tokens, const json::object& column) {
  std::vector<std::size_t> out;
  if (const json::object* collation = tree::object(column, "collClause"))
    out.push_back(tree::location(*collation));
  if (const json::array* constraints = tree::array(column, "constraints")) {
    for (const json::value& constraint : *constraints) {
      out.push_back(tree::location(constraint.at("Constraint").as_object()));
    }
  }
  // COMPRESSION and OPTIONS have no location of their own. As a column's name they stand before the type.
  const json::object* type = tree::object(column, "typeName");
  const std::size_t type_begin = type == nullptr ? 0 : tree::location(*type);
  for (const Token& token : tokens) {
    const bool clause = is_keyword(source.text, token, "COMPRESSION") ||
                        is_keyword(source.text, token, "OPTIONS") || is_keyword(source.text, token, "USING");
    if (clause && token.depth == 0 && token.begin > type_begin) out.push_back(token.begin);
  }
  return out;
}

ConstraintClause read_constraint(const Source& source, Tokens tokens, const json::object& constraint) {
  ConstraintClause out;
  out.kind = tree::text(constraint, "contype");
  out.name = tree::text(constraint, "conname");
  out.text = slice(source, tokens);
  out.not_valid = tree::flag(constraint, "skip_validation");
  out.deferrable = tree::flag(constraint, "deferrable");
  out.index = tree::text(constraint, "indexname");
  out.columns = tree::strings(constraint, out.kind == "CONSTR_FOREIGN" ? "fk_attrs" : "keys");
  out.referenced_columns = tree::strings(constraint, "pk_attrs");
  if (const json::object* referenced = tree::object(constraint, "pktable"))
    out.references = tree::relation(*referenced);
  return out;
}

/// A literal, perhaps with a cast around it or a sign before it: PostgreSQL evaluates it once and stores the
/// value.
bool is_literal(const json::object& expression) {
  if (expression.contains("A_Const")) return true;
  if (const json::object* cast = tree::object(expression, "TypeCast")) {
    const json::object* inner = tree::object(*cast, "arg");
    return inner != nullptr && is_literal(*inner);
  }
  const json::object* operation = tree::object(expression, "A_Expr");
  const json::object* right = operation == nullptr ? nullptr : tree::object(*operation, "rexpr");
  return operation != nullptr && !operation->contains("lexpr") && right != nullptr &&
         right->contains("A_Const");
}

void read_added_column(const Source& source, Tokens tokens, const json::object& column,
                       AlterCommand& command) {
  command.name = tree::text(column, "colname");
  const std::vector<std::size_t> starts = clause_starts(source, tokens, column);
  if (const json::object* type = tree::object(column, "typeName")) {
    command.type = slice(source, between(tokens, tree::location(*type), starts));
  }
  const json::array* constraints = tree::array(column, "constraints");
  if (constraints == nullptr) return;
  for (const json::value& item : *constraints) {
    const json::object& constraint = item.at("Constraint").as_object();
    const Tokens clause = between(tokens, tree::location(constraint), starts);
    command.constraints.push_back(read_constraint(source, clause, constraint));
    if (command.constraints.back().kind != "CONSTR_DEFAULT") continue;
    if (const auto value = behind_keyword(source, clause, "DEFAULT"))
      command.default_expression = slice(source, *value);
    const json::object* expression = tree::object(constraint, "raw_expr");
    command.has_expression_default = expression != nullptr && !is_literal(*expression);
  }
}

AlterCommand read_command(const Source& source, Tokens tokens, const json::object& tree_command) {
  AlterCommand command;
  command.subtype = tree::text(tree_command, "subtype");
  command.name = tree::text(tree_command, "name");
  command.text = slice(source, tokens);
  command.if_exists = tree::flag(tree_command, "missing_ok");
  command.cascade = tree::text(tree_command, "behavior") == "DROP_CASCADE";
  const json::object* definition = tree::object(tree_command, "def");
  if (definition == nullptr) return command;

  if (const json::object* column = tree::object(*definition, "ColumnDef")) {
    command.has_collation = column->contains("collClause");
    if (command.subtype == "AT_AddColumn") {
      read_added_column(source, tokens, *column, command);
    } else if (command.subtype == "AT_AlterColumnType") {
      const std::vector<std::size_t> starts = clause_starts(source, tokens, *column);
      command.type =
          slice(source, between(tokens, tree::location(column->at("typeName").as_object()), starts));
      // USING is a reserved word, so the first one outside of brackets begins the clause.
      const auto expression = behind_keyword(source, tokens, "USING");
      if (expression.has_value() != column->contains("raw_default")) {
        throw std::logic_error("the parser and the scanner disagree about USING in: " + command.text);
      }
      if (expression) command.using_expression = slice(source, *expression);
    }
  } else if (command.subtype == "AT_ColumnDefault") {
    if (const auto value = behind_keyword(source, tokens, "DEFAULT"))
      command.default_expression = slice(source, *value);
    command.has_expression_default = !is_literal(*definition);
  } else if (const json::object* constraint = tree::object(*definition, "Constraint")) {
    const Tokens clause = command.subtype == "AT_AddConstraint" ? tokens.subspan(1) : tokens;
    command.constraints.push_back(read_constraint(source, clause, *constraint));
    if (command.name.empty()) command.name = tree::text(*constraint, "conname");
  }
  return command;
}

}  // namespace

bool AlterCommand::has_constraint(std::string_view kind) const {
  return std::any_of(constraints.begin(), constraints.end(),
                     [&](const ConstraintClause& constraint) { return constraint.kind == kind; });
}

std::vector<AlterCommand> read_alter_commands(const Source& source, Tokens tokens,
                                              const json::array& commands) {
  const std::vector<Tokens> parts = split_commands(source, tokens);
  if (parts.size() != commands.size()) {
    throw std::logic_error("the parser and the scanner disagree about the commands of: " +
                           slice(source, tokens));
  }
  std::vector<AlterCommand> out;
  for (std::size_t index = 0; index < parts.size(); ++index) {
    out.push_back(read_command(source, parts[index], commands[index].at("AlterTableCmd").as_object()));
  }
  return out;
}

}  // namespace crossfade::migrations
