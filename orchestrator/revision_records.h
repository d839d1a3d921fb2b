// The rows of crossfade.revisions: which revisions are applied, since when and by whom, and the few changes
// that commands make to them without running anything. One RevisionRecords is a set of named queries over one
// Session that the caller owns; it is used by one thread. Changes belong inside a transaction that has called
// hold(), so that of two processes the second sees what the first has done.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "migrations/revision_directory.h"
#include "migrations/revision_graph.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct RevisionRecord {
  std::string revision;
  std::string fingerprint;
  std::string applied_at;
  std::string applied_by;
  std::optional<std::int64_t> run;  ///< null where it was recorded without running
};

class RevisionRecords {
 public:
  explicit RevisionRecords(postgres::Session& session) : session_(session) {}

  /// In the order of their application; empty where there is no journal.
  std::vector<RevisionRecord> all();

  /// Until the transaction's end no other process is in here.
  void hold();

  void add(const std::string& revision, const std::string& fingerprint);
  void remove(const std::string& revision);
  void replace_fingerprint(const std::string& revision, const std::string& fingerprint);
  /// Into the audit trail, without a run.
  void event(const std::string& what, const boost::json::object& detail);

 private:
  postgres::Session& session_;
};

/// What is recorded of an Alembic project's revisions; these have no file in a directory of migrations.
inline constexpr std::string_view kAlembicPrefix = "alembic:";
bool is_of_alembic(const std::string& revision);

std::vector<std::string> names_of(const std::vector<RevisionRecord>& records);

/// The applied revisions that no other applied one revises, by name. Without a directory, the last one.
std::vector<std::string> current_revisions(const std::vector<std::string>& applied,
                                           const migrations::RevisionDirectory* directory);

}  // namespace crossfade::orchestrator
