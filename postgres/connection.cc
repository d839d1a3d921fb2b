#include "postgres/connection.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <cstdlib>
#include <utility>

#include "postgres/error.h"
#include "postgres/libpq_session.h"
#include "postgres/pqxx_session.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::postgres {

namespace {

constexpr int kOldestVersion = 140000;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using ConnectionOptions = std::unique_ptr<PQconninfoOption, FreeOptions>;

ConnectionOptions parse(const std::string& text) {
  char* message = nullptr;
  ConnectionOptions options(PQconninfoParse(text.c_str(), &message));
  if (!options) {
    // libpq's message may repeat parts of the text, and with them a password.
    PQfreemem(message);
    throw Failure(ExitCode::usage, {.code = "bad-database-url",
                                    .object = "--database",
                                    .message = "is neither a postgresql:// URL nor a libpq key/value string",
                                    .expected = "postgresql://user@host:5432/database",
                                    .next = "Correct --database, CROSSFADE_DATABASE_URL or DATABASE_URL."});
  }
  return options;
}

/// libpq's defaults and environment under what the text gives: what a connection would really use.
std::string effective(const std::string& text, std::string_view keyword) {
  const ConnectionOptions given = parse(text);
  for (const PQconninfoOption* option = given.get(); option->keyword != nullptr; ++option) {
    if (keyword == option->keyword && option->val != nullptr) return option->val;
  }
  const ConnectionOptions defaults(PQconndefaults());
  for (const PQconninfoOption* option = defaults.get(); option != nullptr && option->keyword != nullptr;
       ++option) {
    if (keyword == option->keyword && option->val != nullptr) return option->val;
  }
  return {};
}

/// Keepalives, so that a silent network is noticed within about a minute rather than in hours (rule 6).
std::string with_keepalives(const std::string& text) {
  const ConnectionOptions given = parse(text);
  std::string out;
  const auto add = [&out](std::string_view keyword, std::string_view value) {
    out += fmt::format("{}='", keyword);
    for (const char c : value) {
      if (c == '\'' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
    out += "' ";
  };
  for (const auto& [keyword, value] :
       {std::pair("connect_timeout", "10"), std::pair("keepalives_idle", "20"),
        std::pair("keepalives_interval", "10"), std::pair("keepalives_count", "4")}) {
    add(keyword, value);
  }
  for (const PQconninfoOption* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->val != nullptr && *option->val != '\0') add(option->keyword, option->val);
  }
  return out;
}

[[noreturn]] void refuse(const ConnectionTarget& target, std::string code, std::string message,
                         std::string expected, std::string found, std::string next) {
  throw Failure(ExitCode::refused, {std::move(code), target.display(), std::move(message),
                                    std::move(expected), std::move(found), std::move(next)});
}

constexpr std::string_view kServerFacts = R"sql(
SELECT pg_catalog.current_setting('server_version_num') AS version,
       (SELECT system_identifier FROM pg_catalog.pg_control_system()) AS system_identifier,
       pg_catalog.pg_is_in_recovery() AS in_recovery,
       pg_catalog.current_setting('default_transaction_read_only') AS read_only,
       pg_catalog.current_database() AS database,
       pg_catalog.current_setting('server_encoding') AS encoding,
       current_user AS role,
       pg_catalog.pg_backend_pid() AS backend_pid
)sql";

ServerFacts facts_from(const Row& row) {
  return {.version = static_cast<int>(row.integer("version")),
          .system_identifier = row.text("system_identifier"),
          .in_recovery = row.boolean("in_recovery"),
          .read_only = row.text("read_only") == "on",
          .database = row.text("database"),
          .encoding = row.text("encoding"),
          .role = row.text("role")};
}

void check(const ConnectionTarget& target, const SessionSettings& settings, Session& session) {
  const Rows rows = session.run({"session.facts", std::string(kServerFacts)});
  const Row row = rows.only();
  const ServerFacts facts = facts_from(row);
  if (facts.version < kOldestVersion) {
    refuse(target, "server-too-old", "the server is too old", "PostgreSQL 14 or newer",
           fmt::format("version number {}", facts.version), "Upgrade the server first.");
  }
  if (facts.in_recovery) {
    refuse(target, "standby", "the server is a standby", "a primary server", "pg_is_in_recovery() is true",
           "Connect to the primary.");
  }
  if (facts.read_only) {
    refuse(target, "read-only", "the server or role is read-only", "default_transaction_read_only = off",
           "default_transaction_read_only = on", "Connect to a server and as a role that may write.");
  }
  if (row.integer("backend_pid") != session.backend_pid()) {
    refuse(target, "pooler", "a connection pooler shares backends between clients",
           "a direct connection or session pooling",
           "the backend that answers is not the one that was connected to",
           "Connect to the server itself, past the pooler.");
  }
  if (!settings.expected_system_identifier.empty() &&
      facts.system_identifier != settings.expected_system_identifier) {
    refuse(target, "another-cluster", "this is not the cluster that the run was started on",
           "system identifier " + settings.expected_system_identifier, facts.system_identifier,
           "Connect to the original cluster; a restored copy must not continue its runs.");
  }
}

/// One round trip; set_config keeps values out of the statement's syntax.
void pin(Session& session, const SessionSettings& settings) {
  std::vector<std::pair<std::string, std::string>> pinned = {
      {"application_name", settings.application_name},
      {"client_min_messages", "error"},
      {"search_path", "pg_catalog, pg_temp"},
      {"DateStyle", "ISO, YMD"},
      {"extra_float_digits", "1"},
      {"client_encoding", "UTF8"},
      {"bytea_output", "hex"},
      {"default_transaction_isolation", "read committed"},
      {"default_transaction_deferrable", "off"},
      {"row_security", "off"},
      {"statement_timeout", "0"},
      {"lock_timeout", "0"},
      {"idle_in_transaction_session_timeout", "0"},
      {"idle_session_timeout", "0"},
      {"client_connection_check_interval", "2s"},
      // The server notices a client that the network has dropped within about a minute, so that its locks do
      // not outlive it for hours. Ignored on Unix sockets.
      {"tcp_keepalives_idle", "20"},
      {"tcp_keepalives_interval", "10"},
      {"tcp_keepalives_count", "4"},
      {"tcp_user_timeout", "60000"},
      {"standard_conforming_strings", "on"},
      {"check_function_bodies", "on"},
      {"synchronize_seqscans", "off"},
      {"default_tablespace", ""},
      {"transform_null_equals", "off"},
      {"xmloption", "content"},
  };
  if (!settings.time_zone.empty()) pinned.emplace_back("TimeZone", settings.time_zone);
  if (!settings.interval_style.empty()) pinned.emplace_back("IntervalStyle", settings.interval_style);
  for (const auto& setting : settings.extra) pinned.push_back(setting);
  std::string text = "SELECT";
  for (std::size_t index = 0; index < pinned.size(); ++index) {
    text += fmt::format("{} pg_catalog.set_config({}, {}, false)", index == 0 ? "" : ",",
                        quote_literal(pinned[index].first), quote_literal(pinned[index].second));
  }
  session.run({"session.pin", text});
}

template <class Opened, class Connect>
std::unique_ptr<Opened> open_checked(const ConnectionTarget& target, const SessionSettings& settings,
                                     Connect connect) {
  std::unique_ptr<Opened> session;
  try {
    session = connect(with_keepalives(target.connection_string()));
  } catch (const DatabaseError& error) {
    throw Failure(ExitCode::failed,
                  {.code = "unreachable",
                   .object = target.display(),
                   .message = "cannot connect: " + error.report().message,
                   .next = "Check that the server runs and that the address, role and password are right."});
  }
  check(target, settings, *session);
  pin(*session, settings);
  return session;
}

}  // namespace

