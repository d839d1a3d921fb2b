#include "tests/support/scratch_database.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "postgres/error.h"
#include "postgres/pqxx_session.h"
#include "postgres/quoting.h"

namespace crossfade::tests {

using postgres::quote_identifier;

namespace {

std::string text_of(const postgres::Value& value) {
  return value.value_or("NULL");
}

bool still_there(postgres::Session& session) {
  try {
    session.run({"test.alive", "SELECT 1"});
    return true;
  } catch (const postgres::DatabaseError&) {
    return false;
  }
}

void run_as_superuser(const postgres::ThrowawayServer& server, const std::string& sql) {
  postgres::connect_pqxx(server.connection_string())->run({"test.administration", sql});
}

}  // namespace

postgres::ThrowawayServer& shared_server(const postgres::ThrowawayServerOptions& options) {
  static postgres::ThrowawayServer server(options);
  return server;
}

ScratchDatabase::ScratchDatabase() : ScratchDatabase(shared_server()) {}

ScratchDatabase::ScratchDatabase(postgres::ThrowawayServer& server) : server_(server) {
  static std::atomic<int> count = 0;
  name_ = fmt::format("scratch_{}", ++count);
  run_as_superuser(server_, "CREATE DATABASE " + quote_identifier(name_));
}

ScratchDatabase::~ScratchDatabase() {
  try {
    session_.reset();
    if (server_.postmaster_pid() == 0) return;
    run_as_superuser(server_, "DROP DATABASE " + quote_identifier(name_) + " WITH (FORCE)");
    for (const std::string& role : roles_) run_as_superuser(server_, "DROP ROLE " + quote_identifier(role));
  } catch (const std::exception& error) {
    // The server goes with the executable; a left-over database harms no other test.
    std::fputs(fmt::format("cannot drop {}: {}\n", name_, error.what()).c_str(), stderr);
  }
}

std::string ScratchDatabase::connection_string(const std::string& role) const {
  return server_.connection_string(name_, role);
}

std::string ScratchDatabase::create_role(std::string_view label, std::string_view attributes) {
  std::string role = fmt::format("{}_{}", name_, label);
  execute(fmt::format("CREATE ROLE {} LOGIN {}", quote_identifier(role), attributes));
  roles_.push_back(role);
  return role;
}

const std::string& ScratchDatabase::owner() {
  if (owner_.empty()) {
    owner_ = create_role("owner");
    execute(fmt::format("ALTER DATABASE {0} OWNER TO {1}; ALTER SCHEMA public OWNER TO {1}",
                        quote_identifier(name_), quote_identifier(owner_)));
  }
  return owner_;
}

postgres::SessionFactory ScratchDatabase::factory(const std::string& role) const {
  return postgres::SessionFactory(postgres::ConnectionTarget(connection_string(role)));
}

std::unique_ptr<postgres::Session> ScratchDatabase::session(const std::string& role) const {
  return factory(role).open({});
}

std::unique_ptr<postgres::CopySession> ScratchDatabase::copy_session(const std::string& role) const {
  return factory(role).open_copy({});
}

std::unique_ptr<postgres::Session> ScratchDatabase::application_session(const std::string& role) const {
  return postgres::connect_pqxx(connection_string(role));
}

postgres::Rows ScratchDatabase::execute(const std::string& sql, const postgres::Parameters& parameters) {
  const std::lock_guard lock(mutex_);
  if (session_ && !still_there(*session_)) session_.reset();
  if (!session_) session_ = application_session();
  try {
    return session_->run({"test.execute", sql}, parameters);
  } catch (...) {
    session_.reset();  // it may be in a transaction, or have settings
    throw;
  }
}

std::string ScratchDatabase::scalar(const std::string& sql, const postgres::Parameters& parameters) {
  const std::vector<std::string> values = column(sql, parameters);
  if (values.size() != 1)
    throw std::logic_error(fmt::format("{} rows instead of one: {}", values.size(), sql));
  return values.front();
}

std::vector<std::string> ScratchDatabase::column(const std::string& sql,
                                                 const postgres::Parameters& parameters) {
  const postgres::Rows rows = execute(sql, parameters);
  std::vector<std::string> values;
  for (std::size_t index = 0; index < rows.size(); ++index)
    values.push_back(text_of(rows.values(index).front()));
  return values;
}

}  // namespace crossfade::tests
