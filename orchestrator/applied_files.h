// What the directory of files and the journal say together: which files are pending, and whether an applied
// one was edited since. Only reads; one thread.
#pragma once

#include <vector>

#include "migrations/revision_directory.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// In order. The pointers live as long as the directory. Throws Failure (exit 5) that names an edited applied
/// file.
std::vector<const migrations::MigrationFile*> pending_files(postgres::Session& session,
                                                            const migrations::RevisionDirectory& directory);

/// Throws Failure (exit 5) where `found` is not the fingerprint that was journalled for the file.
void require_unedited(const migrations::MigrationFile& file, const std::string& journalled, bool applied);

}  // namespace crossfade::orchestrator
