#include "migrations/new_revision.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "migrations/revision_target.h"

namespace crossfade::migrations {

namespace {

/// nullopt where there is nothing yet; a folder that cannot be read in full is an error.
std::optional<RevisionDirectory> directory_if_any(const std::filesystem::path& folder) {
  try {
    return load_directory(folder);
  } catch (const Failure& failure) {
    if (failure.problem().code != "no-migrations") throw;
    return std::nullopt;
  }
}

RevisionDirectory require_directory(const std::optional<RevisionDirectory>& directory,
                                    const std::filesystem::path& folder) {
  return directory ? *directory : load_directory(folder);
}

RevisionSet resolve(const RevisionDirectory& directory, std::span<const std::string> names) {
  RevisionSet out;
  for (const std::string& name : names) {
    for (const std::string& revision : named_revisions(directory, {}, name)) out.insert(revision);
  }
  return out;
}

/// What a file of this name follows when it does not say.
std::string previous_by_name(const RevisionDirectory& directory, const std::string& revision) {
  std::string out;
  for (const MigrationFile& file : directory.in_order()) {
    if (file.revision < revision && file.revision > out) out = file.revision;
  }
  return out;
}

std::vector<std::string> parents_of_new(const RevisionDirectory& directory, const NewRevision& revision,
                                        const std::string& name) {
  if (revision.revises.size() == 1 && revision.revises.front() == kBase) return {std::string(kBase)};
  if (!revision.revises.empty()) {
    const RevisionSet named = resolve(directory, revision.revises);
    return {named.begin(), named.end()};
  }
  const std::vector<std::string> heads = directory.heads();
  if (heads.size() > 1) {
    throw Failure(
        ExitCode::usage,
        {.code = "several-heads",
         .object = directory.path(),
         .message = "the revisions branch and have several heads",
         .expected = "one head, or to be told which one the new revision follows",
         .found = fmt::format("{}", fmt::join(heads, ", ")),
         .next = fmt::format("`--revises {}`, or join them first with `crossfade merge`", heads.front())});
  }
  if (previous_by_name(directory, name) == heads.front()) return {};
  return heads;
}

/// Who follows the previous file by name and would come to follow a file of this one; nullptr where nobody.
const MigrationFile* displaced_by(const RevisionDirectory& directory, const std::string& revision) {
  const MigrationFile* next = nullptr;
  for (const MigrationFile& file : directory.in_order()) {
    const bool behind = file.revision > revision;
    if (behind && (next == nullptr || file.revision < next->revision)) next = &file;
  }
  return next == nullptr || next->revises_given ? nullptr : next;
}

std::filesystem::path path_at(const std::filesystem::path& folder, std::string_view name_template,
                              const NewRevision& revision, std::time_t time) {
  std::tm local_time{};
  ::localtime_r(&time, &local_time);
  return folder / new_file_name(name_template, revision.message, local_time);
}

/// `now`, or a minute ahead of it where files were made in the same minute: the alphabet must not decide in
/// which order they are applied. A file that is further ahead was not made by a clock.
std::time_t time_of_name(const RevisionDirectory& directory, const std::filesystem::path& folder,
                         std::string_view name_template, const NewRevision& revision, std::time_t now) {
  constexpr int kMinutesAhead = 60;
  for (int minutes = 0; minutes <= kMinutesAhead; ++minutes) {
    const std::time_t time = now + minutes * std::time_t{60};
    const std::filesystem::path path = path_at(folder, name_template, revision, time);
    if (displaced_by(directory, path.stem().string()) == nullptr) return time;
  }
  return now;
}

/// Whoever follows the previous file by name must not come to follow this one.
void require_place(const RevisionDirectory& directory, MigrationFile added) {
  if (const MigrationFile* next = displaced_by(directory, added.revision)) {
    throw Failure(
        ExitCode::usage,
        {.code = "order-by-name",
         .object = added.revision,
         .message = fmt::format("{} follows the previous file by name, and would come to follow this one",
                                next->revision),
         .expected = fmt::format("a name that sorts behind {}, or a `-- crossfade:revises` line in {}",
                                 next->revision, next->path),
         .found = added.revision,
         .next = "choose another --template, or give that file its `-- crossfade:revises` line"});
  }
  std::vector<MigrationFile> files = directory.in_order();
  files.push_back(std::move(added));
  const RevisionDirectory with_it(directory.path(), std::move(files));  // refuses labels that are taken
}

}  // namespace

std::filesystem::path create_revision(const std::filesystem::path& folder, std::string_view name_template,
                                      NewRevision revision, std::time_t now) {
  std::error_code ignored;
  // That a file is there already is said by the creation; a second file of its name is no matter of the
  // graph.
  if (!std::filesystem::exists(path_at(folder, name_template, revision, now), ignored)) {
    const auto found = directory_if_any(folder);
    const bool refers =
        !revision.depends_on.empty() || std::any_of(revision.revises.begin(), revision.revises.end(),
                                                    [](const std::string& name) { return name != kBase; });
    if (found || refers) {
      const RevisionDirectory directory = require_directory(found, folder);
      now = time_of_name(directory, folder, name_template, revision, now);
      const std::filesystem::path path = path_at(folder, name_template, revision, now);
      revision.revises = parents_of_new(directory, revision, path.stem().string());
      const RevisionSet needed = resolve(directory, revision.depends_on);
      revision.depends_on = {needed.begin(), needed.end()};
      require_place(directory,
                    parse_migration_text(path.stem().string(), path.string(), new_file_text(revision)));
    }
  }
  return create_migration_file(folder, name_template, revision, now);
}

std::filesystem::path create_merge(const std::filesystem::path& folder, std::string_view name_template,
                                   std::span<const std::string> revisions, const std::string& message,
                                   std::time_t now) {
  const RevisionDirectory directory = load_directory(folder);
  const RevisionSet merged = resolve(directory, revisions);
  const RevisionSet heads = revision_set(directory.heads());
  if (const RevisionSet inner = without(merged, heads); !inner.empty()) {
    throw Failure(ExitCode::usage, {.code = "not-a-head",
                                    .object = list_of(inner),
                                    .message = "other revisions build on it already",
                                    .expected = "heads: " + list_of(heads),
                                    .found = list_of(inner),
                                    .next = "merge the heads that come after it"});
  }
  if (merged.size() < 2) {
    throw Failure(ExitCode::usage, {.code = "nothing-to-merge",
                                    .object = directory.path(),
                                    .message = "a merge joins two heads or more",
                                    .expected = "at least two different revisions",
                                    .found = list_of(merged),
                                    .next = "name the heads; `crossfade heads` lists them"});
  }
  NewRevision revision{
      .message = message.empty() ? fmt::format("merge {}", fmt::join(merged, " and ")) : message,
      .revises = {merged.begin(), merged.end()},
      .labels = {},
      .depends_on = {}};
  return create_revision(folder, name_template, std::move(revision), now);
}

}  // namespace crossfade::migrations
