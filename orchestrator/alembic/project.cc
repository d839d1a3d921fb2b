#include "orchestrator/alembic/project.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "migrations/source_text.h"
#include "orchestrator/alembic/settings_file.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

namespace fs = std::filesystem;
using migrations::trimmed;

/// Where projects look for their database's URL.
constexpr std::array kUrlVariables = {"DATABASE_URL", "SQLALCHEMY_DATABASE_URL", "SQLALCHEMY_DATABASE_URI"};

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> out;
  while (!trimmed(text).empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view element = trimmed(text.substr(0, comma));
    if (!element.empty() && element != "<base>") out.emplace_back(element);
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  return out;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::optional<std::string_view> value_of(std::string_view line, std::string_view key) {
  if (!line.starts_with(key)) return std::nullopt;
  return trimmed(line.substr(key.size()));
}

/// What Python says when a revision asks the stand-in connection of offline mode for rows or for tables.
bool asked_offline(std::string_view errors) {
  constexpr std::array<std::string_view, 6> kSigns = {"NoInspectionAvailable",
                                                      "'NoneType' object is not iterable",
                                                      "'NoneType' object is not subscriptable",
                                                      "'NoneType' object has no attribute",
                                                      "MockConnection",
                                                      "Execution arguments not allowed with as_sql"};
  return std::any_of(kSigns.begin(), kSigns.end(),
                     [&](std::string_view sign) { return errors.find(sign) != std::string_view::npos; });
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::vector<HistoryEntry> parse_history(std::string_view printed) {
  std::vector<HistoryEntry> out;
  bool in_message = false;
  while (!printed.empty()) {
    const std::string_view line = take_line(printed);
    if (const auto revision = value_of(line, "Rev: ")) {
      const std::size_t end = revision->find(" (");
      HistoryEntry entry;
      entry.revision = revision->substr(0, end);
      entry.head = revision->find("(head)") != std::string_view::npos;
      out.push_back(std::move(entry));
      in_message = false;
      continue;
    }
    if (out.empty()) continue;
    HistoryEntry& entry = out.back();
    if (in_message) {
      if (entry.message.empty() && line.starts_with("    ")) entry.message = trimmed(line);
    } else if (const auto parent = value_of(line, "Parent: ")) {
      entry.parents = list_of(*parent);
    } else if (const auto merges = value_of(line, "Merges: ")) {
      entry.parents = list_of(*merges);
    } else if (const auto depends = value_of(line, "Also depends on: ")) {
      entry.depends_on = list_of(*depends);
    } else if (const auto path = value_of(line, "Path: ")) {
      entry.path = *path;
      in_message = true;
    }
  }
  return out;
}

std::set<std::string> with_ancestors(const std::vector<HistoryEntry>& history,
                                     const std::set<std::string>& revisions) {
  std::set<std::string> out;
  std::vector<std::string> open(revisions.begin(), revisions.end());
  while (!open.empty()) {
    const std::string revision = std::move(open.back());
    open.pop_back();
    if (!out.insert(revision).second) continue;
    for (const HistoryEntry& entry : history) {
      if (entry.revision != revision) continue;
      open.insert(open.end(), entry.parents.begin(), entry.parents.end());
      open.insert(open.end(), entry.depends_on.begin(), entry.depends_on.end());
    }
  }
  return out;
}

AlembicProject::AlembicProject(const AlembicOptions& options, std::stop_token stop)
    : options_(options), stop_(std::move(stop)) {
  if (!options_.command.empty() && !options_.record_argument.empty()) {
    throw Failure(ExitCode::usage, {.code = "usage",
                                    .object = "--record-argument",
                                    .message = "crossfade cannot know where -x belongs in a command line",
                                    .expected = "{url} in --command, for example \"alembic -x db={url}\"",
                                    .next = "Write {url} where the URL belongs."});
  }
  if (!options_.command.empty()) {
    base_ = split_words(options_.command);
    return;
  }
  if (options_.config.empty()) options_.config = "alembic.ini";
  std::error_code ignored;
  if (!fs::is_regular_file(options_.config, ignored)) {
    throw Failure(ExitCode::usage, {.code = "no-alembic-project",
                                    .object = options_.config.string(),
                                    .message = "there is no such file",
                                    .expected = "an Alembic project",
                                    .next = "Name its settings file with --config, its command line with "
                                            "--command \"flask db\", or printed SQL with --sql-file."});
  }
  base_ = {"alembic", "-c", options_.config.string()};
}

std::vector<std::string> AlembicProject::command(const std::vector<std::string>& words) const {
  std::vector<std::string> all = base_;
  // A place for the copy's URL means nothing to commands that open no connection.
  for (std::string& word : all) {
    const std::size_t at = word.find("{url}");
    if (at != std::string::npos) word.replace(at, 5, "postgresql:///");
  }
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::string AlembicProject::display(const std::vector<std::string>& words) const {
  return orchestrator::display(command(words));
}

ChildResult AlembicProject::run(ChildCommand command) const {
  // Alembic keeps branches in sets, whose order is random unless it is fixed; Python's output is UTF-8
  // wherever the SQL is to be read again.
  command.environment.emplace("PYTHONHASHSEED", "0");
  command.environment.emplace("PYTHONIOENCODING", "utf-8");
  return run_child(command, stop_);
}

std::string AlembicProject::output_of(const std::vector<std::string>& words) const {
  const ChildResult result = run({.words = command(words), .environment = {}, .input = {}});
  require_success(result, display(words));
  return result.output;
}

std::vector<HistoryEntry> AlembicProject::history() const {
  return parse_history(output_of({"history", "--verbose"}));
}

std::string AlembicProject::offline_sql(const std::string& from, const std::string& target) const {
  return output_of({"upgrade", from.empty() ? target : from + ":" + target, "--sql"});
}

std::string AlembicProject::url_scheme() const {
  std::string url;
  for (const char* name : kUrlVariables) {
    if (url.find('+') == std::string::npos && !environment(name).empty()) url = environment(name);
  }
  if (url.empty() && options_.command.empty())
    url = setting(read_text_file(options_.config), "sqlalchemy.url").value_or("");
  const std::size_t end = url.find("://");
  if (end == std::string::npos || !url.starts_with("postgresql")) return "postgresql";
  return url.substr(0, end);
}

ChildResult AlembicProject::run_with_database(const std::string& url,
                                              const std::map<std::string, std::string>& variables,
                                              const std::vector<std::string>& words) const {
  ChildCommand child;
  for (const char* name : {"PGSERVICE", "PGSERVICEFILE", "PGHOSTADDR", "PGPASSWORD", "PGPASSFILE",
                           "PGSSLMODE", "PGOPTIONS", "CROSSFADE_DATABASE_URL"}) {
    child.environment[name] = std::nullopt;
  }
  for (const auto& [name, value] : variables) child.environment[name] = value;
  for (const char* name : kUrlVariables) child.environment[name] = url;
  if (!options_.record_url_variable.empty()) child.environment[options_.record_url_variable] = url;

  std::optional<SettingsCopy> copy;
  if (options_.command.empty()) {
    copy.emplace(options_.config, "sqlalchemy.url", url);
    child.words = {"alembic", "-c", copy->path().string()};
  } else {
    child.words = base_;
    for (std::string& word : child.words) {
      const std::size_t at = word.find("{url}");
      if (at != std::string::npos) word.replace(at, 5, url);
    }
  }
  if (!options_.record_argument.empty()) {
    child.words.emplace_back("-x");
    child.words.push_back(options_.record_argument + "=" + url);
  }
  child.words.insert(child.words.end(), words.begin(), words.end());
  return run(std::move(child));
}

std::string last_words(std::string_view errors) {
  constexpr std::size_t kLongest = 400;
  // SQLAlchemy ends with a pointer to its documentation.
  std::string_view rest = trimmed(errors.substr(0, errors.find("(Background on this error at")));
  std::size_t begin = rest.rfind('\n') == std::string_view::npos ? 0 : rest.rfind('\n') + 1;
  for (std::size_t line = begin;; line = rest.rfind('\n', line - 2) + 1) {
    // package.SomeError: what is wrong
    const std::string_view name = rest.substr(line, rest.find(':', line) - line);
    const bool exception = !name.empty() && name.find_first_of(" \n/") == std::string_view::npos &&
                           (name.ends_with("Error") || name.ends_with("Exception") || name == "FAILED");
    if (exception) begin = line;
    if (exception || line < 2) break;
  }
  return without_passwords(rest.substr(begin, kLongest));
}

void require_success(const ChildResult& result, const std::string& what) {
  if (result.exit_code == 0) return;
  const std::string words = last_words(trimmed(result.errors).empty() ? result.output : result.errors);
  if (asked_offline(result.errors)) {
    throw Failure(ExitCode::refused,
                  {.code = "alembic-offline",
                   .object = what,
                   .message = "a revision asks the database while its SQL is printed, where there is none",
                   .expected = "revisions that print their SQL without a database",
                   .found = words,
                   .next = "Use --record, which runs the revisions against a copy of the schema."});
  }
  // Alembic says so on standard output.
  const bool refused = result.output.find("FAILED: ") != std::string::npos ||
                       result.errors.find("[flask_migrate] Error: ") != std::string::npos ||
                       result.exit_code == 2;
  throw Failure(refused ? ExitCode::usage : ExitCode::failed,
                {.code = "alembic-command",
                 .object = what,
                 .message = fmt::format("the command failed with exit code {}", result.exit_code),
                 .expected = "exit code 0",
                 .found = words,
                 .next = "Run that command by hand, in the same environment, until it succeeds."});
}

std::string read_text_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  std::error_code ignored;
  if (stream && !fs::is_directory(path, ignored)) return text;
  throw Failure(ExitCode::usage, {.code = "cannot-read",
                                  .object = path.string(),
                                  .message = "the file cannot be read",
                                  .expected = "a readable file",
                                  .next = "Check its path and permissions."});
}

}  // namespace crossfade::orchestrator
