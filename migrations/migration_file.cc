#include "migrations/migration_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

#include "migrations/fingerprint.h"
#include "migrations/goose_annotations.h"
#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void append(const Source& source, const RawDirective& directive, std::vector<std::string>& list) {
  for (std::string& element : read_list(source, directive)) {
    if (std::find(list.begin(), list.end(), element) != list.end()) {
      throw malformed(source, directive, "every name once; " + element + " is repeated");
    }
    list.push_back(std::move(element));
  }
}

void read_revises(const Source& source, const RawDirective& directive, MigrationFile& file) {
  if (file.revises_given) throw malformed(source, directive, "one such line; a merge is: revises A, B");
  append(source, directive, file.revises);
  file.revises_given = true;
  file.revises_line = position_at(source, directive.begin).line;
  const bool base = std::find(file.revises.begin(), file.revises.end(), kBase) != file.revises.end();
  if (base && file.revises.size() > 1) throw malformed(source, directive, "base alone, or parents");
  if (base) file.revises.clear();
}

/// One value for a column; two would silently leave the choice to their order.
void append(const Source& source, const RawDirective& directive, std::vector<ColumnExpression>& list) {
  ColumnExpression expression = read_column_expression(source, directive);
  const bool repeated = std::any_of(list.begin(), list.end(), [&](const ColumnExpression& other) {
    return other.column == expression.column && other.table == expression.table;
  });
  if (repeated) throw malformed(source, directive, "one expression for each column");
  list.push_back(std::move(expression));
}

void apply(const Source& source, const RawDirective& directive, bool in_down, MigrationFile& file) {
  if (directive.name == "revises") {
    read_revises(source, directive, file);
  } else if (directive.name == "depends-on") {
    append(source, directive, file.depends_on);
    if (file.depends_on_line == 0) file.depends_on_line = position_at(source, directive.begin).line;
  } else if (directive.name == "labels") {
    append(source, directive, file.labels);
  } else if (directive.name == "backfill") {
    append(source, directive, file.backfills);
  } else if (directive.name == "down") {
    append(source, directive, file.downs);
  } else if (directive.name == "rewrite") {
    if (!parse_table_reference(directive.argument))
      throw malformed(source, directive, "rewrite [schema.]table");
    file.rewrites.emplace_back(directive.argument);
  } else {
    file.directives.push_back(read_planner_directive(source, directive));
    file.directives.back().in_down = in_down;
  }
}

/// One tool's markers, not both: what belongs to which section would be a guess.
Sections read_sections(const Source& source, std::span<const Token> tokens) {
  Sections dbmate = read_dbmate_sections(source, tokens);
  Sections goose = read_goose_sections(source, tokens);
  if (dbmate.style != MarkerStyle::none && goose.style != MarkerStyle::none) {
    throw failure_at(source, goose.markers.front().begin,
                     {.code = "foreign-format",
                      .message = "the file has markers of dbmate and annotations of goose",
                      .expected = "those of one of them",
                      .found = "both",
                      .next = "take one kind out"});
  }
  return goose.style == MarkerStyle::none ? std::move(dbmate) : std::move(goose);
}

void fill_sections(const Source& source, const Sections& sections, MigrationFile& file) {
  file.style = sections.style;
  SectionText up = section_text(source, sections, Section::up);
  file.up_sql = std::move(up.sql);
  file.up_first_line = up.first_line;
  file.up_in_transaction = up.in_transaction;
  SectionText down = section_text(source, sections, Section::down);
  file.has_down = down.present;
  file.down_sql = std::move(down.sql);
  file.down_first_line = down.first_line;
  file.down_in_transaction = down.in_transaction;
}

[[noreturn]] void throw_foreign(const std::filesystem::path& path, std::string message, std::string found) {
  throw Failure(ExitCode::usage,
                {.code = "foreign-format",
                 .object = path.string(),
                 .message = std::move(message),
                 .expected = "one file a revision, with -- migrate:up and -- migrate:down sections",
                 .found = std::move(found),
                 .next = "join the two files under the markers, or point --dir at another folder"});
}

/// V1__name.sql, B1__name.sql, U1__name.sql, R__name.sql: their order is by version number, not by name.
bool is_flyway_name(std::string_view stem) {
  if (stem.empty() || std::string_view("BVUR").find(stem.front()) == std::string_view::npos) return false;
  const std::size_t behind = stem.find_first_not_of("0123456789._", 1);
  const std::string_view version = stem.substr(1, behind == std::string_view::npos ? behind : behind - 1);
  return version.ends_with("__");
}

}  // namespace

