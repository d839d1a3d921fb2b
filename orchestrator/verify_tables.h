// Full comparison of two tables of one database that no run connects: `verify TABLE --against TABLE`. Without
// capture nothing is left out, so rows that change while ranges are compared may show as differences; the
// caller says so.
#pragma once

#include <stop_token>
#include <string>

#include "checkers/verification_report.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

/// Names are looked up in the role's search_path. Throws Failure: exit 5 no such table, no common key or
/// column.
checkers::VerificationReport verify_tables(const postgres::SessionFactory& factory, const std::string& left,
                                           const std::string& right, int workers, std::stop_token stop);

}  // namespace crossfade::orchestrator
