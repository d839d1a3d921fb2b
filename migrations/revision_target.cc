#include "migrations/revision_target.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace crossfade::migrations {

namespace {

constexpr std::string_view kCurrent = "current";
constexpr std::string_view kHead = "head";
constexpr std::string_view kHeads = "heads";

struct Target {
  std::string_view text;
  std::string_view branch;  ///< in front of @, or empty
  std::string_view symbol;  ///< empty: what is applied
  int steps = 0;
};

struct Steps {
  std::string_view from;
  int count = 0;
};

Failure refusal(std::string code, std::string_view object, std::string message, std::string expected,
                std::string found, std::string next) {
  return Failure(ExitCode::usage, {std::move(code), std::string(object), std::move(message),
                                   std::move(expected), std::move(found), std::move(next)});
}

Failure bad_target(std::string_view text, std::string message) {
  return refusal("bad-target", text, std::move(message),
                 "a revision, head, heads, base, +N, -N, REVISION+N, REVISION-N or BRANCH@ in front of these",
                 "", "`crossfade history` lists the revisions");
}

bool names_something(const RevisionDirectory& directory, std::string_view name) {
  if (name.empty()) return false;
  return std::any_of(directory.in_order().begin(), directory.in_order().end(),
                     [name](const MigrationFile& file) {
                       return file.revision.starts_with(name) ||
                              std::find(file.labels.begin(), file.labels.end(), name) != file.labels.end();
                     });
}

/// "abc+12" as abc and 12; nullopt where the text does not end like that.
std::optional<Steps> split_steps(std::string_view text) {
  const std::size_t sign = text.find_last_not_of("0123456789");
  if (sign == std::string_view::npos || sign + 1 == text.size()) return std::nullopt;
  if (text[sign] != '+' && text[sign] != '-') return std::nullopt;
  int count = 0;
  const std::string_view digits = text.substr(sign + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc() || count == 0) throw bad_target(text, "the number of steps cannot be used");
  return Steps{text.substr(0, sign), text[sign] == '-' ? -count : count};
}

/// A name may hold any of + - @, so what is a name as a whole is never taken apart.
Target parse(const RevisionDirectory& directory, std::string_view text) {
  if (text.empty()) throw bad_target(text, "the target is empty");
  Target target{.text = text, .branch = {}, .symbol = text};
  if (names_something(directory, text)) return target;
  const std::size_t at = text.find('@');
  if (at != std::string_view::npos) {
    target.branch = text.substr(0, at);
    target.symbol = text.substr(at + 1);
    if (target.branch.empty() || target.symbol.empty())
      throw bad_target(text, "there is nothing on one side of the @");
  }
  if (names_something(directory, target.symbol)) return target;
  if (const auto steps = split_steps(target.symbol)) {
    target.symbol = steps->from == kCurrent ? std::string_view() : steps->from;
    target.steps = steps->count;
  }
  return target;
}

RevisionSet all_of(const RevisionDirectory& directory) {
  RevisionSet out;
  for (const MigrationFile& file : directory.in_order()) out.insert(file.revision);
  return out;
}

RevisionSet branch_of(const RevisionDirectory& directory, std::string_view name) {
  return with_descendants(directory, {directory.find(name).revision}, Edges::revises);
}

/// The branch and what leads to it.
RevisionSet lineage_of(const RevisionDirectory& directory, const Target& target) {
  if (target.branch.empty()) return all_of(directory);
  return either(with_ancestors(directory, {directory.find(target.branch).revision}, Edges::revises),
                branch_of(directory, target.branch));
}

Failure ambiguous_step(const Target& target, const RevisionSet& choices, std::string_view what) {
  return refusal("ambiguous-step", target.text, fmt::format("the revisions branch here: {}", what),
                 "one way to go", list_of(choices),
                 fmt::format("name the revision that you mean, or a branch: {}@{}", *choices.begin(),
                             target.steps < 0 ? "-1" : "+1"));
}

Failure too_few(const Target& target, int found, std::string_view what) {
  return refusal("too-few-revisions", target.text, fmt::format("there are not so many revisions {}", what),
                 fmt::format("{}", std::abs(target.steps)), fmt::format("{}", found),
                 "`crossfade history` lists the revisions");
}

/// What may come next: what continues an applied head; where nothing does, whatever has its parents.
RevisionSet next_steps(const RevisionDirectory& directory, const RevisionSet& lineage,
                       const RevisionSet& reached) {
  const RevisionSet heads = last_of(directory, both(reached, lineage), Edges::revises);
  RevisionSet continuing;
  RevisionSet possible;
  for (const MigrationFile* file : in_order(directory, without(lineage, reached))) {
    const auto is_head = [&heads](const std::string& parent) { return heads.contains(parent); };
    const auto is_reached = [&reached](const std::string& parent) { return reached.contains(parent); };
    if (std::any_of(file->revises.begin(), file->revises.end(), is_head)) continuing.insert(file->revision);
    if (std::all_of(file->revises.begin(), file->revises.end(), is_reached)) possible.insert(file->revision);
  }
  return continuing.empty() ? possible : continuing;
}

/// Everything applied after `target.steps` > 0 steps from what is applied; each brings what it needs.
RevisionSet after_steps_up(const RevisionDirectory& directory, const RevisionSet& applied,
                           const Target& target) {
  const RevisionSet lineage = lineage_of(directory, target);
  RevisionSet reached = applied;
  for (int step = 0; step < target.steps; ++step) {
    const RevisionSet choices = next_steps(directory, lineage, reached);
    if (choices.empty()) throw too_few(target, step, "to apply");
    if (choices.size() > 1) throw ambiguous_step(target, choices, "several revisions come next");
    reached = either(reached, with_ancestors(directory, choices, Edges::all));
  }
  return reached;
}

/// What goes when `target.steps` < 0 steps from what is applied are taken.
RevisionSet gone_by_steps_down(const RevisionDirectory& directory, const RevisionSet& applied,
                               const Target& target) {
  const bool anywhere = target.branch.empty();
  const RevisionSet branch = anywhere ? all_of(directory) : branch_of(directory, target.branch);
  RevisionSet remaining = both(applied, all_of(directory));
  const RevisionSet before = remaining;
  for (int step = 0; step > target.steps; --step) {
    // Without a branch the last one is meant, which nothing else needs. On a branch its head is meant, and
    // whatever depends on it goes too.
    const RevisionSet choices =
        last_of(directory, both(remaining, branch), anywhere ? Edges::all : Edges::revises);
    if (choices.empty()) throw too_few(target, -step, "applied");
    if (choices.size() > 1) throw ambiguous_step(target, choices, "several of them are applied last");
    remaining = without(remaining, with_descendants(directory, choices, Edges::all));
  }
  return without(before, remaining);
}

/// From one revision along `revises`.
RevisionSet walk(const RevisionDirectory& directory, RevisionSet from, const Target& target) {
  const RevisionSet lineage = lineage_of(directory, target);
  for (int step = 0; step < std::abs(target.steps); ++step) {
    if (from.size() > 1) throw ambiguous_step(target, from, "several revisions are meant");
    RevisionSet next;
    if (target.steps > 0) {
      for (const MigrationFile& file : directory.in_order()) {
        const bool follows = from.empty() ? file.revises.empty()
                                          : std::find(file.revises.begin(), file.revises.end(),
                                                      *from.begin()) != file.revises.end();
        if (follows && lineage.contains(file.revision)) next.insert(file.revision);
      }
      if (next.empty()) throw too_few(target, step, "after it");
    } else {
      if (!from.empty()) next = both(revision_set(directory.find_exactly(*from.begin())->revises), lineage);
      // The state before the first revision is that of all branches; only `base` itself says so much.
      if (next.empty()) throw too_few(target, step, "before it; `base` is the state before the first one");
    }
    from = std::move(next);
  }
  if (from.size() > 1) throw ambiguous_step(target, from, "several revisions come there");
  return from;
}

RevisionSet heads_meant(const RevisionDirectory& directory, const Target& target) {
  const RevisionSet heads = target.branch.empty()
                                ? revision_set(directory.heads())
                                : last_of(directory, branch_of(directory, target.branch), Edges::revises);
  if (target.symbol == kHeads || heads.size() < 2) return heads;
  throw refusal("several-heads", target.text == kHead ? directory.path() : std::string(target.text),
                "the revisions branch and have several heads", "one head", list_of(heads),
                "join them with `crossfade merge`, name the revision that you mean, or `heads` for all");
}

RevisionSet symbol_meant(const RevisionDirectory& directory, const RevisionSet& applied,
                         const Target& target) {
  if (target.symbol == kBase) return {};
  if (target.symbol == kHead || target.symbol == kHeads) return heads_meant(directory, target);
  if (target.symbol == kCurrent)
    return last_of(directory, both(applied, lineage_of(directory, target)), Edges::revises);
  const MigrationFile& file = directory.find(target.symbol);
  if (!lineage_of(directory, target).contains(file.revision)) {
    throw refusal("not-on-branch", target.text, fmt::format("{} is not on this branch", file.revision),
                  fmt::format("a revision that leads to {}, or comes after it", target.branch), "",
                  "leave the part in front of the @ out");
  }
  return {file.revision};
}

RevisionSet meant(const RevisionDirectory& directory, const RevisionSet& applied, const Target& target) {
  if (!target.symbol.empty()) {
    RevisionSet start = symbol_meant(directory, applied, target);
    return target.steps == 0 ? start : walk(directory, std::move(start), target);
  }
  const RevisionSet reached = target.steps > 0
                                  ? after_steps_up(directory, applied, target)
                                  : without(applied, gone_by_steps_down(directory, applied, target));
  return last_of(directory, reached, Edges::revises);
}

}  // namespace

