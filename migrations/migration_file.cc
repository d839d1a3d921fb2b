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
#include "migrations/tokens.h"

namespace crossfade::migrations {

namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct PlacedMarker {
  Marker marker;
  std::size_t begin = 0;      ///< of the comment
  std::size_t sql_begin = 0;  ///< the line behind it
};

std::size_t next_line(std::string_view text, std::size_t offset) {
  const std::size_t end = text.find('\n', offset);
  return end == std::string_view::npos ? text.size() : end + 1;
}

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

Failure bad_marker(const Source& source, std::size_t offset, std::string message) {
  return failure_at(source, offset,
                    {.code = "malformed-marker",
                     .message = std::move(message),
                     .expected = "one -- migrate:up, then at most one -- migrate:down",
                     .next = "correct the markers"});
}

void add_marker(const Source& source, const Marker& marker, std::size_t begin,
                std::vector<PlacedMarker>& markers) {
  if (markers.empty() && marker.section == Section::down) {
    throw bad_marker(source, begin, "the down section has no up section before it");
  }
  if (!markers.empty() && (marker.section == Section::up || markers.size() > 1)) {
    throw bad_marker(source, begin, "the marker is repeated, or stands in the wrong order");
  }
  markers.push_back({marker, begin, next_line(source.text, begin)});
}

void split_sections(const Source& source, std::span<const Token> tokens,
                    std::span<const PlacedMarker> markers, MigrationFile& file) {
  if (markers.empty()) {
    file.up_sql = source.text;
    return;
  }
  const PlacedMarker& up = markers.front();
  const auto stray =
      std::find_if(tokens.begin(), tokens.end(), [](const Token& token) { return !token.is_comment(); });
  if (stray != tokens.end() && stray->begin < up.begin) {
    throw failure_at(source, stray->begin,
                     {.code = "sql-outside-sections",
                      .message = "there is SQL before -- migrate:up, which no command would run",
                      .expected = "nothing but comments there",
                      .next = "move it into a section"});
  }
  const std::size_t up_end = markers.size() > 1 ? markers[1].begin : source.text.size();
  file.up_sql = source.text.substr(up.sql_begin, up_end - up.sql_begin);
  file.up_first_line = position_at(source, up.sql_begin).line;
  file.up_in_transaction = up.marker.in_transaction;
  if (markers.size() == 1) return;
  const PlacedMarker& down = markers[1];
  file.has_down = true;
  file.down_sql = source.text.substr(down.sql_begin);
  file.down_first_line = position_at(source, down.sql_begin).line;
  file.down_in_transaction = down.marker.in_transaction;
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

/// V1__name.sql, U1__name.sql, R__name.sql: their order is by version number, not by name.
bool is_flyway_name(std::string_view stem) {
  if (stem.empty() || std::string_view("VUR").find(stem.front()) == std::string_view::npos) return false;
  const std::size_t behind = stem.find_first_not_of("0123456789._", 1);
  const std::string_view version = stem.substr(1, behind == std::string_view::npos ? behind : behind - 1);
  return version.ends_with("__");
}

}  // namespace

void require_revision_name(std::string_view revision, std::string_view path) {
  const bool odd = revision.empty() || trimmed(revision) != revision ||
                   std::any_of(revision.begin(), revision.end(), [](char c) {
                     return static_cast<unsigned char>(c) < ' ' || c == ',' || c == '\x7F';
                   });
  constexpr std::array kReserved = {kBase, std::string_view("head"), std::string_view("heads")};
  const bool reserved = std::find(kReserved.begin(), kReserved.end(), revision) != kReserved.end();
  if (!odd && !reserved) return;
  throw Failure(
      ExitCode::usage,
      {.code = "bad-revision-name",
       .object = std::string(path),
       .message = "the file's name cannot be a revision's name",
       .expected = "a name without commas, control characters and blanks around it, and not base, head "
                   "or heads",
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
  std::vector<PlacedMarker> markers;
  for (const Token& token : tokens) {
    if (!token.is_comment()) continue;
    refuse_foreign_annotation(source, token.begin, token.end);
    if (const auto marker = read_marker(source, token.begin, token.end)) {
      add_marker(source, *marker, token.begin, markers);
    } else if (const auto directive = read_directive(source, token.begin, token.end)) {
      apply(source, *directive, markers.size() > 1, file);
    }
  }
  split_sections(source, tokens, markers, file);
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
