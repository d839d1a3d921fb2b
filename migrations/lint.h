// Lint: what a reviewer would say about a migration file, from its text, its directory's other files and,
// where there is one, a database. Works on parsed files and prints nothing. Values and pure functions,
// thread-safe as far as the given FactSource is.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "migrations/directory_shape.h"
#include "migrations/hazards.h"
#include "migrations/lint_rules.h"
#include "migrations/migration_file.h"
#include "migrations/statement.h"
#include "postgres/problem.h"

namespace crossfade::migrations {

struct LintFinding {
  std::string code;  ///< of lint_rules(), or of the Problem that says why a file does not parse
  LintLevel level = LintLevel::note;
  std::string file;
  int line = 1;
  int column = 1;
  std::string message;
  std::string fix;
  std::string hazard;  ///< the row's number; empty where it belongs to none
};

/// What a database knows of one statement.
struct StatementFacts {
  HazardFacts hazard;
  std::string size;                ///< for people: "about 1,200,000 rows, 340 MB"; empty: not known
  std::optional<Problem> refusal;  ///< "no-such-table" or "statement-fails"
};

/// Asked for each statement of each file in the order in which they run, with at most one ALTER command.
using FactSource = std::function<StatementFacts(const MigrationFile& file, const Statement& statement)>;

/// For lint without a database.
StatementFacts no_facts(const MigrationFile& file, const Statement& statement);

/// In the order of the file. `up` and `down` are its statements; `shape` is what the whole directory comes
/// to.
std::vector<LintFinding> lint_file(const MigrationFile& file, const std::vector<Statement>& up,
                                   const std::vector<Statement>& down, const DirectoryShape& shape,
                                   const FactSource& facts);

/// A file that does not parse, as a finding; `path` is for problems that name no place.
LintFinding parse_finding(const Problem& problem, const std::string& path);

}  // namespace crossfade::migrations