RevisionSet named_revisions(const RevisionDirectory& directory, std::span<const std::string> applied,
                            std::string_view text) {
  return meant(directory, revision_set(applied), parse(directory, text));
}

const MigrationFile& named_revision(const RevisionDirectory& directory, std::span<const std::string> applied,
                                    std::string_view text) {
  const RevisionSet named = named_revisions(directory, applied, text);
  if (named.size() == 1) return *directory.find_exactly(*named.begin());
  if (named.empty()) throw bad_target(text, "no revision is meant");
  throw refusal("ambiguous-revision", text, "several revisions are meant", "one revision", list_of(named),
                "name the one that you mean");
}

RevisionSet state_at(const RevisionDirectory& directory, std::span<const std::string> applied,
                     std::span<const std::string> targets) {
  const RevisionSet done = revision_set(applied);
  RevisionSet wanted;
  for (const std::string& text : targets) {
    const Target target = parse(directory, text);
    const bool base = target.symbol == kBase && target.steps == 0;
    if (!base && !target.symbol.empty()) {
      const RevisionSet named = meant(directory, done, target);
      wanted.insert(named.begin(), named.end());
      continue;
    }
    if (targets.size() > 1) throw bad_target(text, "it cannot be combined with other targets");
    if (target.symbol.empty() && target.steps > 0) return after_steps_up(directory, done, target);
    if (target.symbol.empty()) return without(done, gone_by_steps_down(directory, done, target));
    if (target.branch.empty()) return {};
    return without(done, with_descendants(directory, branch_of(directory, target.branch), Edges::all));
  }
  return either(without(done, with_descendants(directory, wanted, Edges::all)),
                with_ancestors(directory, wanted, Edges::all));
}

