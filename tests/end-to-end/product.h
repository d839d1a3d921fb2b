// The product as its user has it: the binary, a database and a directory of migration files. One Product a
// test; it belongs to one thread, and takes the database and the directory with it at its end. The roles
// `keeper` (owns the database and is nothing else), `shop` and `reader` (the application's) are on every
// server.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "postgres/quoting.h"
#include "tests/support/json.h"
#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

/// An empty folder, removed with its content at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "crossfade-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot create " + name);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// What one command printed with --format json.
struct Answer {
  Finished finished;
  boost::json::value document;

  int exit_code() const { return finished.exit_code.value_or(-1); }
  std::string text(std::string_view pointer) const { return text_at(document, pointer); }
  std::string error_code() const { return at(document, "/error").is_null() ? "" : text("/error/code"); }
};

inline std::set<std::string> members(const boost::json::value& object) {
  std::set<std::string> out;
  for (const auto& member : object.as_object()) out.emplace(member.key());
  return out;
}

class Product {
 public:
  Product() : Product(shared_server()) {}
  explicit Product(postgres::ThrowawayServer& server) : database_(server) {
    database_.execute(
        "DO $$ BEGIN CREATE ROLE keeper LOGIN; CREATE ROLE shop LOGIN; CREATE ROLE reader LOGIN;"
        "EXCEPTION WHEN duplicate_object THEN NULL; END $$");
    database_.execute("ALTER DATABASE " + postgres::quote_identifier(database_.name()) +
                      " OWNER TO keeper; ALTER SCHEMA public OWNER TO keeper");
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;

  ScratchDatabase& database() { return database_; }
  const Folder& folder() const { return folder_; }
  void write(const std::string& name, const std::string& text) { folder_.write(name, text); }

  /// As an application's session of this role.
  void as(const std::string& role, const std::string& sql) {
    database_.application_session(role)->run({"test.setup", sql});
  }

  std::vector<std::string> global_options(const std::string& role = "keeper") const {
    return {"--database", database_.connection_string(role), "--dir", folder_.path().string()};
  }
  Command command(std::vector<std::string> arguments, const std::string& role = "keeper") const {
    const auto global = global_options(role);
    arguments.insert(arguments.begin(), global.begin(), global.end());
    return crossfade_command(std::move(arguments));
  }
  Finished run(std::vector<std::string> arguments, const std::string& role = "keeper") const {
    return tests::run(command(std::move(arguments), role));
  }
  Answer ask(std::vector<std::string> arguments, const std::string& role = "keeper") const {
    arguments.insert(arguments.begin(), {"--format", "json", "--progress", "none"});
    Finished finished = run(std::move(arguments), role);
    boost::json::value document = parse_document(finished.output);
    return {std::move(finished), std::move(document)};
  }

  /// Of the server, or the one of the PATH, which knows older ones.
  std::string pg_dump() const {
    const auto own = database_.server().binaries() / "pg_dump";
    return std::filesystem::exists(own) ? own.string() : "pg_dump";
  }

  /// Schemas, tables, triggers, functions … of the whole database, without what the journal owns.
  std::string schema() const {
    std::vector<std::string> blocks;
    Finished dumped = tests::run({.arguments = {pg_dump(), "--schema-only", "--exclude-schema=crossfade",
                                                "--dbname=" + database_.connection_string()},
                                  .environment = {},
                                  .input = {}});
    if (dumped.exit_code != 0) throw std::runtime_error(describe(dumped));
    // Objects stand in the order of their OIDs where nothing else decides; their order says nothing here.
    std::istringstream lines(dumped.output);
    std::string block;
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("-- Name:")) {
        blocks.push_back(std::exchange(block, ""));
      } else if (!line.empty() && !line.starts_with("--") && !line.starts_with("\\")) {
        block += line + "\n";
      }
    }
    blocks.push_back(block);
    std::sort(blocks.begin(), blocks.end());
    std::string out;
    for (const std::string& text : blocks) out += text + "\n";
    return out;
  }

  /// Every row as text, in an order that depends on nothing but the rows.
  std::vector<std::string> rows(const std::string& table, const std::string& columns = "*") {
    return database_.column("SELECT x::text FROM (SELECT " + columns + " FROM " + table +
                            ") AS x ORDER BY x::text COLLATE \"C\"");
  }

  /// What runs may leave behind beside the journal: schemas, triggers, functions.
  std::vector<std::string> traces() {
    return database_.column(
        "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'crossfade\\_%'"
        " UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE 'crossfade%'"
        " UNION ALL SELECT 'function ' || proname FROM pg_proc WHERE proname LIKE 'crossfade%'"
        " UNION ALL SELECT 'relation ' || relname FROM pg_class WHERE relname LIKE 'crossfade\\_%' ORDER BY "
        "1");
  }
  bool has_journal() {
    return database_.scalar("SELECT count(*) FROM pg_namespace WHERE nspname = 'crossfade'") == "1";
  }

 private:
  ScratchDatabase database_;
  Folder folder_;
};

/// One file, and what `up` makes of it.
class OneRevision : public ::testing::Test {
 protected:
  Answer up(const std::string& sql, std::vector<std::string> options = {}) {
    product_.write("0001_change.sql", sql);
    options.insert(options.begin(), "up");
    return product_.ask(std::move(options));
  }
  std::string scalar(const std::string& sql) { return product_.database().scalar(sql); }

  Product product_;
};

/// Accounts as an application might have them: 2,000 rows, two indexes, a check, grants.
inline constexpr const char* kAccounts =
    "CREATE TABLE accounts (id integer PRIMARY KEY, owner text NOT NULL, balance integer DEFAULT 0,"
    "  CONSTRAINT solvent CHECK (balance >= 0));"
    "CREATE INDEX accounts_owner ON accounts (owner);"
    "INSERT INTO accounts SELECT i, 'owner ' || i % 97, i FROM generate_series(1, 2000) AS i;"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON accounts TO shop;"
    "ANALYZE accounts";
inline constexpr const char* kWiden = "ALTER TABLE accounts ALTER COLUMN id TYPE bigint;\n";

}  // namespace crossfade::tests
