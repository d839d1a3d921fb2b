// What went wrong on the server or on the way to it, as answers instead of a class tree: SQLSTATE, the name
// of the query, and four questions. Thrown by every Session; classified once, at the step's edge. A value,
// safe to copy.
#pragma once

#include <stdexcept>
#include <string>

namespace crossfade::postgres {

struct ErrorReport {
  std::string sqlstate;    ///< five characters; "08006" for a lost connection; never empty
  std::string query_name;  ///< Query::name of the statement that failed
  std::string message;
  std::string detail;
  std::string hint;
  std::string context;
  std::string constraint;  ///< the constraint's name where the server names one
  bool connection_lost = false;
  bool commit_in_doubt = false;  ///< the connection was lost while COMMIT was under way
};

class DatabaseError : public std::runtime_error {
 public:
  explicit DatabaseError(ErrorReport report);

  const ErrorReport& report() const { return report_; }
  const std::string& sqlstate() const { return report_.sqlstate; }
  const std::string& query_name() const { return report_.query_name; }

  /// The session is unusable; open another one. Covers a killed backend, a crash and a network loss.
  bool connection_dead() const;
  /// The transaction may have committed; ask pg_xact_status on a new session once the old one has ended.
  bool in_doubt() const { return report_.commit_in_doubt; }
  /// The same work, done again from the start of its transaction, may succeed: serialization failures,
  /// deadlocks, lock and statement timeouts, a server that is starting up or has too many connections, a lost
  /// connection.
  bool retryable() const;
  /// The data does not fit: a cast, a constraint, a length (SQLSTATE classes 22 and 23).
  bool data_error() const;
  /// The statement itself is wrong: no name, no right, bad syntax (SQLSTATE class 42). Never mended by trying
  /// again.
  bool wrong_statement() const;
  bool lock_not_available() const { return sqlstate() == "55P03"; }
  bool cancelled() const { return sqlstate() == "57014"; }
  bool out_of_space() const { return sqlstate() == "53100"; }

 private:
  ErrorReport report_;
};

}  // namespace crossfade::postgres