std::vector<const MigrationFile*> revisions_to_apply(const RevisionDirectory& directory,
                                                     std::span<const std::string> applied,
                                                     std::string_view target) {
  const RevisionSet done = revision_set(applied);
  const Target parsed = parse(directory, target);
  if (parsed.symbol.empty() && parsed.steps < 0)
    throw bad_target(target, "steps back cannot be applied; `crossfade down` takes revisions back");
  const RevisionSet wanted = with_ancestors(directory, meant(directory, done, parsed), Edges::all);
  return in_order(directory, without(wanted, done));
}

std::vector<const MigrationFile*> revisions_to_take_back(const RevisionDirectory& directory,
                                                         std::span<const std::string> applied,
                                                         std::string_view target) {
  const RevisionSet done = revision_set(applied);
  const Target parsed = parse(directory, target);
  RevisionSet gone;
  if (parsed.symbol.empty()) {
    if (parsed.steps > 0)
      throw bad_target(target, "steps forward cannot be taken back; `crossfade up` applies revisions");
    gone = gone_by_steps_down(directory, done, parsed);
  } else if (parsed.symbol == kBase && parsed.steps == 0 && !parsed.branch.empty()) {
    gone = with_descendants(directory, branch_of(directory, parsed.branch), Edges::all);
  } else {
    const RevisionSet stay = meant(directory, done, parsed);
    if (const RevisionSet absent = without(stay, done); !absent.empty()) {
      throw refusal("not-applied", target, "cannot go down to a revision that is not applied",
                    "an applied revision", list_of(absent) + " is not applied",
                    "`crossfade current` shows what is applied");
    }
    gone = stay.empty() ? all_of(directory)
                        : without(with_descendants(directory, stay, Edges::all),
                                  with_ancestors(directory, stay, Edges::all));
  }
  std::vector<const MigrationFile*> out = in_order(directory, both(gone, done));
  std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace crossfade::migrations
