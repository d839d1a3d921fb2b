#include "orchestrator/commands/commands.h"
#include "orchestrator/journal_schema.h"

namespace crossfade::orchestrator {

CommandResult run_init(const CommandEnvironment& environment) {
  const auto session = environment.connect().open({.application_name = "crossfade/init"});
  const bool changed = initialise_journal(*session);
  return {.document = {{"changed", changed}},
          .text = changed ? "the journal is ready: schema crossfade\n"
                          : "the journal was ready already: schema crossfade\n"};
}

}  // namespace crossfade::orchestrator
