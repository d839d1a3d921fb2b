#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "migrations/revision_directory.h"
#include "migrations/role_names.h"
#include "orchestrator/alembic/child_process.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/pending.h"
#include "orchestrator/commands/way_back.h"
#include "postgres/problem.h"
#include "postgres/quoting.h"
#include "postgres/throwaway_server.h"

namespace crossfade::orchestrator {

namespace {

using Schema = std::vector<std::string>;

/// A column that a down section gives back stands behind the others, and nothing can change that.
std::string without_column_order(const std::string& block) {
  if (!block.starts_with("CREATE TABLE ")) return block;
  Schema columns;
  std::istringstream lines(block);
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with(",")) line.pop_back();
    columns.push_back(std::move(line));
  }
  std::sort(columns.begin(), columns.end());
  return fmt::format("{}\n", fmt::join(columns, "\n"));
}

/// The schema as blocks of SQL, sorted: objects without an order of their own are dumped in the order of
/// their numbers, which says nothing.
Schema schema_of(const CommandEnvironment& environment, const postgres::ThrowawayServer& server) {
  ChildCommand command{
      .words = {(server.binaries() / "pg_dump").string(), "--schema-only", "--exclude-schema=crossfade",
                "--exclude-schema=crossfade_*", "--dbname=" + server.connection_string()},
      .environment = {},
      .input = {}};
  const ChildResult dumped = run_child(command, environment.stop);
  if (dumped.exit_code != 0) {
    throw Failure(ExitCode::failed, {.code = "pg-dump-failed",
                                     .object = command.words.front(),
                                     .message = "the schema of the throw-away server cannot be read",
                                     .expected = "exit code 0",
                                     .found = dumped.errors,
                                     .next = "Install the server's own pg_dump beside it."});
  }
  Schema blocks = {""};
  std::istringstream lines(dumped.output);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("-- Name:")) blocks.emplace_back();
    if (!line.empty() && !line.starts_with("--") && !line.starts_with("\\")) blocks.back() += line + "\n";
  }
  for (std::string& block : blocks) block = without_column_order(block);
  std::sort(blocks.begin(), blocks.end());
  return blocks;
}

/// What only one of the two has.
std::string difference(const Schema& wanted, const Schema& found) {
  std::string out;
  const auto add = [&](const char* sign, const Schema& from, const Schema& without) {
    std::vector<std::string> only;
    std::set_difference(from.begin(), from.end(), without.begin(), without.end(), std::back_inserter(only));
    for (const std::string& block : only) out += fmt::format("{} {}", sign, block);
  };
  add("-", wanted, found);
  add("+", found, wanted);
  return out;
}

class Check {
 public:
  Check(const CommandEnvironment& environment, const CheckOptions& options)
      : environment_(environment), options_(options) {
    environment_.options.database = server_.connection_string();
  }

  CommandResult run() {
    try {
      lint();
      const migrations::RevisionDirectory directory =
          migrations::load_directory(environment_.options.directory);
      const auto session = environment_.connect().open({.application_name = "crossfade/check"});
      files_ = pending_up_to(*session, directory, "heads");
      make_roles(*session);
      std::vector<Schema> schemas = {schema_of(environment_, server_)};
      for (const migrations::MigrationFile& file : files_) {
        apply("up", {file});
        schemas.push_back(schema_of(environment_, server_));
      }
      passed("up");
      if (!options_.up_only) down_and_up_again(schemas);
    } catch (const Failure& failure) {
      result_.exit_code = failure.exit_code();
      result_.problem = failure.problem();
    }
    result_.document["steps"] = std::move(steps_);
    if (!result_.problem) {
      result_.text += options_.up_only ? "the directory goes up\n"
                                       : "each revision goes up, down and up again to the same schema\n";
    }
    return std::move(result_);
  }

