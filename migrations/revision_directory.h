// The revisions of one folder as a graph: which come before which, and which are still to be applied.
// Immutable once made, so that threads may share it; references and pointers that it hands out live as long
// as it does.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/migration_file.h"

namespace crossfade::migrations {

class RevisionDirectory {
 public:
  /// Files that do not say what they revise come to revise the previous one by name. Throws Failure(usage):
  /// "duplicate-revision", "duplicate-label", "missing-revision" for a parent or a dependency that is no
  /// file, "revision-cycle".
  RevisionDirectory(std::string path, std::vector<MigrationFile> files);

  const std::string& path() const { return path_; }

  /// Parents and dependencies first; by name where these leave a choice.
  const std::vector<MigrationFile>& in_order() const { return files_; }

  /// The revisions that no other revises, by name.
  std::vector<std::string> heads() const;

  /// Throws Failure(usage, "several-heads") that names them where there is more than one.
  const MigrationFile& only_head() const;

  /// By its full name, else by a label, else by a prefix that only one revision has. Throws Failure(usage):
  /// "no-such-revision", "ambiguous-revision".
  const MigrationFile& find(std::string_view name) const;

  /// By its full name alone; nullptr where there is none.
  const MigrationFile* find_exactly(std::string_view revision) const;

  /// The revisions that are not in `applied`, in order. Names in `applied` that are no file are passed over:
  /// that the folder lacks an applied revision is the caller's to judge.
  std::vector<const MigrationFile*> pending(std::span<const std::string> applied) const;

  /// The revision and everything that has to be applied before it, in order.
  std::vector<const MigrationFile*> up_to(const MigrationFile& target) const;

 private:
  std::string path_;
  std::vector<MigrationFile> files_;
};

/// The folder's own *.sql files by name, without those that begin with a dot. Throws Failure(usage,
/// "no-migrations") where there is no folder or no such file.
std::vector<std::filesystem::path> migration_paths(const std::filesystem::path& folder);

/// All *.sql files of the folder itself; those that begin with a dot are left out. Throws Failure(usage,
/// "no-migrations") where there is no folder or no such file, and what parse_migration_file,
/// refuse_foreign_directory and RevisionDirectory throw.
RevisionDirectory load_directory(const std::filesystem::path& path);

}  // namespace crossfade::migrations
