#include "orchestrator/alembic/schema_clone.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "orchestrator/alembic/child_process.h"
#include "orchestrator/alembic/project.h"
#include "orchestrator/role_settings.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

namespace fs = std::filesystem;
using postgres::quote_identifier;
using postgres::quote_literal;

constexpr auto kLogLimit = std::chrono::seconds(20);
constexpr auto kLogPoll = std::chrono::milliseconds(20);

constexpr std::string_view kRoles = R"sql(
SELECT rolname FROM pg_catalog.pg_roles WHERE rolname NOT LIKE 'pg\_%' AND rolname <> 'postgres' ORDER BY rolname
)sql";

/// Binaries of the target's own major version where they are installed: pg_dump refuses newer servers.
fs::path binaries_for(int server_version) {
  if (std::getenv("CROSSFADE_POSTGRES_BIN") != nullptr) return {};
  const fs::path folder = fmt::format("/usr/lib/postgresql/{}/bin", server_version / 10000);
  std::error_code ignored;
  return fs::is_regular_file(folder / "initdb", ignored) ? folder : fs::path();
}

postgres::ThrowawayServerOptions logging_server(int server_version) {
  return {.binaries = binaries_for(server_version),
          .settings = {{"logging_collector", "on"},
                       {"log_destination", "csvlog"},
                       {"log_directory", "log"},
                       {"log_filename", "statements.log"},
                       {"log_rotation_age", "0"},
                       {"log_rotation_size", "0"},
                       {"log_statement", "all"},
                       {"log_min_messages", "warning"},
                       {"log_min_error_statement", "error"},
                       {"log_min_duration_statement", "-1"},
                       {"log_parameter_max_length", "-1"},
                       {"log_parameter_max_length_on_error", "0"},
                       {"max_connections", "50"}}};
}

int version_of(const postgres::SessionFactory& factory) {
  return postgres::read_server_facts(*factory.open({.application_name = "crossfade/record"})).version;
}

void require_done(const ChildResult& result, const std::string& what, const std::string& next) {
  if (result.exit_code == 0) return;
  const std::string errors = without_passwords(result.errors);
  throw Failure(ExitCode::failed, {.code = "schema-clone",
                                   .object = what,
                                   .message = "the schema cannot be copied to a server of its own",
                                   .expected = "exit code 0",
                                   .found = errors.size() > 600 ? errors.substr(errors.size() - 600) : errors,
                                   .next = next});
}

std::string dump(const postgres::SessionFactory& factory, const fs::path& binaries,
                 const std::stop_token& stop) {
  ChildCommand command{.words = {(binaries / "pg_dump").string(), "--schema-only", "--no-tablespaces",
                                 "--no-publications", "--no-subscriptions", "--no-security-labels",
                                 "--exclude-schema=crossfade", "--exclude-schema=crossfade_*"},
                       .environment = {},
                       .input = {}};
  for (const auto& [name, value] : factory.target().environment()) command.environment[name] = value;
  ChildResult result = run_child(command, stop);
  require_done(
      result, "pg_dump of " + factory.target().display(),
      "Install the server's own version of pg_dump and initdb on this machine, or name its folder in "
      "CROSSFADE_POSTGRES_BIN; the role needs to read the catalog.");
  return std::move(result.output);
}

}  // namespace

