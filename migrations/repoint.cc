#include "migrations/repoint.h"

#include <algorithm>
#include <stdexcept>

#include "migrations/tokens.h"

namespace crossfade::migrations {

std::string with_relation(const Statement& statement, const postgres::QualifiedName& relation) {
  if (!statement.table || statement.table_begin >= statement.table_end) {
    throw std::logic_error("a statement without a target relation cannot be re-pointed: " + statement.text);
  }
  std::string text = statement.text;
  return text.replace(statement.table_begin, statement.table_end - statement.table_begin, relation.quoted());
}

bool names_other_relations(const Statement& statement) {
  return statement.refers_to_other_relations;
}

std::string with_concurrently(const Statement& statement) {
  const bool drops_index = statement.node == "DropStmt" && statement.object_type == "OBJECT_INDEX";
  const bool refreshes = statement.node == "RefreshMatViewStmt";
  if (statement.node != "IndexStmt" && statement.node != "ReindexStmt" && !drops_index && !refreshes) {
    throw std::logic_error("this kind of statement has no CONCURRENTLY: " + statement.text);
  }
  if (statement.concurrent) return statement.text;
  const std::vector<Token> tokens = scan({statement.text, "", 1});
  const auto object = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
    if (token.depth > 0) return false;
    // REINDEX TABLE has its TABLE where the others have INDEX.
    if (refreshes) return is_keyword(statement.text, token, "VIEW");
    return is_keyword(statement.text, token, "INDEX") ||
           (statement.node == "ReindexStmt" &&
            (is_keyword(statement.text, token, "TABLE") || is_keyword(statement.text, token, "SCHEMA") ||
             is_keyword(statement.text, token, "DATABASE")));
  });
  if (object == tokens.end()) throw std::logic_error("no INDEX in " + statement.text);
  std::string text = statement.text;
  return text.insert(object->end, " CONCURRENTLY");
}

std::string without_concurrently(const Statement& statement) {
  if (!statement.concurrent) return statement.text;
  const std::vector<Token> tokens = scan({statement.text, "", 1});
  const auto word = std::find_if(tokens.begin(), tokens.end(), [&](const Token& token) {
    return token.depth == 0 && is_keyword(statement.text, token, "CONCURRENTLY");
  });
  if (word == tokens.end()) throw std::logic_error("no CONCURRENTLY in " + statement.text);
  std::string text = statement.text;
  return text.erase(word->begin, word->end - word->begin);
}

}  // namespace crossfade::migrations
