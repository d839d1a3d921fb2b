#include <ctime>

#include "migrations/new_revision.h"
#include "orchestrator/commands/commands.h"

namespace crossfade::orchestrator {

namespace {

std::string template_of(const std::string& given) {
  return given.empty() ? std::string(migrations::kFileNameTemplate) : given;
}

CommandResult result_of(const std::filesystem::path& path) {
  return {.document = {{"revision", path.stem().string()}, {"path", path.string()}},
          .text = path.string() + "\n"};
}

}  // namespace

CommandResult run_new(const CommandEnvironment& environment, const NewOptions& options) {
  return result_of(migrations::create_revision(environment.options.directory,
                                               template_of(options.file_template),
                                               {.message = options.message,
                                                .revises = options.revises,
                                                .labels = options.labels,
                                                .depends_on = options.depends_on},
                                               std::time(nullptr)));
}

CommandResult run_merge(const CommandEnvironment& environment, const MergeOptions& options) {
  return result_of(migrations::create_merge(environment.options.directory, template_of(options.file_template),
                                            options.revisions, options.message, std::time(nullptr)));
}

}  // namespace crossfade::orchestrator