SchemaClone::SchemaClone(const postgres::SessionFactory& factory, const VersionTable& versions,
                         const std::stop_token& stop)
    : server_(logging_server(version_of(factory))) {
  const auto target = factory.open({.application_name = "crossfade/record"});
  const postgres::ServerFacts facts = postgres::read_server_facts(*target);
  database_ = facts.database;
  role_ = facts.role;

  const postgres::SessionFactory administrator{
      postgres::ConnectionTarget(server_.connection_string("template1"))};
  const auto session = administrator.open({.application_name = "crossfade/record"});
  server_version_ = postgres::read_server_facts(*session).version;
  for (const postgres::Row row : target->run({"record.roles", std::string(kRoles)})) {
    const std::string name = quote_identifier(row.text("rolname"));
    session->run({"record.create_role", fmt::format("CREATE ROLE {} LOGIN", name)});
  }
  if (role_ != "postgres")
    session->run({"record.superuser", fmt::format("ALTER ROLE {} SUPERUSER", quote_identifier(role_))});
  // Names and dates mean to the role what they mean on the target. Rows that a revision writes may refer to
  // rows that are not here, so foreign keys are not enforced.
  std::string settings = "session_replication_role = replica";
  const std::string role = quote_identifier(role_);
  session->run({"record.role_setting", fmt::format("ALTER ROLE {} SET {}", role, settings)});
  for (const auto& setting : read_role_settings(*target)) {
    const std::string value(setting.value().as_string());
    const bool list = setting.key() == "search_path" || setting.key() == "DateStyle";
    session->run(
        {"record.role_setting", fmt::format("ALTER ROLE {} SET {} = {}", role, std::string(setting.key()),
                                            list ? value : quote_literal(value))});
  }
  if (database_ != "postgres" && database_ != "template1") {
    session->run({"record.create_database",
                  fmt::format("CREATE DATABASE {} TEMPLATE template0", quote_identifier(database_))});
  }

  ChildCommand restore{.words = {(server_.binaries() / "psql").string(), "--no-psqlrc", "--quiet",
                                 "--set=ON_ERROR_STOP=1", "--file=-"},
                       .environment = {},
                       .input = dump(factory, server_.binaries(), stop)};
  for (const auto& [name, value] : variables()) restore.environment[name] = value;
  restore.environment["PGUSER"] = "postgres";
  restore.environment["PGOPTIONS"] = "-c client_min_messages=warning";
  require_done(run_child(restore, stop), "psql on the copy",
               "Install the extensions that the schema uses on this machine, or use offline SQL.");
  if (!versions.exists) return;
  const auto copy = this->factory().open({.application_name = "crossfade/record"});
  for (const std::string& head : versions.heads) {
    copy->run(
        {"record.version", fmt::format("INSERT INTO {} (version_num) VALUES ($1)", versions.name.quoted())},
        {head});
  }
}

std::string SchemaClone::url(const std::string& scheme) const {
  const auto escaped = [](const std::string& text) {
    std::string out;
    for (const unsigned char c : text) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                         c == '_' || c == '-' || c == '.';
      out += plain ? std::string(1, static_cast<char>(c)) : fmt::format("%{:02X}", c);
    }
    return out;
  };
  return fmt::format("{}://{}@/{}?host={}&port={}", scheme, escaped(role_), escaped(database_),
                     server_.folder().string(), server_.port());
}

std::map<std::string, std::string> SchemaClone::variables() const {
  return {{"PGHOST", server_.folder().string()},
          {"PGPORT", std::to_string(server_.port())},
          {"PGDATABASE", database_},
          {"PGUSER", role_}};
}

postgres::SessionFactory SchemaClone::factory() const {
  // The name is in the log from the first statement on, so that ours are told from the revisions'.
  return postgres::SessionFactory(postgres::ConnectionTarget(
      server_.connection_string(database_, "postgres") + " application_name=crossfade/record"));
}

std::string SchemaClone::log() {
  // The collector writes what backends send it, in order: once a statement of ours is there, so is
  // everything before it.
  const std::string mark = fmt::format("crossfade mark {}", ++marks_);
  factory()
      .open({.application_name = "crossfade/record"})
      ->run({"record.mark", "SELECT " + quote_literal(mark)});
  const fs::path file = server_.folder() / "data" / "log" / "statements.csv";
  const auto deadline = std::chrono::steady_clock::now() + kLogLimit;
  for (;;) {
    std::string text = read_text_file(file);
    if (text.find(mark) != std::string::npos) return text;
    if (std::chrono::steady_clock::now() > deadline) {
      throw Failure(ExitCode::failed,
                    {.code = "statement-log",
                     .object = file.string(),
                     .message = "the copy's log does not show what was run",
                     .expected = mark,
                     .next = "Check the free space of the temporary folder, and try again."});
    }
    std::this_thread::sleep_for(kLogPoll);
  }
}

std::size_t SchemaClone::log_size() {
  const std::string text = log();
  return text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1;
}

std::string SchemaClone::log_since(std::size_t offset) {
  return log().substr(offset);
}

}  // namespace crossfade::orchestrator
