// A migration file: crossfade's directives, and the SQL of its two sections. dbmate's markers or goose's
// annotations separate these; a file without either is all up. Reading a file neither parses its SQL (see
// statement.h) nor looks at other revisions (see revision_directory.h). Values; reading is thread-safe.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/directive.h"
#include "migrations/sections.h"

namespace crossfade::migrations {

/// `-- crossfade:revises base` says that a revision has no parent.
inline constexpr std::string_view kBase = "base";

/// Which section of a file is carried out.
enum class Direction { up, down };
BOOST_DESCRIBE_ENUM(Direction, up, down)

struct MigrationFile {
  std::string revision;  ///< the file's stem
  std::string path;
  std::string fingerprint;  ///< of the whole file

  bool revises_given = false;
  std::vector<std::string>
      revises;  ///< the parents; none with `revises base`. RevisionDirectory adds the default.
  std::vector<std::string> depends_on;
  std::vector<std::string> labels;
  int revises_line = 0;     ///< of the directive, or 0
  int depends_on_line = 0;  ///< of the first such directive, or 0

  MarkerStyle style = MarkerStyle::none;
  /// With all of its comments. Several blocks stand in it one after the other, on their lines of the file.
  std::string up_sql;
  int up_first_line = 1;
  bool up_in_transaction = true;  ///< false where a marker of it says so
  std::string down_sql;           ///< empty where there is no such section
  int down_first_line = 1;
  bool has_down = false;
  bool down_in_transaction = true;

  std::vector<ColumnExpression> backfills;
  std::vector<ColumnExpression> downs;
  std::vector<std::string> rewrites;  ///< table names as written; parse_table_reference reads them
  std::vector<Directive> directives;  ///< the others: partition, sequence, allow, opaque

  Direction direction = Direction::up;  ///< `up_sql` is what is carried out; see down_of
  /// SQL that commits with the revision's last effect; each must change exactly one row. Never read from a
  /// file.
  std::vector<std::string> completion;
  std::vector<std::string> completion_back;  ///< takes `completion` back, likewise one row each
};

/// The file with its down section in the up section's place. Throws Failure(refused, "no-down-section") where
/// there is none.
MigrationFile down_of(const MigrationFile& file);

/// Throws Failure(usage) for a file that is not understood in full: "syntax-error" for what is not closed,
/// "unknown-directive", "malformed-directive", "malformed-expression", "malformed-marker",
/// "sql-outside-sections", "foreign-format", "bad-revision-name", "not-text"; and "no-such-file".
/// Failure(failed, "cannot-read") for a file that exists but cannot be read.
MigrationFile parse_migration_file(const std::filesystem::path& path);

/// The same for a text in memory. `path` is used in messages only.
MigrationFile parse_migration_text(std::string_view revision, std::string_view path, std::string_view text);

/// Throws Failure(usage, "foreign-format") where the file's name, or a file beside it, shows that the folder
/// keeps up and down in files of their own, or follows Flyway.
void refuse_foreign_file_name(const std::filesystem::path& path);

/// Throws Failure(usage, "bad-revision-name") for a name that directives could not refer to, or that commands
/// use for something else.
void require_revision_name(std::string_view revision, std::string_view path);

}  // namespace crossfade::migrations
