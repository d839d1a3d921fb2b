// Makes the file of a new revision in its place in the graph: after the only head, after named revisions, or
// as a merge of several heads. Unlike create_migration_file it reads the folder first, and refuses a file
// that would put itself between others. Two processes that make the same file at once cannot overwrite each
// other.
#pragma once

#include <ctime>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/new_file.h"

namespace crossfade::migrations {

/// `revision` holds names as typed: labels, starts of names, head, `base` for a first revision. Without
/// `revises` the only head is meant. Files of one minute follow one another in the order in which they were
/// made: a name that would sort before the last one's gets the next minute. Throws Failure(usage):
/// "several-heads", "order-by-name" where files that follow the previous one by name would come to follow the
/// new one, what RevisionDirectory throws for the folder with the new file in it, and what
/// create_migration_file throws.
std::filesystem::path create_revision(const std::filesystem::path& folder, std::string_view name_template,
                                      NewRevision revision, std::time_t now);

/// A file that revises all of them, which must be heads. An empty message names them. Throws Failure(usage,
/// "not-a-head"), Failure(usage, "nothing-to-merge") for fewer than two, and as above.
std::filesystem::path create_merge(const std::filesystem::path& folder, std::string_view name_template,
                                   std::span<const std::string> revisions, const std::string& message,
                                   std::time_t now);

}  // namespace crossfade::migrations
