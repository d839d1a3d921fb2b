// A team's Alembic project, spoken to through its own command line, in the team's own environment: what its
// revisions are, what SQL they print, and what they run. Nothing of the project is imported or guessed. One
// thread; every call runs a program to its end.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "orchestrator/alembic/child_process.h"
#include "orchestrator/alembic/options.h"

namespace crossfade::orchestrator {

/// One entry of `alembic history --verbose`.
struct HistoryEntry {
  std::string revision;
  bool head = false;
  std::vector<std::string> parents;     ///< none is the base
  std::vector<std::string> depends_on;  ///< revisions or labels
  std::string path;                     ///< of the Python file, as Alembic has it
  std::string message;                  ///< the first line of its text
};

/// Entries of another layout are left out; the caller notices what is missing.
std::vector<HistoryEntry> parse_history(std::string_view printed);

/// The revisions themselves and everything that they follow from.
std::set<std::string> with_ancestors(const std::vector<HistoryEntry>& history,
                                     const std::set<std::string>& revisions);

class AlembicProject {
 public:
  /// Throws Failure (exit 2) where the options name no project, or more than one.
  AlembicProject(const AlembicOptions& options, std::stop_token stop);

  /// Throws Failure where the command fails, with its own last words.
  std::vector<HistoryEntry> history() const;
  /// `from` empty: Alembic's base.
  std::string offline_sql(const std::string& from, const std::string& target) const;

  /// The same project with its database's URL replaced, in every way in which projects take it: the
  /// environment, -x, {url} in --command, sqlalchemy.url. `variables` are libpq's. Whether the project minds
  /// is for the caller to find out before it runs anything that writes.
  ChildResult run_with_database(const std::string& url, const std::map<std::string, std::string>& variables,
                                const std::vector<std::string>& words) const;

  /// What a message calls the project's output.
  std::string display(const std::vector<std::string>& words) const;
  /// The SQLAlchemy name of dialect and driver that the project's URL has, or "postgresql".
  std::string url_scheme() const;

 private:
  std::vector<std::string> command(const std::vector<std::string>& words) const;
  ChildResult run(ChildCommand command) const;
  std::string output_of(const std::vector<std::string>& words) const;

  AlembicOptions options_;
  std::stop_token stop_;
  std::vector<std::string> base_;
};

/// Throws Failure where the exit code is not 0: exit 5 "alembic-offline" where a revision asked the database
/// in offline mode, exit 2 "alembic-command" where Alembic refused the command, else exit 1.
void require_success(const ChildResult& result, const std::string& what);

/// What Python says at the end of a traceback, or the last line of a message; no passwords.
std::string last_words(std::string_view errors);

/// A whole file. Throws Failure (exit 2) where it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace crossfade::orchestrator
