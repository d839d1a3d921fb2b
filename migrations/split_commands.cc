#include "migrations/split_commands.h"

#include <iterator>
#include <stdexcept>
#include <utility>

namespace crossfade::migrations {

std::vector<Statement> split_commands(const Statement& statement) {
  if (statement.kind != StatementKind::alter_table || statement.commands.size() < 2) return {statement};
  const std::size_t first = statement.text.find(statement.commands.front().text, statement.table_end);
  if (first == std::string::npos) {
    throw std::logic_error("the commands do not stand behind the table's name in: " + statement.text);
  }
  std::vector<Statement> out;
  for (const AlterCommand& command : statement.commands) {
    std::vector<Statement> parsed =
        parse_statements(statement.text.substr(0, first) + command.text, "", statement.line);
    if (parsed.size() != 1) throw std::logic_error("one command is one statement: " + command.text);
    parsed.front().line = statement.line;
    parsed.front().column = statement.column;
    out.push_back(std::move(parsed.front()));
  }
  return out;
}

std::vector<Statement> split_commands(const std::vector<Statement>& statements) {
  std::vector<Statement> out;
  for (const Statement& statement : statements) {
    std::vector<Statement> parts = split_commands(statement);
    out.insert(out.end(), std::make_move_iterator(parts.begin()), std::make_move_iterator(parts.end()));
  }
  return out;
}

}  // namespace crossfade::migrations
