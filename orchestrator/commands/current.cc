#include <filesystem>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/revision_view.h"

namespace crossfade::orchestrator {

namespace {

/// Without files the answer is what was applied last; a folder that does not parse is an error here.
std::optional<migrations::RevisionDirectory> directory_if_any(const CommandEnvironment& environment) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(environment.options.directory, ignored)) return std::nullopt;
  try {
    return migrations::load_directory(environment.options.directory);
  } catch (const Failure& failure) {
    if (failure.problem().code != "no-migrations") throw;
    return std::nullopt;
  }
}

}  // namespace

CommandResult run_current(const CommandEnvironment& environment, const CurrentOptions& options) {
  const auto directory = directory_if_any(environment);
  const auto session = environment.connect().open({.application_name = "crossfade/current"});
  const KnownRecords known{.records = RevisionRecords(*session).all(), .reason = {}};
  const std::vector<std::string> current =
      current_revisions(known.applied(), directory ? &*directory : nullptr);
  CommandResult result{.document = {{"current", names_document(current)}}};
  for (const std::string& name : current) {
    const migrations::MigrationFile* file = directory ? directory->find_exactly(name) : nullptr;
    if (file == nullptr) {
      result.text += name + " (no file)\n";
    } else if (options.verbose) {
      result.text += revision_text(*directory, *file, known, true);
    } else {
      result.text += name + marks_of(*directory, *file) + "\n";
    }
  }
  if (current.empty()) result.text = "nothing is applied\n";
  return result;
}

}  // namespace crossfade::orchestrator
