#include "migrations/executed_statements.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "migrations/tree.h"

namespace crossfade::migrations {

namespace {

namespace json = boost::json;

/// What a statement reads, as far as its text tells.
struct Reads {
  std::vector<TableReference> relations;
  std::vector<std::string> functions;
  std::set<std::string> own_names;  ///< of WITH
};

void collect(const json::value& value, Reads& reads) {
  if (const json::array* items = value.if_array()) {
    for (const json::value& item : *items) collect(item, reads);
    return;
  }
  const json::object* node = value.if_object();
  if (node == nullptr) return;
  if (const json::object* range = tree::object(*node, "RangeVar"))
    reads.relations.push_back(tree::relation(*range));
  if (const std::string name = tree::text(*node, "ctename"); !name.empty()) reads.own_names.insert(name);
  if (const json::object* call = tree::object(*node, "FuncCall")) {
    const std::vector<std::string> name = tree::strings(*call, "funcname");
    if (!name.empty()) reads.functions.push_back(name.back());
  }
  for (const json::key_value_pair& field : *node) collect(field.value(), reads);
}

bool of_catalog(const TableReference& relation) {
  if (relation.schema) return *relation.schema == "pg_catalog" || *relation.schema == "information_schema";
  return relation.name.starts_with("pg_");
}

/// Functions that ask and change nothing. Others may be the whole point of a SELECT, as setval is.
bool asks_only(const std::string& function) {
  constexpr std::array<std::string_view, 12> kNames = {
      "version", "current_schema", "current_schemas", "current_database", "current_setting", "format_type",
      "count",   "array_agg",      "string_agg",      "coalesce",         "to_regclass",     "lower"};
  const bool catalog = function.starts_with("pg_get_") || function.starts_with("pg_table_is_visible") ||
                       function.starts_with("pg_type_is_visible") || function.starts_with("has_") ||
                       function.starts_with("array_") || function.starts_with("generate_");
  return catalog || std::find(kNames.begin(), kNames.end(), function) != kNames.end();
}

/// Of an INSERT the values that an empty copy's sequences and defaults gave.
bool returns_changed_rows(const ParsedStatement& parsed) {
  const bool changes =
      parsed.node == "UpdateStmt" || parsed.node == "DeleteStmt" || parsed.node == "InsertStmt";
  return changes && tree::array(parsed.fields, "returningList") != nullptr;
}

bool takes_sequence_value(const ParsedStatement& parsed) {
  if (parsed.node != "SelectStmt") return false;
  Reads reads;
  collect(json::value(parsed.fields), reads);
  return std::any_of(reads.functions.begin(), reads.functions.end(), [](const std::string& function) {
    return function == "nextval" || function == "currval" || function == "lastval";
  });
}

bool sets_where_names_are(const ParsedStatement& parsed) {
  if (parsed.node != "VariableSetStmt") return false;
  const std::string name = tree::text(parsed.fields, "name");
  return name == "search_path" || name == "role" || name == "session_authorization";
}

/// What drivers and SQLAlchemy set for themselves, around an autocommit block for example.
bool sets_for_driver(const ParsedStatement& parsed) {
  constexpr std::array<std::string_view, 10> kNames = {"default_transaction_isolation",
                                                       "default_transaction_read_only",
                                                       "default_transaction_deferrable",
                                                       "SESSION CHARACTERISTICS",
                                                       "TRANSACTION",
                                                       "client_encoding",
                                                       "client_min_messages",
                                                       "datestyle",
                                                       "standard_conforming_strings",
                                                       "application_name"};
  if (parsed.node != "VariableSetStmt") return false;
  const std::string name = tree::text(parsed.fields, "name");
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

enum class Meaning { question, query, statement, version_question };

class Collector {
 public:
  explicit Collector(const TableReference& version_table) : version_table_(version_table) {}

  void add(const std::string& text) {
    const Source source{text, "the statement log", 1};
    for (const ParsedStatement& parsed : parse_sql(source)) {
      const std::string_view own =
          trimmed(std::string_view(text).substr(parsed.begin, parsed.end - parsed.begin));
      place(parsed, std::string(own));
    }
  }

  ExecutedScript finish() {
    if (!current_.statements.empty() || !current_.version_changes.empty())
      throw outside(current_.statements.empty() ? "a version row" : current_.statements.front(),
                    "a statement ran behind the last revision");
    return std::move(out_);
  }

 private:
  Meaning meaning_of(const ParsedStatement& parsed) const {
    if (parsed.node == "VariableShowStmt" || sets_for_driver(parsed)) return Meaning::question;
    if (returns_changed_rows(parsed)) return Meaning::query;
    if (parsed.node != "SelectStmt") return Meaning::statement;
    Reads reads;
    collect(json::value(parsed.fields), reads);
    bool users = false;
    for (const TableReference& relation : reads.relations) {
      if (names_version_table(relation)) return Meaning::version_question;
      users = users || (!of_catalog(relation) && !reads.own_names.contains(relation.name));
    }
    if (users) return Meaning::query;
    const bool asks = std::all_of(reads.functions.begin(), reads.functions.end(), asks_only);
    return asks || !reads.relations.empty() ? Meaning::question : Meaning::statement;
  }

  bool names_version_table(const TableReference& relation) const {
    const bool same_schema =
        !relation.schema || !version_table_.schema || relation.schema == version_table_.schema;
    return relation.name == version_table_.name && same_schema;
  }

  void place(const ParsedStatement& parsed, std::string text) {
    const Meaning meaning = meaning_of(parsed);
    if (meaning == Meaning::version_question) started_ = true;
    if (meaning == Meaning::question || meaning == Meaning::version_question) return;
    if (parsed.node == "CreateStmt" && creates_version_table(parsed)) {
      out_.script.create_version_table = std::move(text);
      started_ = true;
      return;
    }
    if (!started_) {
      const bool harmless = parsed.node == "VariableSetStmt" && !sets_where_names_are(parsed);
      if (harmless) return;
      throw outside(text, "a statement ran before the first revision");
    }
    const auto version = version_statement(parsed);
    if (version && names_version_table(version->table)) {
      out_.script.version_table = version->table;
      move_version(version->change);
      return;
    }
    if (!current_.version_changes.empty()) throw outside(text, "a statement ran between version rows");
    if (meaning == Meaning::query || takes_sequence_value(parsed)) queries_.push_back(text);
    current_.statements.push_back(std::move(text));
  }

  bool creates_version_table(const ParsedStatement& parsed) const {
    const json::object* relation = tree::object(parsed.fields, "relation");
    return relation != nullptr && names_version_table(tree::relation(*relation));
  }

  /// In an upgrade rows go before the one that moves, so a row that goes does not end a revision.
  void move_version(const VersionChange& change) {
    current_.version_changes.push_back(change);
    if (change.to.empty()) return;
    current_.revision = change.to;
    current_.to = {change.to};
    for (const VersionChange& moved : current_.version_changes) {
      if (!moved.from.empty()) current_.from.push_back(moved.from);
    }
    for (const std::string& statement : current_.statements) current_.sql += statement + ";\n\n";
    if (!queries_.empty()) out_.queries[current_.revision] = std::move(queries_);
    queries_.clear();
    out_.script.revisions.push_back(std::move(current_));
    current_ = {};
  }

  static Failure outside(const std::string& statement, std::string message) {
    return Failure(
        ExitCode::refused,
        {.code = "alembic-environment",
         .object = "env.py",
         .message = std::move(message),
         .expected = "revisions only; names looked up as the role's own search_path has it",
         .found = statement.substr(0, 200),
         .next = "Run that statement by hand where it is still needed, set search_path on the role "
                 "(ALTER ROLE … SET search_path), and take it out of env.py."});
  }

  const TableReference& version_table_;
  bool started_ = false;
  AlembicRevision current_;
  std::vector<std::string> queries_;
  ExecutedScript out_;
};

}  // namespace

ExecutedScript script_of_executed(std::span<const std::string> statements,
                                  const TableReference& version_table) {
  Collector collector(version_table);
  for (const std::string& statement : statements) collector.add(statement);
  return collector.finish();
}

}  // namespace crossfade::migrations
