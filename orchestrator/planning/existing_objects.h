// Statements that are answered by what is there already, or is missing: IF EXISTS and IF NOT EXISTS, names of
// no table, settings that crossfade makes itself. An object that exists with another definition is an error,
// not a silence. Reads only (a trial is rolled back); one thread.
#pragma once

#include <optional>
#include <string>

#include "migrations/migration_file.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/problem.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct ExistingObjectAnswer {
  std::string reason;  ///< why there is nothing to do
  std::optional<Problem> refusal;
};

/// Null: the statement has something to do, and needs a plan.
std::optional<ExistingObjectAnswer> existing_object_answer(postgres::Session& session,
                                                           const EarlierChanges& earlier,
                                                           const migrations::MigrationFile& file,
                                                           const RevisionStatement& statement);

}  // namespace crossfade::orchestrator
