// From a migration file to a plan against the live catalog: parse, resolve the table, preflight, rehearse,
// plan. Reads only. Refusals are collected in the plan, all of them; only what makes the file meaningless is
// thrown.
#pragma once

#include <cstdint>

#include "migrations/migration_file.h"
#include "postgres/problem.h"
#include "postgres/session.h"
#include "strategies/plan.h"

namespace crossfade::orchestrator {

/// The one table that a file is about, resolved in the session's search_path.
struct FileTarget {
  std::uint32_t oid = 0;
  postgres::QualifiedName name;
};

/// Throws Failure: exit 2 for a syntax error, exit 5 for no such table, several tables, statements of other
/// kinds.
FileTarget resolve_target(postgres::Session& session, const migrations::MigrationFile& file);

/// `run` is the number that names the schemas.
strategies::RevisionPlan plan_revision(postgres::Session& session, const migrations::MigrationFile& file,
                                       std::int64_t run);

/// A plan's refusals as one Failure (exit 5): the first, and all others named with it.
Failure refusal_of(const strategies::RevisionPlan& plan);

/// XXH3-128 over what was planned and from which catalog.
std::string plan_fingerprint(const strategies::RevisionPlan& plan);

}  // namespace crossfade::orchestrator
