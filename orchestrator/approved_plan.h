// A plan that an operator has agreed to on paper (`plan --out`), as `up --plan` holds every part of a
// revision to it. A plain value; the functions are pure and thread-safe.
#pragma once

#include <boost/json.hpp>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "postgres/problem.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

struct ApprovedPlan {
  std::string path;
  std::string fingerprint;
  std::map<std::string, std::string> files;   ///< fingerprint of each revision's text
  std::map<std::string, std::string> tables;  ///< fingerprint of each table's definition
  /// By revision: the statements of each step, in order, as comparable() gives them.
  std::map<std::string, std::vector<std::string>> steps;
  std::set<std::string> made;  ///< tables that its own revisions make, and that later ones of it change
};

/// A step's statements without the numbers of runs, which are given when a run begins.
std::string comparable(const std::vector<std::string>& sql);

/// Null where the document is no plan.
std::optional<ApprovedPlan> read_approved_plan(const std::string& path, const boost::json::value& document);

/// What is left of a revision is the end of what was agreed to; of tables that the plan itself makes,
/// whatever way is safe by then. Throws Failure (exit 5, "plan-changed").
void require_approved(const ApprovedPlan& approved, const strategies::RevisionPlan& plan);

}  // namespace crossfade::orchestrator
