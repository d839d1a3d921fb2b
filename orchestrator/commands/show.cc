#include <fmt/format.h>

#include "migrations/revision_directory.h"
#include "migrations/revision_graph.h"
#include "migrations/revision_target.h"
#include "migrations/statement.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/kept_definitions.h"
#include "orchestrator/commands/revision_view.h"

namespace crossfade::orchestrator {

CommandResult run_show(const CommandEnvironment& environment, const std::string& revision) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const KnownRecords known = records_if_reachable(environment, "show");
  const migrations::MigrationFile& file = named_revision(directory, known.applied(), revision);
  const std::vector<std::string> children = migrations::children_of(directory, file.revision);
  const RevisionRecord* record = known.find(file.revision);

  CommandResult result{.document = revision_document(directory, file, known)};
  result.document["children"] = names_document(children);
  result.document["fingerprint"] = file.fingerprint;
  result.document["applied_by"] =
      record == nullptr ? boost::json::value() : boost::json::value(record->applied_by);
  result.document["statements"] = nullptr;
  std::vector<KeptDefinition> definitions;
  if (record != nullptr) {
    const auto session = environment.connect().open({.application_name = "crossfade/show"});
    definitions = kept_definitions(*session, file.revision);
  }
  result.document["tables"] = definitions_document(definitions);
  std::string statements = "not readable";
  try {
    const std::size_t count = migrations::parse_statements(file.up_sql, file.path, file.up_first_line).size();
    result.document["statements"] = count;
    statements = std::to_string(count);
  } catch (const Failure& failure) {
    result.exit_code = failure.exit_code();
    result.problem = failure.problem();
  }
  result.text = fmt::format("{}{}\n  file: {}\n  fingerprint: {}\n  revises: {}\n  followed by: {}\n",
                            file.revision, marks_of(directory, file), file.path, file.fingerprint,
                            names_text(file.revises, "nothing, it is a first one"),
                            names_text(children, "nothing, it is a head"));
  if (!file.depends_on.empty())
    result.text += fmt::format("  depends on: {}\n", names_text(file.depends_on, ""));
  result.text +=
      fmt::format("  statements: {}; down section: {}\n", statements, file.has_down ? "yes" : "no");
  if (!known.records) {
    result.text += fmt::format("  whether it is applied is not known: {}\n", known.reason);
  } else if (record == nullptr) {
    result.text += "  not applied\n";
  } else {
    result.text += fmt::format("  applied at {} by {}{}\n", record->applied_at, record->applied_by,
                               record->run ? fmt::format(" in run {}", *record->run) : ", without a run");
    if (record->fingerprint != file.fingerprint)
      result.text += fmt::format("  edited since: it was {}\n", record->fingerprint);
    result.text += definitions_text(definitions);
  }
  return result;
}

}  // namespace crossfade::orchestrator
