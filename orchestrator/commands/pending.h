// Which revisions a command is about: its target, the directory and the journal together. Only reads; one
// thread.
#pragma once

#include <string>
#include <vector>

#include "migrations/revision_directory.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// To be applied, in order; an empty target means the only head. Throws Failure: exit 2 for a target that is
/// not understood or several heads; exit 5 where files and journal do not fit.
std::vector<migrations::MigrationFile> pending_up_to(postgres::Session& session,
                                                     const migrations::RevisionDirectory& directory,
                                                     const std::string& target);

/// To be taken back, the last one first; an empty target means the last one alone.
std::vector<migrations::MigrationFile> applied_down_to(postgres::Session& session,
                                                       const migrations::RevisionDirectory& directory,
                                                       const std::string& target);

}  // namespace crossfade::orchestrator
