#include "bench/laboratory.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>

#include "postgres/connection.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"

namespace crossfade::bench {

namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRowsPerScale = 100'000;

std::string original_name(std::int64_t rows) {
  return fmt::format("original_{}", rows);
}

}  // namespace

Laboratory::Laboratory(std::string crossfade_binary, Settings settings)
    : crossfade_binary_(std::move(crossfade_binary)),
      settings_(std::move(settings)),
      server_({.binaries = {}, .settings = settings_}),
      administration_(open("postgres")) {}

std::unique_ptr<postgres::Session> Laboratory::open(const std::string& database) const {
  const postgres::SessionFactory factory{postgres::ConnectionTarget(server_.connection_string(database))};
  return factory.open({.application_name = "bench"});
}

std::filesystem::path Laboratory::folder_of(const std::string& database) const {
  return server_.folder() / ("files_" + database);
}

std::string Laboratory::pgbench() const {
  const fs::path beside = server_.binaries() / "pgbench";
  return fs::exists(beside) ? beside.string() : "pgbench";
}

std::string Laboratory::server_version() {
  const std::string version =
      administration_
          ->run({"bench.version", "SELECT pg_catalog.current_setting('server_version') AS version"})
          .only()
          .text("version");
  return version.substr(0, version.find(' '));
}

void Laboratory::checkpoint() {
  administration_->run({"bench.checkpoint", "CHECKPOINT"});
}

std::unique_ptr<Database> Laboratory::fresh_database(std::int64_t rows) {
  const std::string original = original_name(rows);
  if (originals_.insert(rows).second) {
    administration_->run({"bench.create", "CREATE DATABASE " + postgres::quote_identifier(original)});
    run({pgbench(), "--initialize", "--quiet", fmt::format("--scale={}", rows / kRowsPerScale),
         server_.connection_string(original)},
        server_.folder());
  }
  const std::string name = fmt::format("copy_{}", ++copies_);
  std::string create = fmt::format("CREATE DATABASE {} TEMPLATE {}", postgres::quote_identifier(name),
                                   postgres::quote_identifier(original));
  const bool chooses_strategy =
      administration_
          ->run({"bench.version_number", "SELECT pg_catalog.current_setting('server_version_num')::int AS n"})
          .only()
          .integer("n") >= 150000;
  // Page by page through the buffers would push everything else out of them.
  if (chooses_strategy) create += " STRATEGY file_copy";
  administration_->run({"bench.copy", create});
  fs::create_directories(folder_of(name));
  auto database = std::make_unique<Database>(*this, name);
  // By the index, because a sequential read of a large table leaves nothing in the server's buffers.
  database->open()->run({"bench.read",
                         "SET enable_seqscan = off; SET enable_bitmapscan = off;"
                         " SELECT pg_catalog.sum(abalance) FROM public.pgbench_accounts WHERE aid > 0"});
  checkpoint();
  return database;
}

Database::~Database() {
  try {
    laboratory_.administration().run(
        {"bench.drop", "DROP DATABASE " + postgres::quote_identifier(name_) + " WITH (FORCE)"});
    fs::remove_all(folder());
  } catch (const std::exception&) {
    // The server goes with everything in it.
  }
}

std::filesystem::path Database::folder() const {
  return laboratory_.folder_of(name_);
}

std::unique_ptr<postgres::Session> Database::open() const {
  return laboratory_.open(name_);
}

Finished Database::crossfade(const std::vector<std::string>& arguments,
                             const std::vector<int>& accepted) const {
  std::vector<std::string> command = {laboratory_.crossfade_binary_,
                                      "--database",
                                      laboratory_.server_.connection_string(name_),
                                      "--dir",
                                      folder() / "migrations",
                                      "--format",
                                      "json",
                                      "--progress",
                                      "none"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, folder(), accepted);
}

void Database::add_migration(const std::string& name, const std::string& text) const {
  fs::create_directories(folder() / "migrations");
  std::ofstream(folder() / "migrations" / name) << text;
}

std::vector<std::string> Database::pgbench_command(const std::vector<std::string>& arguments) const {
  std::vector<std::string> command = {laboratory_.pgbench()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  command.push_back(laboratory_.server_.connection_string(name_));
  return command;
}

double timed(postgres::Session& session, const std::string& name, const std::string& sql) {
  const auto started = std::chrono::steady_clock::now();
  session.run({name, sql});
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - started).count();
}

boost::json::object only_run(const Finished& finished) {
  return boost::json::parse(finished.output).at("runs").as_array().at(0).as_object();
}

}  // namespace crossfade::bench
