#include "orchestrator/applied_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "migrations/revision_graph.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

Problem edited_problem(const migrations::MigrationFile& file, const std::string& journalled) {
  return {
      .code = "edited-file",
      .object = file.path,
      .message = "the file was edited after it was applied",
      .expected = "fingerprint " + journalled,
      .found = "fingerprint " + file.fingerprint,
      .next = fmt::format("Put the applied text back and write a new file for the new change. If the edit "
                          "changes nothing in the database, `crossfade repair --accept {}`.",
                          file.revision)};
}

Problem missing_problem(const RevisionRecord& record) {
  return {.code = "missing-file",
          .object = record.revision,
          .message = "the revision is applied, and the directory has no file of it",
          .expected = fmt::format("the file {}.sql", record.revision),
          .found = fmt::format("applied at {} by {}", record.applied_at, record.applied_by),
          .next =
              "Put the file back, or check --dir. Where the file went for good, `crossfade stamp --purge "
              "REVISION` records that the database stands at REVISION and forgets the rest; `crossfade "
              "repair` lists all such revisions."};
}

Problem out_of_order_problem(const OutOfOrderFile& found) {
  const std::string& name = found.file->revision;
  return {
      .code = "out-of-order",
      .object = found.file->path,
      .message = "the revision is not applied, but others that come after it are",
      .expected = "what a revision builds on to be applied before it",
      .found = fmt::format("applied: {}", fmt::join(found.applied_after, ", ")),
      .next = fmt::format("`crossfade up {0}` applies it now; `crossfade stamp {1}` records it as applied "
                          "where the database has it already; or rename the file so that it comes last.",
                          name, fmt::join(found.applied_after, " "))};
}

}  // namespace

Inconsistencies find_inconsistencies(const std::vector<RevisionRecord>& records,
                                     const migrations::RevisionDirectory& directory) {
  Inconsistencies out;
  const migrations::RevisionSet applied = migrations::revision_set(names_of(records));
  for (const RevisionRecord& record : records) {
    const migrations::MigrationFile* file = directory.find_exactly(record.revision);
    if (file == nullptr && !is_of_alembic(record.revision)) out.missing.push_back(record);
    if (file != nullptr && file->fingerprint != record.fingerprint)
      out.edited.push_back({file, record.fingerprint});
  }
  using migrations::Edges;
  const migrations::RevisionSet needed = migrations::with_ancestors(directory, applied, Edges::all);
  for (const migrations::MigrationFile* file :
       migrations::in_order(directory, migrations::without(needed, applied))) {
    const migrations::RevisionSet after =
        migrations::both(applied, migrations::with_descendants(directory, {file->revision}, Edges::all));
    const migrations::RevisionSet last = migrations::last_of(directory, after, Edges::all);
    out.out_of_order.push_back({file, {last.begin(), last.end()}});
  }
  return out;
}

Problem problem_of(const Inconsistencies& inconsistencies) {
  std::vector<Problem> all;
  for (const EditedFile& edited : inconsistencies.edited)
    all.push_back(edited_problem(*edited.file, edited.journalled));
  for (const RevisionRecord& record : inconsistencies.missing) all.push_back(missing_problem(record));
  for (const OutOfOrderFile& file : inconsistencies.out_of_order) all.push_back(out_of_order_problem(file));
  Problem out = all.at(0);
  for (std::size_t index = 1; index < all.size(); ++index)
    out.found += fmt::format("; also {}: {}", all[index].object, all[index].message);
  return out;
}

void require_consistent(postgres::Session& session, const migrations::RevisionDirectory& directory,
                        OutOfOrder out_of_order) {
  Inconsistencies found = find_inconsistencies(RevisionRecords(session).all(), directory);
  if (out_of_order == OutOfOrder::allowed) found.out_of_order.clear();
  if (!found.empty()) throw Failure(ExitCode::refused, problem_of(found));
}

std::vector<const migrations::MigrationFile*> pending_files(postgres::Session& session,
                                                            const migrations::RevisionDirectory& directory) {
  require_consistent(session, directory);
  return directory.pending(names_of(RevisionRecords(session).all()));
}

void require_unedited(const migrations::MigrationFile& file, const std::string& journalled, bool applied) {
  if (file.fingerprint == journalled) return;
  if (applied) throw Failure(ExitCode::refused, edited_problem(file, journalled));
  throw Failure(ExitCode::refused,
                {.code = "edited-file",
                 .object = file.path,
                 .message = "the file was edited while its run is unfinished",
                 .expected = "fingerprint " + journalled,
                 .found = "fingerprint " + file.fingerprint,
                 .next = "Put the text back that the run was planned from, or `crossfade abort` and "
                         "`crossfade up`."});
}

}  // namespace crossfade::orchestrator
