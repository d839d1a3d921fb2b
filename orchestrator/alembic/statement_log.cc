#include "orchestrator/alembic/statement_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "migrations/source_text.h"
#include "migrations/tokens.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using migrations::lower_case;
using migrations::trimmed;

// Columns of csvlog; later versions add theirs at the end.
constexpr std::size_t kSession = 5;
constexpr std::size_t kSeverity = 11;
constexpr std::size_t kMessage = 13;
constexpr std::size_t kDetail = 14;
constexpr std::size_t kApplication = 22;

Failure unreadable(std::string message, std::string_view found) {
  return Failure(ExitCode::failed, {.code = "statement-log",
                                    .object = "the copy's log",
                                    .message = std::move(message),
                                    .expected = "csvlog with every statement",
                                    .found = std::string(found.substr(0, 200)),
                                    .next = "Run the command again; if it fails again, use offline SQL."});
}

/// The next record's fields; nullopt at the end, or where the last record is not complete.
std::optional<std::vector<std::string>> take_record(std::string_view& csv) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (std::size_t at = 0; at < csv.size(); ++at) {
    const char c = csv[at];
    if (quoted && c == '"' && csv.substr(at + 1).starts_with('"')) {
      fields.back().push_back(c);
      ++at;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == ',') {
      fields.emplace_back();
    } else if (!quoted && c == '\n') {
      csv.remove_prefix(at + 1);
      return fields;
    } else {
      fields.back().push_back(c);
    }
  }
  csv = {};
  return std::nullopt;
}

/// The SQL of "statement: …" or "execute name: …"; empty for other messages.
std::string_view logged_sql(std::string_view message) {
  if (message.starts_with("statement: ")) return message.substr(11);
  if (!message.starts_with("execute ") || message.starts_with("execute fetch from ")) return {};
  const std::size_t colon = message.find(": ");
  return colon == std::string_view::npos ? std::string_view() : message.substr(colon + 2);
}

/// Behind a literal, or a word like NULL.
std::size_t end_of_value(std::string_view detail, std::size_t begin) {
  if (!detail.substr(begin).starts_with('\'')) return std::min(detail.find(", $", begin), detail.size());
  for (std::size_t at = begin + 1; at < detail.size(); ++at) {
    if (detail[at] != '\'') continue;
    if (!detail.substr(at + 1).starts_with('\'')) return at + 1;
    ++at;
  }
  return detail.size();
}

/// $n from DETAIL, each as a literal.
std::map<std::string, std::string> parameters_of(std::string_view detail) {
  std::map<std::string, std::string> out;
  for (std::size_t at = detail.find('$'); at != std::string_view::npos;) {
    const std::size_t equals = detail.find(" = ", at);
    if (equals == std::string_view::npos) break;
    const std::string name(detail.substr(at, equals - at));
    const std::size_t begin = equals + 3;
    const std::size_t end = end_of_value(detail, begin);
    out[name] = detail.substr(begin, end - begin);
    at = detail.find(", $", end);
    if (at != std::string_view::npos) at += 2;
  }
  return out;
}

/// What is open in one session.
struct OpenTransaction {
  bool open = false;
  std::vector<std::size_t> statements;
  std::vector<std::pair<std::string, std::size_t>> savepoints;  ///< with how many statements came before
};

std::vector<std::string> words_of(std::string_view sql) {
  std::vector<std::string> out(1);
  for (const char c : lower_case(sql.substr(0, 200))) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0 || c == ';') {
      if (!out.back().empty()) out.emplace_back();
    } else {
      out.back().push_back(c);
    }
  }
  if (out.back().empty()) out.pop_back();
  return out;
}

class Reader {
 public:
  void read(const std::vector<std::string>& fields) {
    if (fields.size() <= kApplication) throw unreadable("a line is not a record of csvlog", fields.front());
    OpenTransaction& transaction = sessions_[fields[kSession]];
    if (fields[kSeverity] == "ERROR" || fields[kSeverity] == "FATAL") {
      forget_last(fields[kSession], transaction);
      return;
    }
    const std::string_view sql = logged_sql(fields[kMessage]);
    if (fields[kSeverity] != "LOG" || sql.empty()) return;
    if (control(trimmed(sql), transaction)) return;
    statements_.push_back({fields[kSession], fields[kApplication], with_parameters(sql, fields[kDetail])});
    took_effect_.push_back(!transaction.open);
    last_[fields[kSession]] = statements_.size() - 1;
    if (transaction.open) transaction.statements.push_back(statements_.size() - 1);
  }

