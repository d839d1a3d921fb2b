// Where a database is and how to get a session to it. A ConnectionTarget is parsed once from a URL or a
// key/value string and never printed with its password. A SessionFactory opens sessions that are checked and
// pinned alike (docs/protocol.md, rule 6). The factory is thread-safe; the sessions it makes belong to the
// caller.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/fault.h"
#include "postgres/session.h"

namespace crossfade::postgres {

class ConnectionTarget {
 public:
  /// `text` is a postgresql:// URL or a libpq key/value string; empty means libpq's own variables.
  /// Throws Failure (exit 2) where libpq cannot parse it; the message does not repeat the text.
  explicit ConnectionTarget(std::string text);

  /// For libpq only; holds the password where the text had one.
  const std::string& connection_string() const { return text_; }
  /// The same as libpq's environment variables, for programs that take their target from there: arguments
  /// would show a password to everybody.
  std::map<std::string, std::string> environment() const;
  /// host/port/database/user for people and logs; never a password.
  std::string display() const;

 private:
  std::string text_;
};

/// Settings that change what a statement means; the same in every session of a run (rule 6).
struct SessionSettings {
  std::string application_name = "crossfade";
  std::string time_zone;       ///< empty: what the server gives this role
  std::string interval_style;  ///< likewise
  /// Set where the run has a journal row: a session to another cluster is refused.
  std::string expected_system_identifier;
  /// Further `name = value` pairs, e.g. synchronous_commit = off for copy sessions.
  std::vector<std::pair<std::string, std::string>> extra;
};

/// What the server said of itself when the session was opened.
struct ServerFacts {
  int version = 0;  ///< server_version_num, e.g. 150018
  std::string system_identifier;
  bool in_recovery = false;
  bool read_only = false;
  std::string database;
  std::string encoding;  ///< of the database, as client_encoding takes it: UTF8, SQL_ASCII, LATIN1
  std::string role;
};

class SessionFactory {
 public:
  SessionFactory(ConnectionTarget target, std::shared_ptr<FaultPlan> faults = nullptr);

  /// Opens, checks and pins a session. Throws Failure: exit 1 unreachable; exit 5 a standby, a read-only or
  /// too old server, a pooler that shares backends, or another cluster than expected.
  std::unique_ptr<Session> open(const SessionSettings& settings) const;
  std::unique_ptr<CopySession> open_copy(const SessionSettings& settings) const;

  const ConnectionTarget& target() const { return target_; }

 private:
  ConnectionTarget target_;
  std::shared_ptr<FaultPlan> faults_;
};

/// What the server says of itself; used by the commands that show or journal it.
ServerFacts read_server_facts(Session& session);

}  // namespace crossfade::postgres