MigrationFile down_of(const MigrationFile& file) {
  if (!file.has_down) {
    throw Failure(ExitCode::refused,
                  {.code = "no-down-section",
                   .object = file.path,
                   .message = "the revision cannot be taken back: its file has no down section",
                   .expected = "SQL behind a line  -- migrate:down",
                   .found = "an up section alone",
                   .next = "Write a new revision that undoes the change, or `crossfade stamp` the revision "
                           "before it after undoing it by hand."});
  }
  MigrationFile down = file;
  down.direction = Direction::down;
  down.up_sql = file.down_sql;
  down.up_first_line = file.down_first_line;
  down.up_in_transaction = file.down_in_transaction;
  down.backfills = file.downs;
  down.rewrites.clear();
  std::erase_if(down.directives, [](const Directive& directive) { return !directive.in_down; });
  return down;
}

void require_revision_name(std::string_view revision, std::string_view path) {
  const bool odd = revision.empty() || trimmed(revision) != revision ||
                   std::any_of(revision.begin(), revision.end(), [](char c) {
                     return static_cast<unsigned char>(c) < ' ' || c == ',' || c == '\x7F';
                   });
  constexpr std::array kReserved = {kBase, std::string_view("head"), std::string_view("heads"),
                                    std::string_view("current")};
  const bool reserved = std::find(kReserved.begin(), kReserved.end(), revision) != kReserved.end();
  if (!odd && !reserved) return;
  throw Failure(
      ExitCode::usage,
      {.code = "bad-revision-name",
       .object = std::string(path),
       .message = "the file's name cannot be a revision's name",
       .expected = "a name without commas, control characters and blanks around it, and not base, head, "
                   "heads or current",
       .found = std::string(revision),
       .next = "rename the file"});
}

void refuse_foreign_file_name(const std::filesystem::path& path) {
  const std::string stem = path.stem().string();
  for (const std::string_view suffix : {".up", ".down", ".undo", ".rollback"}) {
    if (stem.ends_with(suffix)) throw_foreign(path, "up and down stand in files of their own", stem + ".sql");
    const std::filesystem::path sibling = path.parent_path() / fmt::format("{}{}.sql", stem, suffix);
    std::error_code ignored;
    if (std::filesystem::exists(sibling, ignored)) {
      throw_foreign(path, "up and down stand in files of their own", sibling.filename().string());
    }
  }
  // 001.do.name.sql and 001.undo.name.sql
  if (stem.find(".do.") != std::string::npos || stem.find(".undo.") != std::string::npos)
    throw_foreign(path, "up and down stand in files of their own", stem + ".sql");
  for (const std::string_view suffix :
       {"-up", "-down", "_up", "_down", "_undo", "-undo", "_rollback", "-rollback"}) {
    if (!stem.ends_with(suffix)) continue;
    const std::string base = stem.substr(0, stem.size() - suffix.size());
    for (const std::string_view other : {"", "-up", "_up", "-down", "_down"}) {
      const std::filesystem::path sibling = path.parent_path() / fmt::format("{}{}.sql", base, other);
      std::error_code ignored;
      if (other != suffix && std::filesystem::exists(sibling, ignored))
        throw_foreign(path, "up and down stand in files of their own", sibling.filename().string());
    }
  }
  if (stem == "up" || stem == "down")
    throw_foreign(path, "up and down stand in files of their own", stem + ".sql");
  if (is_flyway_name(stem)) throw_foreign(path, "the file's name follows Flyway", path.filename().string());
}

MigrationFile parse_migration_text(std::string_view revision, std::string_view path, std::string_view text) {
  require_revision_name(revision, path);
  MigrationFile file;
  file.revision = revision;
  file.path = path;
  file.fingerprint = fingerprint(text);
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());

  const Source source{text, path, 1};
  require_text(source);
  const std::vector<Token> tokens = scan(source);
  const Sections sections = read_sections(source, tokens);
  for (const Token& token : tokens) {
    if (!token.is_comment()) continue;
    refuse_foreign_annotation(source, token.begin, token.end);
    if (const auto directive = read_directive(source, token.begin, token.end))
      apply(source, *directive, sections.at(token.begin) == Section::down, file);
  }
  require_nothing_before(source, tokens, sections);
  fill_sections(source, sections, file);
  return file;
}

MigrationFile parse_migration_file(const std::filesystem::path& path) {
  refuse_foreign_file_name(path);
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw Failure(ExitCode::usage, {.code = "no-such-file",
                                    .object = path.string(),
                                    .message = "there is no such file",
                                    .expected = "a migration file",
                                    .next = "check the path"});
  }
  std::ifstream stream(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  if (!stream.good() && !stream.eof()) {
    throw Failure(ExitCode::failed,
                  {.code = "cannot-read",
                   .object = path.string(),
                   .message = "the file cannot be read: " + std::generic_category().message(errno),
                   .expected = "a readable file",
                   .next = "check its permissions"});
  }
  return parse_migration_text(path.stem().string(), path.string(), text);
}

}  // namespace crossfade::migrations
