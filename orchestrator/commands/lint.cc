#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "migrations/lint.h"
#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/lint_catalog.h"
#include "orchestrator/lint_report.h"

namespace crossfade::orchestrator {

namespace {

using migrations::LintFinding;
using migrations::LintLevel;
using migrations::MigrationFile;
using migrations::Statement;

struct LintedFile {
  MigrationFile file;
  std::vector<Statement> up;
  std::vector<Statement> down;
  bool wanted = false;
};

/// All that was read; what does not parse is a finding where it was asked for, and else passed over.
struct LintedFiles {
  std::vector<LintedFile> files;
  std::vector<LintFinding> findings;
  std::optional<Problem> first_problem;
  std::size_t wanted = 0;
};

bool same_file(const std::filesystem::path& left, const std::filesystem::path& right) {
  std::error_code error;
  return std::filesystem::equivalent(left, right, error) && !error;
}

/// The wanted files, and beside them the others of their folders, which say what tables and indexes there
/// are.
std::vector<std::pair<std::filesystem::path, bool>> paths_of(
    const std::vector<std::filesystem::path>& wanted) {
  std::vector<std::pair<std::filesystem::path, bool>> out;
  std::set<std::filesystem::path> folders;
  for (const std::filesystem::path& path : wanted) {
    out.emplace_back(path, true);
    folders.insert(path.parent_path());
  }
  for (const std::filesystem::path& folder : folders) {
    std::error_code error;
    const std::filesystem::path existing = folder.empty() ? "." : folder;
    if (!std::filesystem::is_directory(existing, error)) continue;
    try {
      for (const std::filesystem::path& path : migrations::migration_paths(existing)) {
        const bool given = std::any_of(wanted.begin(), wanted.end(), [&](const std::filesystem::path& each) {
          return same_file(each, path);
        });
        if (!given) out.emplace_back(path, false);
      }
    } catch (const Failure&) {
      // A folder without migration files has nothing to add.
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& left, const auto& right) {
    return left.first.filename() < right.first.filename();
  });
  return out;
}

LintedFiles read_files(const std::vector<std::filesystem::path>& wanted) {
  LintedFiles out;
  out.wanted = wanted.size();
  for (const auto& [path, asked_for] : paths_of(wanted)) {
    try {
      LintedFile linted{.file = migrations::parse_migration_file(path), .up = {}, .down = {}};
      const MigrationFile& file = linted.file;
      linted.up = migrations::parse_statements(file.up_sql, file.path, file.up_first_line);
      linted.down = migrations::parse_statements(file.down_sql, file.path, file.down_first_line);
      linted.wanted = asked_for;
      out.files.push_back(std::move(linted));
    } catch (const Failure& failure) {
      if (!asked_for) continue;
      if (failure.exit_code() != ExitCode::usage || failure.problem().code == "no-such-file") throw;
      out.findings.push_back(migrations::parse_finding(failure.problem(), path.string()));
      if (!out.first_problem) out.first_problem = failure.problem();
    }
  }
  return out;
}

/// As `up` would take them. Where the graph is not sound the names' order stays; the graph's own problem is
/// reported only where every file was asked for and none is missing for another reason.
void put_in_order(LintedFiles& files, bool whole_directory) {
  std::vector<MigrationFile> parsed;
  for (const LintedFile& each : files.files) parsed.push_back(each.file);
  std::vector<LintedFile> ordered;
  try {
    const migrations::RevisionDirectory directory("", std::move(parsed));
    for (const MigrationFile& file : directory.in_order()) {
      const auto found = std::find_if(files.files.begin(), files.files.end(),
                                      [&](const LintedFile& each) { return each.file.path == file.path; });
      ordered.push_back(*found);
    }
    files.files = std::move(ordered);
  } catch (const Failure& failure) {
    if (whole_directory && !files.first_problem) throw;
  }
}

std::string render(OutputFormat format, std::span<const LintFinding> findings, std::size_t files) {
  switch (format) {
    case OutputFormat::sarif:
      return boost::json::serialize(lint_sarif(findings)) + "\n";
    case OutputFormat::github:
      return lint_workflow_commands(findings);
    case OutputFormat::text:
    case OutputFormat::json:
      return lint_text(findings, files);
  }
  return {};
}

void set_outcome(const LintedFiles& files, std::span<const LintFinding> findings, CommandResult& result) {
  const std::size_t errors = count(findings, LintLevel::error);
  if (files.first_problem) {
    result.exit_code = ExitCode::usage;
    result.problem = files.first_problem;
  } else if (errors > 0) {
    const auto first = std::find_if(findings.begin(), findings.end(), [](const LintFinding& finding) {
      return finding.level == LintLevel::error;
    });
    result.exit_code = ExitCode::failed;
    result.problem = Problem{.code = "lint-errors",
                             .object = first->file,
                             .message = "lint found errors",
                             .expected = "no error, or `-- crossfade:allow CODE reason` in the file",
                             .found = lint_summary(findings) + "; the first error is " + first->code,
                             .next = "Each finding says what to write instead."};
  }
}

}  // namespace

CommandResult run_lint(const CommandEnvironment& environment, const LintOptions& options) {
  const bool whole_directory = options.files.empty();
  LintedFiles files = read_files(whole_directory ? migrations::migration_paths(environment.options.directory)
                                                 : options.files);
  put_in_order(files, whole_directory);

  migrations::DirectoryShape shape;
  std::optional<LintCatalog> catalog;
  if (environment.database_given() && !options.text_only) catalog.emplace(environment.connect());
  for (const LintedFile& each : files.files) {
    for (const Statement& statement : each.up) shape.apply(statement);
  }
  for (const LintedFile& each : files.files) {
    if (catalog) catalog->describe(each.up, shape);
  }
  const migrations::FactSource facts =
      catalog ? migrations::FactSource([&](const MigrationFile& file, const Statement& statement) {
        return catalog->facts(file, statement);
      })
              : migrations::no_facts;

  std::vector<LintFinding> findings = files.findings;
  for (const LintedFile& each : files.files) {
    // Files that nobody asked for come before others all the same: their statements change what is found.
    std::vector<LintFinding> found = migrations::lint_file(each.file, each.up, each.down, shape, facts);
    if (each.wanted)
      findings.insert(findings.end(), std::make_move_iterator(found.begin()),
                      std::make_move_iterator(found.end()));
  }
  CommandResult result;
  result.text = render(environment.options.format, findings, files.wanted);
  result.document["findings"] = lint_document(findings);
  set_outcome(files, findings, result);
  return result;
}

}  // namespace crossfade::orchestrator
