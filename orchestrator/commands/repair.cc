#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "migrations/revision_directory.h"
#include "migrations/revision_target.h"
#include "orchestrator/applied_files.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/revision_view.h"
#include "orchestrator/journal_schema.h"

namespace crossfade::orchestrator {

namespace {

/// The edited files that the operator accepts. A name that is not applied is a mistake; one that was not
/// edited needs nothing.
std::vector<EditedFile> accepted_of(const migrations::RevisionDirectory& directory,
                                    const std::vector<RevisionRecord>& records,
                                    const std::vector<EditedFile>& edited, const RepairOptions& options) {
  if (options.all) return edited;
  const std::vector<std::string> applied = names_of(records);
  std::vector<EditedFile> out;
  for (const std::string& text : options.accept) {
    const migrations::MigrationFile& file = named_revision(directory, applied, text);
    if (std::find(applied.begin(), applied.end(), file.revision) == applied.end()) {
      throw Failure(ExitCode::usage, {.code = "not-applied",
                                      .object = file.revision,
                                      .message = "the revision is not applied, so there is nothing to accept",
                                      .expected = "an applied revision whose file was edited",
                                      .found = "a pending one",
                                      .next = "`crossfade repair` lists what is edited."});
    }
    for (const EditedFile& each : edited) {
      if (each.file == &file) out.push_back(each);
    }
  }
  return out;
}

void accept(postgres::Session& session, const std::vector<EditedFile>& accepted) {
  RevisionRecords records(session);
  for (const EditedFile& each : accepted) {
    records.replace_fingerprint(each.file->revision, each.file->fingerprint);
    records.event("repair", {{"by", operator_name()},
                             {"accepted", each.file->revision},
                             {"was", each.journalled},
                             {"is", each.file->fingerprint}});
  }
}

CommandResult result_of(const Inconsistencies& left, const std::vector<EditedFile>& accepted) {
  CommandResult result;
  boost::json::array edited;
  boost::json::array missing;
  boost::json::array out_of_order;
  boost::json::array taken;
  for (const EditedFile& each : accepted) {
    taken.emplace_back(each.file->revision);
    result.text += fmt::format("accepted: {}\n", each.file->path);
  }
  for (const EditedFile& each : left.edited) {
    edited.push_back(boost::json::object{{"revision", each.file->revision},
                                         {"path", each.file->path},
                                         {"expected", each.journalled},
                                         {"found", each.file->fingerprint}});
    result.text += fmt::format("edited since it was applied: {}\n", each.file->path);
  }
  for (const RevisionRecord& each : left.missing) {
    missing.push_back(boost::json::object{
        {"revision", each.revision}, {"applied_at", each.applied_at}, {"applied_by", each.applied_by}});
    result.text += fmt::format("applied, and no file: {}\n", each.revision);
  }
  for (const OutOfOrderFile& each : left.out_of_order) {
    out_of_order.push_back(boost::json::object{{"revision", each.file->revision},
                                               {"path", each.file->path},
                                               {"applied_after", names_document(each.applied_after)}});
    result.text += fmt::format("not applied, but comes before {}: {}\n", fmt::join(each.applied_after, ", "),
                               each.file->path);
  }
  result.document = {{"edited", std::move(edited)},
                     {"missing", std::move(missing)},
                     {"out_of_order", std::move(out_of_order)},
                     {"accepted", std::move(taken)}};
  if (!left.empty()) {
    result.exit_code = ExitCode::refused;
    result.problem = problem_of(left);
  } else if (accepted.empty()) {
    result.text = "the files and the journal agree\n";
  }
  return result;
}

}  // namespace

CommandResult run_repair(const CommandEnvironment& environment, const RepairOptions& options) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const auto session = environment.connect().open({.application_name = "crossfade/repair"});
  RevisionRecords records(*session);
  if (!journal_exists(*session) || (options.accept.empty() && !options.all))
    return result_of(find_inconsistencies(records.all(), directory), {});

  postgres::Transaction transaction(*session, "repair");
  records.hold();
  const std::vector<RevisionRecord> before = records.all();
  const std::vector<EditedFile> accepted =
      accepted_of(directory, before, find_inconsistencies(before, directory).edited, options);
  accept(*session, accepted);
  const Inconsistencies left = find_inconsistencies(records.all(), directory);
  transaction.commit();
  return result_of(left, accepted);
}

}  // namespace crossfade::orchestrator
