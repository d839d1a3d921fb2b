// What a revision may be called on the command line, and which revisions a target of `up` or `down` means. As
// users of Alembic know it:
//
//   20261120_1015_add_region   the name; a label, or the start of the name where only one revision has it
//   head, heads, base          the last revision, all of them, the state before the first one
//   current                    what is applied
//   +2, -1                     steps from what is applied
//   NAME+2, head-1             steps from a revision
//   billing@head, billing@+1   the same within the branch that begins at the revision `billing`
//
// Only reads its arguments; thread-safe. Pointers live as long as the directory. `applied` are names; those
// that are no file of the directory are passed over.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/revision_directory.h"
#include "migrations/revision_graph.h"

namespace crossfade::migrations {

inline constexpr std::string_view kDefaultUpTarget = "head";
inline constexpr std::string_view kDefaultDownTarget = "-1";

/// The revisions to apply, in order; empty where the target is applied already. Throws Failure(usage):
/// "no-such-revision", "ambiguous-revision", "several-heads", "ambiguous-step", "too-few-revisions",
/// "not-on-branch", "bad-target".
std::vector<const MigrationFile*> revisions_to_apply(const RevisionDirectory& directory,
                                                     std::span<const std::string> applied,
                                                     std::string_view target = kDefaultUpTarget);

/// The revisions to take back, the last one first: of `-2` the last two, of a revision everything that was
/// built on it (the revision itself stays), of `base` all, of `billing@base` all of that branch. What depends
/// on a revision goes before it. Throws as above, and Failure(usage, "not-applied").
std::vector<const MigrationFile*> revisions_to_take_back(const RevisionDirectory& directory,
                                                         std::span<const std::string> applied,
                                                         std::string_view target = kDefaultDownTarget);

/// The revisions that the text means; `base` is none. Several only for heads, current, and steps that end on
/// several branches. Throws as above.
RevisionSet named_revisions(const RevisionDirectory& directory, std::span<const std::string> applied,
                            std::string_view text);

/// The same, where one revision must be meant.
const MigrationFile& named_revision(const RevisionDirectory& directory, std::span<const std::string> applied,
                                    std::string_view text);

/// What is applied once the state has been moved to the targets, without a word about how: of a revision, it
/// and what it needs is applied, what builds on it is not, other branches stay as they are. Names in
/// `applied` that are no file stay, but for `base`, which leaves nothing. Throws as above.
RevisionSet state_at(const RevisionDirectory& directory, std::span<const std::string> applied,
                     std::span<const std::string> targets);

}  // namespace crossfade::migrations
