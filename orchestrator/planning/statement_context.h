// Everything that the strategies for changes in place want to know about one statement, read from the catalog
// and from the trial on an empty copy. Reads only; one thread.
#pragma once

#include "migrations/migration_file.h"
#include "orchestrator/planning/earlier_changes.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/in_place.h"
#include "strategies/rehearsal.h"

namespace crossfade::orchestrator {

struct ContextRequest {
  const migrations::MigrationFile* file = nullptr;
  std::int64_t run = 0;
  int server_version = 0;
  const RevisionStatement* statement = nullptr;
  const NumberedCommand* command = nullptr;
  const postgres::Table* source = nullptr;  ///< the live table; null where the statement is about none
  const postgres::Table* before = nullptr;  ///< the copy before the command; null without a trial
  const strategies::StatementOutcome* outcome = nullptr;  ///< null without a trial
};

strategies::StatementContext statement_context(postgres::Session& session, const EarlierChanges& earlier,
                                               const ContextRequest& request);

/// Relations in the schema of the table, and the array type's name where it is taken.
strategies::SchemaNames schema_names(postgres::Session& session, const postgres::Table& source);

}  // namespace crossfade::orchestrator
