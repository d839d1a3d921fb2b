// What a revision's Python does beside printing SQL: reading rows, asking the database, behaving otherwise in
// offline mode. Alembic's offline SQL does not show such steps, and they must not get lost. The text is read,
// not run; functions of other modules are not followed. Plain values; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::migrations {

enum class PythonStepKind {
  offline_branch,  ///< asks whether it runs offline
  result,          ///< uses what a statement returns
  row_loop,        ///< loops over what a statement returns
  row_count,       ///< uses how many rows a statement changed
  session,         ///< works through SQLAlchemy's ORM, or a connection that is not Alembic's
  inspection,      ///< asks the database for its tables
  parameters,      ///< gives a statement parameters
  tab,             ///< a tab in a text, which offline SQL turns into blanks
};

struct PythonStep {
  PythonStepKind kind = PythonStepKind::result;
  int line = 0;
  std::string text;  ///< the line, trimmed
};

struct RevisionSource {
  bool has_body = false;  ///< upgrade() is more than `pass`
  std::vector<PythonStep> steps;

  const PythonStep* find(PythonStepKind kind) const;
};

/// Everything but downgrade() is read. nullopt where there is no upgrade() in the text, or where it is not
/// Python.
std::optional<RevisionSource> read_revision_source(std::string_view python);

/// The value of `revision = "…"` at the module's level; empty where there is none.
std::string revision_of_source(std::string_view python);

/// "uses the rows that a statement returns"
std::string describe(PythonStepKind kind);

/// What an env.py says about percent signs: the parameter style that it names, or nullopt.
std::optional<std::string> named_parameter_style(std::string_view python);

}  // namespace crossfade::migrations
