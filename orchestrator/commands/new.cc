#include <ctime>

#include "migrations/new_file.h"
#include "orchestrator/commands/commands.h"

namespace crossfade::orchestrator {

CommandResult run_new(const CommandEnvironment& environment, const NewOptions& options) {
  const std::string file_template =
      options.file_template.empty() ? std::string(migrations::kFileNameTemplate) : options.file_template;
  const auto path = migrations::create_migration_file(environment.options.directory, file_template,
                                                      {.message = options.message}, std::time(nullptr));
  return {.document = {{"revision", path.stem().string()}, {"path", path.string()}},
          .text = path.string() + "\n"};
}

}  // namespace crossfade::orchestrator
