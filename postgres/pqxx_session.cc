#include "postgres/pqxx_session.h"

#include <libpq-fe.h>

#include <pqxx/pqxx>
#include <set>
#include <utility>

#include "postgres/error.h"

namespace crossfade::postgres {

namespace {

#if PQXX_VERSION_MAJOR < 7
using Connection = pqxx::connection;

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wdeprecated-declarations"  // It is gone in 7, together with the reconnecting itself.
void keep_one_connection(Connection& connection) {
  connection.inhibit_reactivation(true);
}
#pragma GCC diagnostic pop

pqxx::result execute(pqxx::transaction_base& transaction, const Query& query, const Parameters& parameters) {
  if (parameters.empty() && !query.prepared) return transaction.exec(query.text);
  // make_dynamic_params wants pointers it can test for null; a null pointer is SQL NULL.
  std::vector<const char*> texts;
  texts.reserve(parameters.size());
  for (const Value& parameter : parameters) texts.push_back(parameter ? parameter->c_str() : nullptr);
  const auto bound = pqxx::prepare::make_dynamic_params(texts);
  return query.prepared ? transaction.exec_prepared(query.name, bound)
                        : transaction.exec_params(query.text, bound);
}

std::string sqlstate_of(const pqxx::sql_error& error) {
  return error.sqlstate();
}
#else
using Connection = pqxx::connection;

void keep_one_connection(Connection&) {}

pqxx::result execute(pqxx::transaction_base& transaction, const Query& query, const Parameters& parameters) {
  if (parameters.empty() && !query.prepared) return transaction.exec(query.text);
  pqxx::params bound;
  for (const Value& parameter : parameters) {
    if (parameter) {
      bound.append(*parameter);
    } else {
      bound.append();
    }
  }
  return query.prepared ? transaction.exec_prepared(query.name, bound)
                        : transaction.exec_params(query.text, bound);
}

std::string sqlstate_of(const pqxx::sql_error& error) {
  return std::string(error.sqlstate());
}
#endif

Rows to_rows(const pqxx::result& result) {
  std::vector<std::string> columns;
  for (pqxx::row::size_type column = 0; column < result.columns(); ++column)
    columns.emplace_back(result.column_name(column));
  std::vector<Value> values;
  values.reserve(static_cast<std::size_t>(result.size()) * columns.size());
  for (const auto& row : result) {
    for (const auto& field : row) {
      if (field.is_null()) {
        values.emplace_back(std::nullopt);
      } else {
        values.emplace_back(std::string(field.c_str(), field.size()));
      }
    }
  }
  return Rows(std::move(columns), std::move(values), result.affected_rows());
}

/// libpqxx keeps only message and SQLSTATE; the message holds "DETAIL:", "HINT:" and "CONTEXT:" lines.
ErrorReport report_from_message(std::string sqlstate, std::string query_name, std::string message) {
  ErrorReport report{.sqlstate = std::move(sqlstate), .query_name = std::move(query_name)};
  const auto cut = [&message](std::string_view label) -> std::string {
    const auto begin = message.find(label);
    if (begin == std::string::npos) return {};
    std::string rest = message.substr(begin + label.size());
    message.resize(begin);
    while (!rest.empty() && (rest.back() == '\n' || rest.back() == ' ')) rest.pop_back();
    rest.erase(0, rest.find_first_not_of(' '));
    return rest;
  };
  report.context = cut("\nCONTEXT:");
  report.hint = cut("\nHINT:");
  report.detail = cut("\nDETAIL:");
  if (message.starts_with("ERROR:")) message.erase(0, message.find_first_not_of(' ', 6));
  while (!message.empty() && message.back() == '\n') message.pop_back();
  report.message = std::move(message);
  static constexpr std::string_view kConstraint = "constraint \"";
  if (const auto at = report.message.find(kConstraint); at != std::string::npos) {
    const auto begin = at + kConstraint.size();
    report.constraint = report.message.substr(begin, report.message.find('"', begin) - begin);
  }
  return report;
}

class PqxxSession final : public Session {
 public:
  explicit PqxxSession(const std::string& connection_string)
      : connection_(connection_string),
        quiet_(connection_),
        transaction_(connection_),
        backend_pid_(connection_.backendpid()) {
    keep_one_connection(connection_);
  }

  Rows run(const Query& query, const Parameters& parameters) override {
    try {
      if (query.prepared && !prepared_.contains(query.name)) {
        connection_.prepare(query.name, query.text);
        prepared_.insert(query.name);
      }
      return to_rows(execute(transaction_, query, parameters));
    } catch (const pqxx::broken_connection& error) {
      throw lost(query, error.what());
    } catch (const pqxx::serialization_failure& error) {
      throw DatabaseError(report_from_message("40001", query.name, error.what()));
    } catch (const pqxx::deadlock_detected& error) {
      throw DatabaseError(report_from_message("40P01", query.name, error.what()));
    } catch (const pqxx::insufficient_privilege& error) {
      // libpqxx 6.4 loses the SQLSTATE of these four; their types still tell it.
      throw DatabaseError(report_from_message("42501", query.name, error.what()));
    } catch (const pqxx::sql_error& error) {
      std::string sqlstate = sqlstate_of(error);
      if (sqlstate.empty() || !connection_.is_open()) throw lost(query, error.what());
      throw DatabaseError(report_from_message(std::move(sqlstate), query.name, error.what()));
    } catch (const pqxx::failure& error) {
      throw lost(query, error.what());
    }
  }

  int backend_pid() const override { return backend_pid_; }

  void cancel() noexcept override {
    try {
      connection_.cancel_query();
    } catch (...) {
      // The connection is gone, so there is nothing left to cancel.
    }
  }

 private:
  static DatabaseError lost(const Query& query, const std::string& message) {
    ErrorReport report = report_from_message("08006", query.name, message);
    // The server's last words name the reason: FATAL: terminating connection due to …
    report.connection_lost = true;
    return DatabaseError(std::move(report));
  }

  Connection connection_;
  pqxx::quiet_errorhandler quiet_;
  pqxx::nontransaction transaction_;
  std::set<std::string> prepared_;
  int backend_pid_;
};

}  // namespace

std::unique_ptr<Session> connect_pqxx(const std::string& connection_string) {
  try {
    return std::make_unique<PqxxSession>(connection_string);
  } catch (const pqxx::failure& error) {
    ErrorReport report = report_from_message("08001", "session.connect", error.what());
    report.connection_lost = true;
    throw DatabaseError(std::move(report));
  }
}

}  // namespace crossfade::postgres
