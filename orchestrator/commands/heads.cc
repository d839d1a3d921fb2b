#include "migrations/revision_directory.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/revision_view.h"

namespace crossfade::orchestrator {

CommandResult run_heads(const CommandEnvironment& environment) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const std::vector<std::string> heads = directory.heads();
  CommandResult result{.document = {{"heads", names_document(heads)}}};
  for (const std::string& head : heads)
    result.text += head + marks_of(directory, *directory.find_exactly(head)) + "\n";
  return result;
}

}  // namespace crossfade::orchestrator
