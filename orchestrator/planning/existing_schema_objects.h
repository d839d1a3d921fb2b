// CREATE SCHEMA, EXTENSION and STATISTICS IF NOT EXISTS: what is there under the name, beside what the
// statement asks for. Reads only; one thread.
#pragma once

#include <optional>
#include <string>

#include "migrations/statement.h"
#include "orchestrator/planning/definition_trial.h"
#include "orchestrator/planning/earlier_changes.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct ExistingObject {
  std::string object;  ///< for people
  Definitions definitions;
};

/// Null for every other statement, and where there is none of that name.
std::optional<ExistingObject> existing_outside_tables(postgres::Session& session,
                                                      const EarlierChanges& earlier,
                                                      const migrations::Statement& statement);

}  // namespace crossfade::orchestrator
