#include "migrations/revision_directory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "migrations/foreign_directory.h"

namespace crossfade::migrations {

namespace {

using Index = std::map<std::string_view, std::size_t>;

std::string object_of(const MigrationFile& file, int line) {
  return line == 0 ? file.path : fmt::format("{}:{}:1", file.path, line);
}

std::vector<std::string> required_by(const MigrationFile& file) {
  std::vector<std::string> out = file.revises;
  for (const std::string& name : file.depends_on) {
    if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

void require_distinct(const std::vector<MigrationFile>& files) {
  std::map<std::string_view, const MigrationFile*> labels;
  for (std::size_t index = 0; index < files.size(); ++index) {
    const MigrationFile& file = files[index];
    if (index > 0 && files[index - 1].revision == file.revision) {
      throw Failure(ExitCode::usage, {.code = "duplicate-revision",
                                      .object = file.revision,
                                      .message = "two files have this revision's name",
                                      .expected = "one file a revision",
                                      .found = files[index - 1].path + " and " + file.path,
                                      .next = "rename one of them"});
    }
    for (const std::string& label : file.labels) {
      const auto [other, added] = labels.emplace(label, &file);
      if (added) continue;
      throw Failure(ExitCode::usage, {.code = "duplicate-label",
                                      .object = file.path,
                                      .message = "the label " + label + " is given to two revisions",
                                      .expected = "one revision a label",
                                      .found = other->second->revision + " and " + file.revision,
                                      .next = "take one of them out"});
    }
  }
}

void require_known(const MigrationFile& file, const std::vector<std::string>& names, int line,
                   const Index& index, std::string_view directive) {
  for (const std::string& name : names) {
    if (index.contains(name)) continue;
    throw Failure(ExitCode::usage, {.code = "missing-revision",
                                    .object = object_of(file, line),
                                    .message = fmt::format("{} {} {}, which is no file of the folder",
                                                           file.revision, directive, name),
                                    .expected = fmt::format("the file {}.sql", name),
                                    .next = "restore the file, or correct the directive"});
  }
}

/// Every revision in `waiting` requires another one in it; walking along these comes back to where it was.
[[noreturn]] void throw_cycle(const std::vector<MigrationFile>& files, const Index& index,
                              const std::set<std::size_t>& waiting) {
  std::vector<std::string> walk;
  std::size_t current = *waiting.begin();
  while (true) {
    const auto seen = std::find(walk.begin(), walk.end(), files[current].revision);
    walk.push_back(files[current].revision);
    if (seen != walk.end() - 1 && std::count(walk.begin(), walk.end(), walk.back()) > 1) break;
    for (const std::string& name : required_by(files[current])) {
      if (!waiting.contains(index.at(name))) continue;
      current = index.at(name);
      break;
    }
  }
  walk.erase(walk.begin(), std::find(walk.begin(), walk.end(), walk.back()));
  const MigrationFile& file = files[index.at(walk.front())];
  throw Failure(
      ExitCode::usage,
      {.code = "revision-cycle",
       .object = object_of(file, file.revises_line != 0 ? file.revises_line : file.depends_on_line),
       .message = fmt::format("these revisions require one another: {}", fmt::join(walk, " → ")),
       .expected = "revises and depends-on to lead to a first revision",
       .next = "correct one of the directives; a file without revises follows the previous one by name"});
}

/// Kahn's algorithm with an ordered set, for ties by name. `files` are sorted by name.
std::vector<std::size_t> topological_order(const std::vector<MigrationFile>& files, const Index& index) {
  std::vector<std::size_t> missing(files.size());
  std::vector<std::vector<std::size_t>> followers(files.size());
  std::set<std::size_t> ready;
  std::set<std::size_t> waiting;
  for (std::size_t at = 0; at < files.size(); ++at) {
    const std::vector<std::string> required = required_by(files[at]);
    missing[at] = required.size();
    for (const std::string& name : required) followers[index.at(name)].push_back(at);
    (required.empty() ? ready : waiting).insert(at);
  }
  std::vector<std::size_t> order;
  while (!ready.empty()) {
    const std::size_t next = *ready.begin();
    ready.erase(ready.begin());
    order.push_back(next);
    for (const std::size_t follower : followers[next]) {
      if (--missing[follower] > 0) continue;
      waiting.erase(follower);
      ready.insert(follower);
    }
  }
  if (!waiting.empty()) throw_cycle(files, index, waiting);
  return order;
}

}  // namespace

RevisionDirectory::RevisionDirectory(std::string path, std::vector<MigrationFile> files)
    : path_(std::move(path)) {
  std::sort(files.begin(), files.end(), [](const MigrationFile& left, const MigrationFile& right) {
    return left.revision < right.revision;
  });
  require_distinct(files);
  Index index;
  for (std::size_t at = 0; at < files.size(); ++at) {
    index.emplace(files[at].revision, at);
    if (!files[at].revises_given && at > 0) files[at].revises = {files[at - 1].revision};
  }
  for (const MigrationFile& file : files) {
    require_known(file, file.revises, file.revises_line, index, "revises");
    require_known(file, file.depends_on, file.depends_on_line, index, "depends on");
  }
  for (const std::size_t at : topological_order(files, index)) files_.push_back(files[at]);
}

std::vector<std::string> RevisionDirectory::heads() const {
  std::set<std::string> out;
  for (const MigrationFile& file : files_) out.insert(file.revision);
  for (const MigrationFile& file : files_) {
    for (const std::string& parent : file.revises) out.erase(parent);
  }
  return {out.begin(), out.end()};
}

const MigrationFile& RevisionDirectory::only_head() const {
  const std::vector<std::string> all = heads();
  if (all.size() == 1) return *find_exactly(all.front());
  throw Failure(ExitCode::usage,
                {.code = "several-heads",
                 .object = path_,
                 .message = "the revisions branch and have several heads",
                 .expected = "one head",
                 .found = fmt::format("{}", fmt::join(all, ", ")),
                 .next = "join them with `crossfade merge`, or name the revision that you mean"});
}

const MigrationFile* RevisionDirectory::find_exactly(std::string_view revision) const {
  const auto found = std::find_if(files_.begin(), files_.end(),
                                  [&](const MigrationFile& file) { return file.revision == revision; });
  return found == files_.end() ? nullptr : &*found;
}

const MigrationFile& RevisionDirectory::find(std::string_view name) const {
  if (const MigrationFile* exact = find_exactly(name)) return *exact;
  std::vector<const MigrationFile*> matches;
  for (const MigrationFile& file : files_) {
    if (std::find(file.labels.begin(), file.labels.end(), name) != file.labels.end()) return file;
    if (!name.empty() && file.revision.starts_with(name)) matches.push_back(&file);
  }
  if (matches.size() == 1) return *matches.front();
  if (matches.empty()) {
    throw Failure(ExitCode::usage, {.code = "no-such-revision",
                                    .object = std::string(name),
                                    .message = "there is no such revision in " + path_,
                                    .expected = "a revision's name, the start of one, or a label",
                                    .next = "`crossfade history` lists the revisions"});
  }
  std::vector<std::string> names;
  for (const MigrationFile* file : matches) names.push_back(file->revision);
  throw Failure(ExitCode::usage, {.code = "ambiguous-revision",
                                  .object = std::string(name),
                                  .message = "several revisions begin like this",
                                  .expected = "enough of the name that only one does",
                                  .found = fmt::format("{}", fmt::join(names, ", ")),
                                  .next = "write more of the name"});
}

std::vector<const MigrationFile*> RevisionDirectory::pending(std::span<const std::string> applied) const {
  const std::set<std::string_view> done(applied.begin(), applied.end());
  std::vector<const MigrationFile*> out;
  for (const MigrationFile& file : files_) {
    if (!done.contains(file.revision)) out.push_back(&file);
  }
  return out;
}

std::vector<const MigrationFile*> RevisionDirectory::up_to(const MigrationFile& target) const {
  std::set<std::string_view> wanted = {target.revision};
  std::vector<const MigrationFile*> out;
  // Backwards, because then everything that requires a revision has been seen before it.
  for (auto file = files_.rbegin(); file != files_.rend(); ++file) {
    if (!wanted.contains(file->revision)) continue;
    out.push_back(&*file);
    wanted.insert(file->revises.begin(), file->revises.end());
    wanted.insert(file->depends_on.begin(), file->depends_on.end());
  }
  std::reverse(out.begin(), out.end());
  return out;
}

std::vector<std::filesystem::path> migration_paths(const std::filesystem::path& path) {
  const auto no_migrations = [&](std::string message) {
    return Failure(ExitCode::usage, {.code = "no-migrations",
                                     .object = path.string(),
                                     .message = std::move(message),
                                     .expected = "a folder with *.sql files, not in folders below it",
                                     .next = "check --dir, or make the first revision with `crossfade new`"});
  };
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) throw no_migrations("there is no such folder");
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && !name.starts_with('.') && lower_case(name).ends_with(".sql")) {
      paths.push_back(entry.path());
    }
  }
  if (paths.empty()) throw no_migrations("the folder has no migration files");
  std::sort(paths.begin(), paths.end());
  return paths;
}

RevisionDirectory load_directory(const std::filesystem::path& path) {
  std::vector<MigrationFile> files;
  for (const auto& each : migration_paths(path)) files.push_back(parse_migration_file(each));
  refuse_foreign_directory(path, files);
  return {path.string(), std::move(files)};
}

}  // namespace crossfade::migrations
