// A database of its own for each test, on one throwaway server for each test executable. The server starts at
// first use and ends with the executable. A ScratchDatabase creates its database and drops it, with every
// session to it and the roles that it made. It and its sessions belong to one thread at a time;
// connection_string() and factory() may be used from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "postgres/connection.h"
#include "postgres/query.h"
#include "postgres/session.h"
#include "postgres/throwaway_server.h"

namespace crossfade::tests {

/// Settings beside the defaults can be given by the first caller alone; without any, `shared_server()` is
/// enough.
postgres::ThrowawayServer& shared_server(const postgres::ThrowawayServerOptions& options = {});

class ScratchDatabase {
 public:
  /// On the shared server.
  ScratchDatabase();
  /// On another server, which must outlive it.
  explicit ScratchDatabase(postgres::ThrowawayServer& server);
  ScratchDatabase(const ScratchDatabase&) = delete;
  ScratchDatabase& operator=(const ScratchDatabase&) = delete;
  ~ScratchDatabase();

  const std::string& name() const { return name_; }
  postgres::ThrowawayServer& server() const { return server_; }
  /// For --database; key/value form.
  std::string connection_string(const std::string& role = "postgres") const;

  /// A role that can log in and is nothing else, e.g. create_role("app") or create_role("owner",
  /// "BYPASSRLS"). Roles belong to the whole server, so the name that is returned differs from the label.
  std::string create_role(std::string_view label, std::string_view attributes = "");
  /// Owns this database, which is all that crossfade asks for. Made at the first call.
  const std::string& owner();

  /// Sessions as the product opens them: checked and pinned (search_path is pg_catalog alone).
  postgres::SessionFactory factory(const std::string& role = "postgres") const;
  std::unique_ptr<postgres::Session> session(const std::string& role = "postgres") const;
  std::unique_ptr<postgres::CopySession> copy_session(const std::string& role = "postgres") const;
  /// A session as an application would open it: nothing is pinned, so names are looked up in public.
  std::unique_ptr<postgres::Session> application_session(const std::string& role = "postgres") const;

  /// One or several statements as the superuser in a session like an application's, kept open between calls
  /// and opened again after a crash of the server.
  postgres::Rows execute(const std::string& sql, const postgres::Parameters& parameters = {});
  /// The only column of the only row; NULL is "NULL".
  std::string scalar(const std::string& sql, const postgres::Parameters& parameters = {});
  /// The first column of all rows; NULL is "NULL".
  std::vector<std::string> column(const std::string& sql, const postgres::Parameters& parameters = {});

 private:
  postgres::ThrowawayServer& server_;
  std::mutex mutex_;
  std::unique_ptr<postgres::Session> session_;
  std::string name_;
  std::string owner_;
  std::vector<std::string> roles_;
};

}  // namespace crossfade::tests
