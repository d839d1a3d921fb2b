#include "orchestrator/alembic/source_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "migrations/statement.h"
#include "migrations/tokens.h"
#include "orchestrator/alembic/project.h"

namespace crossfade::orchestrator {

namespace {

using migrations::AlembicRevision;
using migrations::PythonStep;
using migrations::PythonStepKind;

/// What is lost for good where a data step that belongs before it did not run.
bool drops_data(const AlembicRevision& revision) {
  for (const std::string& text : revision.statements) {
    for (const migrations::Statement& statement : migrations::parse_statements(text, "", 1)) {
      if (statement.node == "TruncateStmt") return true;
      if (statement.node == "DropStmt" && statement.object_type == "OBJECT_TABLE") return true;
      if (std::any_of(
              statement.commands.begin(), statement.commands.end(),
              [](const migrations::AlterCommand& command) { return command.subtype == "AT_DropColumn"; }))
        return true;
    }
  }
  return false;
}

std::string by_hand(const AlembicRevision& revision) {
  return fmt::format(
      "Write the step as one SQL statement in op.execute(). Or run this revision alone by `alembic upgrade "
      "{}`, at a quiet time; crossfade goes on from there.",
      revision.revision);
}

Problem python_step(const AlembicRevision& revision, const SourceFile& file, const PythonStep& step,
                    std::string expected, std::string next) {
  return {.code = "alembic-python-step",
          .object = fmt::format("{}:{}", file.path, step.line),
          .message = fmt::format("{} {}", revision_title(revision.revision, file.message),
                                 migrations::describe(step.kind)),
          .expected = std::move(expected),
          .found = step.text,
          .next = std::move(next)};
}

Problem unknown_source(const AlembicRevision& revision, const SourceFile& file, std::string reason) {
  return {.code = "alembic-source-unknown",
          .object = revision_title(revision.revision, file.message),
          .message = "its Python cannot be read, and " + reason,
          .expected = "the revision's Python file, to see that its SQL is all that it does",
          .found = file.path.empty() ? "no path" : file.path,
          .next =
              "Name the folder of the revisions' files with --sources; or read the revision yourself and "
              "add --unchecked-sources."};
}

}  // namespace

std::string revision_title(const std::string& revision, const std::string& message) {
  return message.empty() ? "revision " + revision : fmt::format("revision {} ({})", revision, message);
}

SourceFile read_source_file(const std::string& path, std::string message) {
  SourceFile file{.path = path, .message = std::move(message)};
  std::error_code ignored;
  if (std::filesystem::is_regular_file(path, ignored))
    file.source = migrations::read_revision_source(read_text_file(path));
  return file;
}

std::optional<Problem> check_backslashes(const AlembicRevision& revision, const std::string& message) {
  for (const std::string& statement : revision.statements) {
    for (const migrations::Token& token : migrations::scan({statement, "", 1})) {
      const std::string_view text = std::string_view(statement).substr(token.begin, token.end - token.begin);
      if (!text.starts_with('\'') || text.find("\\\\") == std::string_view::npos) continue;
      return Problem{
          .code = "alembic-python-step",
          .object = revision_title(revision.revision, message),
          .message = "a literal has two backslashes, and Alembic may have printed one of them by itself",
          .expected = "SQL that says what the revision means",
          .found = std::string(text.substr(0, 120)),
          .next = "Use --record, which takes the SQL from a run against a copy of the schema."};
    }
  }
  return std::nullopt;
}

std::optional<Problem> check_connections(const std::string& revision, const SourceFile& file) {
  const PythonStep* step = file.source ? file.source->find(PythonStepKind::session) : nullptr;
  if (step == nullptr) return std::nullopt;
  const AlembicRevision named{.revision = revision};
  return python_step(named, file, *step, "a revision that works through Alembic's own connection alone",
                     by_hand(named));
}

std::vector<Problem> check_printed(const AlembicRevision& revision, const SourceFile& file, bool unchecked) {
  std::vector<Problem> out;
  if (!file.source) {
    if (unchecked) return out;
    if (revision.statements.empty())
      out.push_back(unknown_source(revision, file, "it prints no SQL: its steps may have been skipped"));
    if (drops_data(revision))
      out.push_back(unknown_source(revision, file,
                                   "its SQL drops data: a step that saves the data may have been skipped"));
    return out;
  }
  constexpr const char* kExpected = "a revision whose whole effect is in the SQL that Alembic prints";
  for (const PythonStepKind kind :
       {PythonStepKind::row_loop, PythonStepKind::result, PythonStepKind::row_count, PythonStepKind::session,
        PythonStepKind::inspection, PythonStepKind::offline_branch, PythonStepKind::parameters,
        PythonStepKind::tab}) {
    const PythonStep* step = file.source->find(kind);
    if (step == nullptr) continue;
    const bool needs_rows = kind == PythonStepKind::row_loop || kind == PythonStepKind::row_count ||
                            kind == PythonStepKind::session;
    out.push_back(python_step(
        revision, file, *step, kExpected,
        needs_rows ? by_hand(revision)
                   : "Use --record, which takes the SQL from a run against a copy of the schema."));
    return out;
  }
  if (file.source->has_body && revision.statements.empty()) {
    out.push_back({.code = "alembic-python-step",
                   .object = file.path,
                   .message = revision_title(revision.revision, file.message) +
                              " prints no SQL, although its upgrade() does something",
                   .expected = kExpected,
                   .found = "no statement",
                   .next = "Use --record. " + by_hand(revision)});
  }
  return out;
}

std::vector<Problem> check_recorded(const AlembicRevision& revision, const SourceFile& file,
                                    const std::vector<std::string>& queries, bool unchecked) {
  std::vector<Problem> out;
  constexpr const char* kExpected = "a revision whose SQL does not depend on the rows of user tables";
  const auto uses = [&](PythonStepKind kind) -> const PythonStep* {
    return file.source ? file.source->find(kind) : nullptr;
  };
  const PythonStep* step = nullptr;
  for (const PythonStepKind kind :
       {PythonStepKind::row_loop, PythonStepKind::session, PythonStepKind::result}) {
    if (step == nullptr) step = uses(kind);
  }
  if (const PythonStep* count = uses(PythonStepKind::row_count)) {
    out.push_back(python_step(revision, file, *count, kExpected, by_hand(revision)));
  } else if (!queries.empty() && step != nullptr) {
    Problem problem = python_step(revision, file, *step, kExpected, by_hand(revision));
    problem.found += "; it asked: " + queries.front();
    out.push_back(std::move(problem));
  } else if (!queries.empty() && !file.source && !unchecked) {
    out.push_back(unknown_source(revision, file, "it reads a user table: " + queries.front()));
  }
  return out;
}

}  // namespace crossfade::orchestrator
