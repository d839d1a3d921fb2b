#include "migrations/revision_graph.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace crossfade::migrations {

namespace {

bool needs_one_of(const MigrationFile& file, const RevisionSet& set, Edges edges) {
  const auto in_set = [&set](const std::string& name) { return set.contains(name); };
  return std::any_of(file.revises.begin(), file.revises.end(), in_set) ||
         (edges == Edges::all && std::any_of(file.depends_on.begin(), file.depends_on.end(), in_set));
}

void add_needed(const MigrationFile& file, Edges edges, RevisionSet& to) {
  to.insert(file.revises.begin(), file.revises.end());
  if (edges == Edges::all) to.insert(file.depends_on.begin(), file.depends_on.end());
}

RevisionSet known(const RevisionDirectory& directory, const RevisionSet& set) {
  RevisionSet out;
  for (const MigrationFile& file : directory.in_order()) {
    if (set.contains(file.revision)) out.insert(file.revision);
  }
  return out;
}

}  // namespace

RevisionSet revision_set(std::span<const std::string> names) {
  return {names.begin(), names.end()};
}

// Both walks are one pass, because the directory is in topological order by all edges.
RevisionSet with_ancestors(const RevisionDirectory& directory, const RevisionSet& of, Edges edges) {
  RevisionSet out = known(directory, of);
  const std::vector<MigrationFile>& files = directory.in_order();
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    if (out.contains(file->revision)) add_needed(*file, edges, out);
  }
  return out;
}

RevisionSet with_descendants(const RevisionDirectory& directory, const RevisionSet& of, Edges edges) {
  RevisionSet out = known(directory, of);
  for (const MigrationFile& file : directory.in_order()) {
    if (needs_one_of(file, out, edges)) out.insert(file.revision);
  }
  return out;
}

RevisionSet last_of(const RevisionDirectory& directory, const RevisionSet& set, Edges edges) {
  RevisionSet needed;
  for (const MigrationFile& file : directory.in_order()) {
    if (set.contains(file.revision)) add_needed(file, edges, needed);
  }
  return without(known(directory, set), needed);
}

std::vector<std::string> children_of(const RevisionDirectory& directory, std::string_view revision) {
  RevisionSet out;
  for (const MigrationFile& file : directory.in_order()) {
    if (std::find(file.revises.begin(), file.revises.end(), revision) != file.revises.end())
      out.insert(file.revision);
  }
  return {out.begin(), out.end()};
}

RevisionSet both(const RevisionSet& left, const RevisionSet& right) {
  RevisionSet out;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(), std::inserter(out, out.end()));
  return out;
}

RevisionSet without(const RevisionSet& left, const RevisionSet& right) {
  RevisionSet out;
  std::set_difference(left.begin(), left.end(), right.begin(), right.end(), std::inserter(out, out.end()));
  return out;
}

RevisionSet either(const RevisionSet& left, const RevisionSet& right) {
  RevisionSet out = left;
  out.insert(right.begin(), right.end());
  return out;
}

std::vector<const MigrationFile*> in_order(const RevisionDirectory& directory, const RevisionSet& set) {
  std::vector<const MigrationFile*> out;
  for (const MigrationFile& file : directory.in_order()) {
    if (set.contains(file.revision)) out.push_back(&file);
  }
  return out;
}

std::string list_of(const RevisionSet& set) {
  return fmt::format("{}", fmt::join(set, ", "));
}

}  // namespace crossfade::migrations
