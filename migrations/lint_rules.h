// What lint can find: stable codes with their usual level, the hazard row that they belong to, and what to
// do. The documentation's table and SARIF's rules are made from it. Immutable data, thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace crossfade::migrations {

enum class LintLevel : std::uint8_t { note, warning, error };

std::string_view to_string(LintLevel level);

struct LintRule {
  std::string_view code;  ///< kebab-case; the hazard row's code where there is one
  LintLevel level = LintLevel::note;
  std::string_view hazard;      ///< the row's number; empty where it belongs to none
  std::string_view finds;       ///< for people
  std::string_view fix;         ///< what to write instead, or what crossfade does by itself
  bool wants_database = false;  ///< found only with one
};

/// By code.
std::span<const LintRule> lint_rules();

/// nullptr where there is no such rule.
const LintRule* lint_rule(std::string_view code);

}  // namespace crossfade::migrations