  std::vector<LoggedStatement> take() {
    std::vector<LoggedStatement> out;
    for (std::size_t index = 0; index < statements_.size(); ++index) {
      if (took_effect_[index]) out.push_back(std::move(statements_[index]));
    }
    return out;
  }

 private:
  /// The server logs a statement before it runs it.
  void forget_last(const std::string& session, OpenTransaction& transaction) {
    const auto last = last_.find(session);
    if (last == last_.end()) return;
    took_effect_[last->second] = false;
    std::erase(transaction.statements, last->second);
    last_.erase(last);
  }

  bool control(std::string_view sql, OpenTransaction& transaction) {
    const std::vector<std::string> words = words_of(sql);
    const auto word = [&](std::size_t index) { return index < words.size() ? words[index] : std::string(); };
    if (word(0) == "begin" || (word(0) == "start" && word(1) == "transaction")) {
      transaction.open = true;
    } else if (word(0) == "commit" || word(0) == "end") {
      for (const std::size_t index : transaction.statements) took_effect_[index] = true;
      transaction = {};
    } else if (word(0) == "rollback" && words.size() > 2) {
      roll_back_to(words.back(), transaction);
    } else if (word(0) == "rollback" || word(0) == "abort") {
      transaction = {};
    } else if (word(0) == "savepoint") {
      transaction.savepoints.emplace_back(word(1), transaction.statements.size());
    } else {
      return word(0) == "release";
    }
    return true;
  }

  static void roll_back_to(const std::string& savepoint, OpenTransaction& transaction) {
    auto& savepoints = transaction.savepoints;
    const auto found = std::find_if(savepoints.rbegin(), savepoints.rend(),
                                    [&](const auto& entry) { return entry.first == savepoint; });
    if (found == savepoints.rend()) return;
    transaction.statements.resize(std::min(found->second, transaction.statements.size()));
    savepoints.erase(found.base(), savepoints.end());
  }

  std::vector<LoggedStatement> statements_;
  std::vector<bool> took_effect_;
  std::map<std::string, OpenTransaction> sessions_;
  std::map<std::string, std::size_t> last_;
};

}  // namespace

std::vector<LoggedStatement> committed_statements(std::string_view csv) {
  Reader reader;
  while (const auto fields = take_record(csv)) reader.read(*fields);
  return reader.take();
}

bool has_logged(std::string_view csv, std::string_view text) {
  while (const auto fields = take_record(csv)) {
    if (fields->size() <= kApplication || (*fields)[kApplication].starts_with("crossfade")) continue;
    const bool in_statement = logged_sql((*fields)[kMessage]).find(text) != std::string_view::npos;
    if (in_statement || (*fields)[kDetail].find(text) != std::string::npos) return true;
  }
  return false;
}

std::string with_parameters(std::string_view sql, std::string_view detail) {
  const std::map<std::string, std::string> parameters = parameters_of(detail);
  std::string out;
  std::size_t copied = 0;
  if (sql.find('$') == std::string_view::npos) return std::string(sql);
  for (const migrations::Token& token : migrations::scan({sql, "the copy's log", 1})) {
    const std::string_view text = migrations::text_of(sql, token);
    const bool parameter =
        text.size() > 1 && text.front() == '$' && std::isdigit(static_cast<unsigned char>(text[1])) != 0;
    if (!parameter) continue;
    const auto value = parameters.find(std::string(text));
    if (value == parameters.end()) throw unreadable("the value of a parameter was not logged", sql);
    out += sql.substr(copied, token.begin - copied);
    out += value->second;
    copied = token.end;
  }
  out += sql.substr(copied);
  return out;
}

}  // namespace crossfade::orchestrator
