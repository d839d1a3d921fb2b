// Makes the file of a new revision: its name from a template and a message, and a skeleton to fill in. The
// functions hold no state; two processes that make the same file at once cannot overwrite each other.
#pragma once

#include <ctime>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace crossfade::migrations {

/// YYYY, MM, DD, HH, MM behind HH for the minute, SS, and slug are replaced.
inline constexpr std::string_view kFileNameTemplate = "YYYYMMDD_HHMM_slug.sql";

struct NewRevision {
  std::string message;               ///< becomes the slug and the first comment
  std::vector<std::string> revises;  ///< empty: the previous file by name, left to the default
  std::vector<std::string> labels;
  std::vector<std::string> depends_on;
};

/// "Orders: add region" as "orders_add_region", at most 60 bytes. Letters other than ASCII's and everything
/// else become one underscore. Throws Failure(usage, "no-slug") where nothing is left.
std::string slug(std::string_view message);

/// `local_time` is what the operator's clock shows. Throws Failure(usage, "bad-template") for a template
/// without slug or with a folder in it.
std::string new_file_name(std::string_view name_template, std::string_view message,
                          const std::tm& local_time);

/// The directives, both markers, and nothing under them.
std::string new_file_text(const NewRevision& revision);

/// Makes the folder where it is missing, and returns the new file's path. Throws Failure(usage,
/// "file-exists"), Failure(failed, "cannot-write"), and what the functions above throw.
std::filesystem::path create_migration_file(const std::filesystem::path& folder,
                                            std::string_view name_template, const NewRevision& revision,
                                            std::time_t now);

}  // namespace crossfade::migrations