ConnectionTarget::ConnectionTarget(std::string text) : text_(std::move(text)) {
  parse(text_);
}

std::map<std::string, std::string> ConnectionTarget::environment() const {
  std::map<std::string, std::string> variables;
  const ConnectionOptions given = parse(text_);
  for (const PQconninfoOption* option = given.get(); option->keyword != nullptr; ++option) {
    if (option->envvar != nullptr && option->val != nullptr) variables[option->envvar] = option->val;
  }
  return variables;
}

std::string ConnectionTarget::display() const {
  const std::string host = effective(text_, "host");
  return fmt::format(
      "{}:{}/{} as {}", host.empty() ? "local socket" : host, effective(text_, "port"),
      effective(text_, "dbname").empty() ? effective(text_, "user") : effective(text_, "dbname"),
      effective(text_, "user"));
}

SessionFactory::SessionFactory(ConnectionTarget target, std::shared_ptr<FaultPlan> faults)
    : target_(std::move(target)), faults_(std::move(faults)) {}

std::unique_ptr<Session> SessionFactory::open(const SessionSettings& settings) const {
  return open_checked<Session>(target_, settings, [this](const std::string& connection_string) {
    return with_faults(connect_pqxx(connection_string), faults_);
  });
}

std::unique_ptr<CopySession> SessionFactory::open_copy(const SessionSettings& settings) const {
  return open_checked<CopySession>(target_, settings, [this](const std::string& connection_string) {
    return with_faults(connect_libpq(connection_string), faults_);
  });
}

ServerFacts read_server_facts(Session& session) {
  const Rows rows = session.run({"session.facts", std::string(kServerFacts)});
  return facts_from(rows.only());
}

}  // namespace crossfade::postgres
