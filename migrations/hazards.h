// What statements do to a live table when they are run as written: the hazard table, and which of its rows a
// statement meets. By the text alone, or sharper with facts that a trial on an empty copy of the table has
// shown. Lint, plan and the documentation all read this one table; a test compares it with what servers do.
// Immutable data and pure functions, thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/statement.h"

namespace crossfade::migrations {

/// What PostgreSQL does while it holds the lock.
enum class HazardCost { catalog, scan, build, rewrite, rows };

enum class HazardClass {
  instant,      ///< run as is, under lock budget and retry
  in_place,     ///< several safe steps
  shadow,       ///< a new table beside the old one
  application,  ///< the application must be ready; the plan says so
  refused,
};

/// What shows that a row is met.
enum class HazardOrigin {
  statement,  ///< one statement, by its text
  facts,      ///< one statement, together with what the catalog knows of its table
  file,       ///< several statements of one file or one directory; lint finds these
  server,     ///< the server, its other sessions or its data
  parser,     ///< SQL that the parser refuses before anything else sees it
};

struct HazardRow {
  std::string_view number;     ///< "16b"
  std::string_view code;       ///< stable, kebab-case; crossfade:allow and findings use it
  std::string_view statement;  ///< for people
  std::string_view lock;       ///< the strongest on the table, as "ACCESS EXCLUSIVE"; empty: none
  HazardCost cost = HazardCost::catalog;
  HazardClass hazard_class = HazardClass::instant;
  std::string_view safe_way;  ///< what crossfade does instead
  HazardOrigin origin = HazardOrigin::statement;
};

/// In the order of their numbers.
std::span<const HazardRow> hazard_table();

/// Throws std::logic_error where there is no such row.
const HazardRow& hazard_row(std::string_view number);

/// What is known beyond the text.
struct HazardFacts {
  bool target_is_new = false;  ///< created by the same revision: nobody waits for it
  bool target_partitioned = false;
  bool column_in_foreign_key = false;  ///< of a column whose type changes: on either side of one
  bool column_in_view = false;         ///< of a column whose type changes: a view or a rule uses it
  std::optional<bool> rewrites;        ///< of a trial on an empty copy
  std::optional<bool> scans;           ///< the table was read
  std::optional<bool> builds_index;    ///< an index was built or built anew
};

/// A lock on a relation beside the target.
struct OtherLock {
  TableReference relation;
  std::string lock;
};

struct Hazard {
  const HazardRow* row = nullptr;
  std::string lock;  ///< on the target, for this statement; where that is new, on the relation in `others`
  HazardCost cost = HazardCost::catalog;
  bool certain = true;  ///< false: the text alone does not decide; `cost` is the worst case
  /// The row's class, unless this statement costs less than the row says (then instant) or more (then
  /// shadow).
  HazardClass hazard_class = HazardClass::instant;
  std::vector<OtherLock> others;  ///< that the text names
};

/// The rows that a statement meets, the worst first; empty where it is harmless. `statement` has at most one
/// ALTER command (see split_commands). Of a statement on a table that the same revision creates only what
/// locks other tables is left.
std::vector<Hazard> hazards_of(const Statement& statement, const HazardFacts& facts);

/// Whether rows or columns are gone afterwards: DROP TABLE, DROP COLUMN, TRUNCATE, DROP SCHEMA, DROP OWNED,
/// and CASCADE from a type to its columns. A change of type that loses digits is the catalog's to know.
bool destructive(const Statement& statement);

/// The order of the lock modes, from 0 for none to 8 for ACCESS EXCLUSIVE. Throws std::logic_error for
/// another word.
int lock_strength(std::string_view lock);

}  // namespace crossfade::migrations
