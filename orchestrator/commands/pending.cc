#include "orchestrator/commands/pending.h"

#include "migrations/revision_target.h"
#include "orchestrator/applied_files.h"
#include "orchestrator/revision_records.h"

namespace crossfade::orchestrator {

namespace {

std::vector<migrations::MigrationFile> copies(const std::vector<const migrations::MigrationFile*>& files) {
  std::vector<migrations::MigrationFile> out;
  for (const migrations::MigrationFile* file : files) out.push_back(*file);
  return out;
}

}  // namespace

std::vector<migrations::MigrationFile> pending_up_to(postgres::Session& session,
                                                     const migrations::RevisionDirectory& directory,
                                                     const std::string& target) {
  // An explicit target is the way out for a file that came in between applied ones.
  require_consistent(session, directory, target.empty() ? OutOfOrder::refused : OutOfOrder::allowed);
  const std::vector<std::string> applied = names_of(RevisionRecords(session).all());
  return copies(migrations::revisions_to_apply(directory, applied,
                                               target.empty() ? migrations::kDefaultUpTarget : target));
}

std::vector<migrations::MigrationFile> applied_down_to(postgres::Session& session,
                                                       const migrations::RevisionDirectory& directory,
                                                       const std::string& target) {
  require_consistent(session, directory, OutOfOrder::allowed);
  const std::vector<std::string> applied = names_of(RevisionRecords(session).all());
  return copies(migrations::revisions_to_take_back(directory, applied,
                                                   target.empty() ? migrations::kDefaultDownTarget : target));
}

}  // namespace crossfade::orchestrator
