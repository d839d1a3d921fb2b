// Questions about the order of revisions: what comes before and after which, and which are the last of a set.
// Two kinds of edges lead from a revision to what it needs: `revises` makes branches and heads, `depends-on`
// crosses branches. Pure functions over a RevisionDirectory, which must outlive the pointers; thread-safe.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/revision_directory.h"

namespace crossfade::migrations {

/// Names of revisions. Names that are no file of the directory are passed over by every function here.
using RevisionSet = std::set<std::string, std::less<>>;

enum class Edges {
  revises,  ///< parents alone
  all,      ///< parents and dependencies
};

RevisionSet revision_set(std::span<const std::string> names);

/// The set, and everything before it.
RevisionSet with_ancestors(const RevisionDirectory& directory, const RevisionSet& of, Edges edges);

/// The set, and everything after it.
RevisionSet with_descendants(const RevisionDirectory& directory, const RevisionSet& of, Edges edges);

/// Those of the set that no other one of the set needs. With Edges::revises these are its heads.
RevisionSet last_of(const RevisionDirectory& directory, const RevisionSet& set, Edges edges);

/// The revisions that revise this one, by name.
std::vector<std::string> children_of(const RevisionDirectory& directory, std::string_view revision);

RevisionSet both(const RevisionSet& left, const RevisionSet& right);
RevisionSet without(const RevisionSet& left, const RevisionSet& right);
RevisionSet either(const RevisionSet& left, const RevisionSet& right);

/// The files of the set, parents and dependencies first.
std::vector<const MigrationFile*> in_order(const RevisionDirectory& directory, const RevisionSet& set);

/// "a, b"
std::string list_of(const RevisionSet& set);

}  // namespace crossfade::migrations
