// One throw-away server for all measurements of a run: pgbench tables to take fresh copies of, sessions, and
// the crossfade and pgbench commands against them. Belongs to one thread; everything disappears with it. A
// Database is dropped by its destructor and must not outlive its Laboratory.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/child.h"
#include "postgres/session.h"
#include "postgres/throwaway_server.h"

namespace crossfade::bench {

class Laboratory;

class Database {
 public:
  Database(Laboratory& laboratory, std::string name) : laboratory_(laboratory), name_(std::move(name)) {}
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  const std::string& name() const { return name_; }
  std::unique_ptr<postgres::Session> open() const;
  /// Runs `crossfade ARGUMENTS` on this database and its folder of migrations. Throws Failure where it ends
  /// with an exit code that is not in `accepted`.
  Finished crossfade(const std::vector<std::string>& arguments, const std::vector<int>& accepted = {0}) const;
  /// Files of `crossfade` for this database.
  void add_migration(const std::string& name, const std::string& text) const;
  std::vector<std::string> pgbench_command(const std::vector<std::string>& arguments) const;
  std::filesystem::path folder() const;

 private:
  Laboratory& laboratory_;
  std::string name_;
};

class Laboratory {
 public:
  using Settings = std::vector<std::pair<std::string, std::string>>;

  Laboratory(std::string crossfade_binary, Settings settings);

  /// A fresh copy of a pgbench database with this many rows in pgbench_accounts (a multiple of 100,000), read
  /// into the server's buffers and followed by a checkpoint. The original is made at the first use.
  std::unique_ptr<Database> fresh_database(std::int64_t rows);
  /// Writes everything out, so that no measurement pays for what came before it.
  void checkpoint();

  const Settings& settings() const { return settings_; }
  /// "15.8 (Debian …)" in short: the server's version number.
  std::string server_version();
  postgres::Session& administration() { return *administration_; }

 private:
  friend class Database;

  std::string pgbench() const;
  std::unique_ptr<postgres::Session> open(const std::string& database) const;
  /// Temporary, for migrations and logs; removed with the server.
  std::filesystem::path folder_of(const std::string& database) const;

  std::string crossfade_binary_;
  Settings settings_;
  postgres::ThrowawayServer server_;
  std::unique_ptr<postgres::Session> administration_;
  std::set<std::int64_t> originals_;
  int copies_ = 0;
};

/// Elapsed milliseconds of one statement.
double timed(postgres::Session& session, const std::string& name, const std::string& sql);

/// The only run in the document that `crossfade --format json` printed.
boost::json::object only_run(const Finished& finished);

}  // namespace crossfade::bench
