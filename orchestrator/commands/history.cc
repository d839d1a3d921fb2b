#include "migrations/revision_directory.h"
#include "migrations/revision_target.h"
#include "orchestrator/commands/commands.h"
#include "orchestrator/commands/revision_view.h"

namespace crossfade::orchestrator {

namespace {

using migrations::Edges;
using migrations::RevisionSet;

/// "A:B": what B needs and A leads to, both included. An empty side is base or heads.
RevisionSet revisions_in(const migrations::RevisionDirectory& directory,
                         const std::vector<std::string>& applied, const std::string& range) {
  const std::size_t colon = range.find(':');
  if (!range.empty() && (colon == std::string::npos || range.find(':', colon + 1) != std::string::npos)) {
    throw Failure(ExitCode::usage, {.code = "bad-range",
                                    .object = range,
                                    .message = "the range is not understood",
                                    .expected = "FROM:TO; either may be left out",
                                    .found = range,
                                    .next = "For example `crossfade history --range base:current`."});
  }
  const std::string from = range.empty() ? "" : range.substr(0, colon);
  const std::string to = range.empty() ? "" : range.substr(colon + 1);
  const RevisionSet last = named_revisions(directory, applied, to.empty() ? "heads" : to);
  RevisionSet out = migrations::with_ancestors(directory, last, Edges::all);
  const RevisionSet first = named_revisions(directory, applied, from.empty() ? "base" : from);
  if (!first.empty()) out = migrations::both(out, migrations::with_descendants(directory, first, Edges::all));
  return out;
}

}  // namespace

CommandResult run_history(const CommandEnvironment& environment, const HistoryOptions& options) {
  const migrations::RevisionDirectory directory = migrations::load_directory(environment.options.directory);
  const KnownRecords known = records_if_reachable(environment, "history");
  const RevisionSet shown = revisions_in(directory, known.applied(), options.range);
  const std::vector<const migrations::MigrationFile*> files = migrations::in_order(directory, shown);
  CommandResult result;
  boost::json::array revisions;
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    revisions.push_back(revision_document(directory, **file, known));
    result.text += revision_text(directory, **file, known, options.verbose);
  }
  if (!known.records) result.text += "what is applied is not known: " + known.reason + "\n";
  result.document["revisions"] = std::move(revisions);
  return result;
}

}  // namespace crossfade::orchestrator
