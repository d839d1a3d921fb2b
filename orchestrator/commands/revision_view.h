// What the commands on the graph of revisions show of one revision, as a document and as text. Values and
// pure functions, but for records_if_reachable, which asks the database.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "migrations/revision_directory.h"
#include "orchestrator/commands/command.h"
#include "orchestrator/revision_records.h"

namespace crossfade::orchestrator {

/// What is known of the database by a command that also works without one.
struct KnownRecords {
  std::optional<std::vector<RevisionRecord>> records;  ///< absent: no database answered
  std::string reason;                                  ///< why

  /// Names; empty where nothing is known.
  std::vector<std::string> applied() const;
  const RevisionRecord* find(const std::string& revision) const;
};

KnownRecords records_if_reachable(const CommandEnvironment& environment, const std::string& command);

/// Pure: `known` may hold nothing.
boost::json::object revision_document(const migrations::RevisionDirectory& directory,
                                      const migrations::MigrationFile& file, const KnownRecords& known);

/// "(head, merge) [billing]", empty where there is nothing to say.
std::string marks_of(const migrations::RevisionDirectory& directory, const migrations::MigrationFile& file);

/// One line; with `verbose` more below it.
std::string revision_text(const migrations::RevisionDirectory& directory,
                          const migrations::MigrationFile& file, const KnownRecords& known, bool verbose);

boost::json::array names_document(const std::vector<std::string>& names);
std::string names_text(const std::vector<std::string>& names, std::string_view none);

}  // namespace crossfade::orchestrator