 private:
  /// Each revision by itself: what a down section leaves behind may be taken away by the next one.
  void down_and_up_again(const std::vector<Schema>& schemas) {
    const auto session = environment_.connect().open({.application_name = "crossfade/check"});
    for (std::size_t index = files_.size(); index-- > 0;) {
      const migrations::MigrationFile& file = files_[index];
      apply("down", {way_back(file, kept_definitions(*session, file.revision),
                              {.generated = true, .allow_data_loss = true})});
      compare(file, "down", "the schema before its `up`", schemas[index]);
    }
    passed("down");
    for (std::size_t index = 0; index < files_.size(); ++index) {
      apply("up again", {files_[index]});
      compare(files_[index], "up again", "the schema after its first `up`", schemas[index + 1]);
    }
    passed("up again");
  }

  void apply(const std::string& name, const std::vector<migrations::MigrationFile>& files) {
    const ApplyOptions options{.run = {.contract = true}, .approved = true};
    const auto reporter = make_reporter(environment_.options.progress);
    CommandResult done = RevisionRuns(environment_, options, *reporter).apply(files);
    if (done.exit_code != ExitCode::done) step(name, std::move(done));
  }

  /// Roles are the cluster's and stand in no migration; the throw-away server has none of them.
  void make_roles(postgres::Session& session) {
    std::set<std::string> named;
    std::set<std::string> made;
    for (const migrations::MigrationFile& file : files_) {
      std::vector<migrations::Statement> statements =
          migrations::parse_statements(file.up_sql, file.path, file.up_first_line);
      for (migrations::Statement& statement :
           migrations::parse_statements(file.down_sql, file.path, file.down_first_line))
        statements.push_back(std::move(statement));
      for (const migrations::Statement& statement : statements) {
        named.merge(migrations::named_roles(statement));
        made.insert(migrations::created_role(statement));
      }
    }
    for (const std::string& role : named) {
      const bool there =
          made.contains(role) ||
          !session.run({"check.role", "SELECT 1 AS one FROM pg_catalog.pg_roles WHERE rolname = $1"}, {role})
               .empty();
      if (!there) session.run({"check.make_role", "CREATE ROLE " + postgres::quote_identifier(role)});
    }
  }

  void lint() {
    CommandEnvironment text_only = environment_;
    text_only.options.format = OutputFormat::text;
    CommandResult found = run_lint(text_only, {.files = {}, .text_only = true});
    result_.text += found.text;
    step("lint", std::move(found));
  }

  void passed(const std::string& name) { step(name, {}); }

  void step(const std::string& name, CommandResult done) {
    steps_.push_back(boost::json::object{{"name", name}, {"exit_code", static_cast<int>(done.exit_code)}});
    if (done.exit_code == ExitCode::done) {
      result_.text += name + ": done\n";
      return;
    }
    throw Failure(ExitCode::failed, done.problem.value_or(Problem{
                                        .code = "check-failed",
                                        .object = name,
                                        .message = name + " has errors",
                                        .expected = "none",
                                        .found = done.text,
                                        .next = "Correct the files; `crossfade lint` shows the same."}));
  }

  void compare(const migrations::MigrationFile& file, const std::string& name, const std::string& with,
               const Schema& wanted) {
    const std::string found = difference(wanted, schema_of(environment_, server_));
    if (found.empty()) return;
    throw Failure(
        ExitCode::failed,
        {.code = "schema-differs",
         .object = file.path,
         .message = fmt::format("after `{}` of revision {} the schema is another one", name, file.revision),
         .expected = with,
         .found = found,
         .next = "Correct the down section that leaves something behind or takes too much away."});
  }

  CommandEnvironment environment_;
  const CheckOptions& options_;
  postgres::ThrowawayServer server_;
  CommandResult result_;
  boost::json::array steps_;
  std::vector<migrations::MigrationFile> files_;
};

}  // namespace

CommandResult run_check(const CommandEnvironment& environment, const CheckOptions& options) {
  return Check(environment, options).run();
}

}  // namespace crossfade::orchestrator
