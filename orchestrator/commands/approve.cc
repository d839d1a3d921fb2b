#include <fmt/format.h>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/journal_schema.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

/// Both directions of the file's present text: an operator who agrees has read it.
CommandResult run_approve(const CommandEnvironment& environment, const std::string& revision) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const migrations::MigrationFile& file = directory.find(revision);
  const auto session = environment.connect().open({.application_name = "crossfade/approve"});
  initialise_journal(*session);
  postgres::Transaction transaction(*session, "approve");
  Journal journal(*session);
  for (const migrations::Direction direction : {migrations::Direction::up, migrations::Direction::down})
    journal.approve(file.revision, direction, file.fingerprint, operator_name());
  transaction.commit();
  return {.document = {{"approved", boost::json::array{boost::json::value(file.revision)}}},
          .text = fmt::format("{} is approved in its present text (fingerprint {})\n", file.revision,
                              file.fingerprint)};
}

}  // namespace crossfade::orchestrator
