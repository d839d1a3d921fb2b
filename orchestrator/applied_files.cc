#include "orchestrator/applied_files.h"

#include "orchestrator/journal.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

std::vector<const migrations::MigrationFile*> pending_files(postgres::Session& session,
                                                            const migrations::RevisionDirectory& directory) {
  std::vector<std::string> names;
  if (journal_exists(session)) {
    for (const AppliedRevision& applied : Journal(session).applied_revisions()) {
      names.push_back(applied.revision);
      if (const auto* file = directory.find_exactly(applied.revision))
        require_unedited(*file, applied.fingerprint, true);
    }
  }
  return directory.pending(names);
}

void require_unedited(const migrations::MigrationFile& file, const std::string& journalled, bool applied) {
  if (file.fingerprint == journalled) return;
  throw Failure(ExitCode::refused,
                {.code = "edited-file",
                 .object = file.path,
                 .message = applied ? "the file was edited after it was applied"
                                    : "the file was edited while its run is unfinished",
                 .expected = "fingerprint " + journalled,
                 .found = "fingerprint " + file.fingerprint,
                 .next = applied ? "Put the applied text back and write a new file for the new change."
                                 : "Put the text back that the run was planned from, or `crossfade abort` "
                                   "and `crossfade up`."});
}

}  // namespace crossfade::orchestrator
