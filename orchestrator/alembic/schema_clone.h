// A database's schema without its rows, on a server of its own that logs every statement: where revisions can
// run to show what they do. The server goes with the object. One thread.
#pragma once

#include <map>
#include <stop_token>
#include <string>

#include "orchestrator/alembic/version_table.h"
#include "postgres/connection.h"
#include "postgres/throwaway_server.h"

namespace crossfade::orchestrator {

class SchemaClone {
 public:
  /// Dumps the schema with the server's own pg_dump, without crossfade's journal, and restores it with all
  /// role names and the version table's rows. Throws Failure (exit 1) "schema-clone" with pg_dump's or psql's
  /// own words.
  SchemaClone(const postgres::SessionFactory& factory, const VersionTable& versions,
              const std::stop_token& stop);

  /// SQLAlchemy's form of the address, e.g. postgresql+psycopg2://role@/database?host=…
  std::string url(const std::string& scheme) const;
  /// libpq's variables for the same.
  std::map<std::string, std::string> variables() const;

  /// The log from `offset` on, with everything that was logged before this call.
  std::string log_since(std::size_t offset);
  std::size_t log_size();
  postgres::SessionFactory factory() const;
  int server_version() const { return server_version_; }

 private:
  std::string log();

  postgres::ThrowawayServer server_;
  std::string database_;
  std::string role_;
  int server_version_ = 0;
  int marks_ = 0;
};

}  // namespace crossfade::orchestrator
