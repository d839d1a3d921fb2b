// What `alembic upgrade A:B --sql` prints, split into revisions: the statements of each, without transaction
// control, apart from the changes of Alembic's version table, which are checked against the comment above
// them. Nothing is skipped in silence: what is not understood is a Failure that points at its line. Plain
// values; thread-safe.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/names.h"
#include "migrations/source_text.h"
#include "migrations/version_change.h"

namespace crossfade::migrations {

struct AlembicRevision {
  std::string revision;  ///< the one that is applied or, in a downgrade, undone
  bool downgrade = false;
  std::vector<std::string> from;  ///< as the comment has them, without dependencies; none is Alembic's base
  std::vector<std::string> to;
  /// Whole lines of the script with everything blanked out that is not the revision's own, so that positions
  /// are the script's.
  std::string sql;
  int first_line = 1;
  std::vector<std::string> statements;  ///< without comments around them
  std::vector<VersionChange> version_changes;

  /// The same for the same statements, wherever they stand in a script.
  std::string fingerprint() const;
};

struct AlembicScript {
  std::vector<AlembicRevision> revisions;  ///< in order
  /// The version table's name as the script has it; nullopt where there is no revision.
  std::optional<TableReference> version_table;
  std::string create_version_table;  ///< empty where the script does not start from Alembic's base
};

/// Throws Failure(usage): "syntax-error" and the other codes of parse_sql; "alembic-script" for what stands
/// outside of a revision, for version rows that do not follow the comment, and for transaction control that
/// Alembic would not print; "alembic-parameter" for a parameter that was not rendered.
AlembicScript split_alembic_script(const Source& source);

/// Whether the changes of one revision have the shape that Alembic gives them: a new row, a moved row, or
/// rows that go before one is moved (a merge); in a downgrade the row goes, or rows come before one is moved.
bool is_version_step(const AlembicRevision& revision);

/// Alembic's heads after the changes. Throws Failure(refused, "alembic-version") where a change would not hit
/// exactly one row.
std::set<std::string> apply_version_changes(const std::set<std::string>& heads,
                                            const AlembicRevision& revision);

/// How Alembic treats a percent sign depends on the driver's parameter style.
enum class PercentSigns { none, plain, doubled, unclear };

/// `plain` where a percent sign stands alone, which a driver that doubles them never prints; `unclear` where
/// all of them come in pairs.
PercentSigns percent_signs(std::string_view script);

/// The script with each pair of percent signs as one.
std::string with_single_percents(std::string_view script);

}  // namespace crossfade::migrations
