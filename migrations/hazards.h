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

struct HazardRow {
  std::string_view number;     ///< "16b"
  std::string_view code;       ///< stable, kebab-case; crossfade:allow and findings use it
  std::string_view statement;  ///< for people
  std::string_view lock;       ///< the strongest on the table, as "ACCESS EXCLUSIVE"; empty: none
  HazardCost cost = HazardCost::catalog;
  HazardClass hazard_class = HazardClass::instant;
  std::string_view safe_way;  ///< what crossfade does instead
};

/// In the order of their numbers.
std::span<const HazardRow> hazard_table();

/// Throws std::logic_error where there is no such row.
const HazardRow& hazard_row(std::string_view number);

/// What is known beyond the text.
struct HazardFacts {
  bool target_is_new = false;          ///< created by the same revision: nobody waits for it
  bool target_partitioned = false;
  std::optional<bool> rewrites;        ///< of a trial on an empty copy
  std::optional<bool> scans;           ///< the table was read
  std::optional<bool> builds_index;    ///< an index was built or built anew
};

struct Hazard {
  const HazardRow* row = nullptr;
  std::string lock;  ///< on the target, for this statement
  HazardCost cost = HazardCost::catalog;
  bool certain = true;  ///< false: the text alone does not decide; `cost` is the worst case
};

/// The rows that a statement meets, the worst first; empty where it is harmless. `statement` has at most one
/// ALTER command (see split_commands).
std::vector<Hazard> hazards_of(const Statement& statement, const HazardFacts& facts);

}  // namespace crossfade::migrations
