// What the directory of files and the journal say together: which files are pending, and where the two do not
// fit: applied files that were edited or are gone, files that came in between applied ones. Only reads; one
// thread. Pointers live as long as the directory.
#pragma once

#include <string>
#include <vector>

#include "migrations/revision_directory.h"
#include "orchestrator/revision_records.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct EditedFile {
  const migrations::MigrationFile* file = nullptr;
  std::string journalled;  ///< fingerprint
};

/// A pending revision that applied ones build on or depend on.
struct OutOfOrderFile {
  const migrations::MigrationFile* file = nullptr;
  std::vector<std::string> applied_after;  ///< by name
};

struct Inconsistencies {
  std::vector<EditedFile> edited;
  std::vector<RevisionRecord> missing;  ///< applied, and no file
  std::vector<OutOfOrderFile> out_of_order;

  bool empty() const { return edited.empty() && missing.empty() && out_of_order.empty(); }
};

Inconsistencies find_inconsistencies(const std::vector<RevisionRecord>& records,
                                     const migrations::RevisionDirectory& directory);

/// As one problem: the first, and the others named with it. There must be one.
Problem problem_of(const Inconsistencies& inconsistencies);

/// Whether a file that came in between applied ones is in the way. `allowed` is for a command whose target
/// names it.
enum class OutOfOrder { refused, allowed };

/// Throws Failure (exit 5) "edited-file", "missing-file" or "out-of-order" that names the files and the way
/// out. Where there is no journal everything fits.
void require_consistent(postgres::Session& session, const migrations::RevisionDirectory& directory,
                        OutOfOrder out_of_order = OutOfOrder::refused);

/// In order. Throws what require_consistent throws.
std::vector<const migrations::MigrationFile*> pending_files(postgres::Session& session,
                                                            const migrations::RevisionDirectory& directory);

/// Throws Failure (exit 5) where `found` is not the fingerprint that was journalled for the file.
void require_unedited(const migrations::MigrationFile& file, const std::string& journalled, bool applied);

}  // namespace crossfade::orchestrator
