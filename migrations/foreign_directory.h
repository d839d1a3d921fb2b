// What one file does not show, and the folder does: that another tool would run the files in another order,
// or would run other files. Reads the names of the folder; thread-safe.
#pragma once

#include <filesystem>
#include <span>

#include "migrations/migration_file.h"

namespace crossfade::migrations {

/// Throws Failure(usage, "foreign-format") where a folder of goose's has migrations in Go, or files whose
/// order by number is not their order by name; and where a folder of dbmate's has a file that dbmate passes
/// over.
void refuse_foreign_directory(const std::filesystem::path& folder, std::span<const MigrationFile> files);

}  // namespace crossfade::migrations
