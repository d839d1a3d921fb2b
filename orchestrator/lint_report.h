// Lint's findings as text for people, as the members of the JSON document, as SARIF 2.1.0 for code hosts, and
// as workflow commands for GitHub Actions. Pure functions, thread-safe.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <string>

#include "migrations/lint.h"

namespace crossfade::orchestrator {

using Findings = std::span<const migrations::LintFinding>;

/// How many there are of a level.
std::size_t count(Findings findings, migrations::LintLevel level);

/// "2 errors, 1 warning, 3 notes"
std::string lint_summary(Findings findings);

std::string lint_text(Findings findings, std::size_t files);
boost::json::array lint_document(Findings findings);
boost::json::object lint_sarif(Findings findings);
std::string lint_workflow_commands(Findings findings);

}  // namespace crossfade::orchestrator
