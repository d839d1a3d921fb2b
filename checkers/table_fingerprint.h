// A table's identity for one run: what must stay as it is for captured keys to be complete and copied rows to
// be right (docs/protocol.md, rule 5). Every transaction that copies, replays or cuts over takes its table
// lock first, then reads the fingerprint in one quick query and compares it with the run's. That of a
// partitioned table is about its partitions as well. Indexes, statistics, comments, grants and constraints
// may come and go; they do not show. Values and pure functions, thread-safe.
#pragma once

#include <boost/describe.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "postgres/session.h"

namespace crossfade::checkers {

/// All members are empty where the table does not exist (any more).
struct TableFingerprint {
  std::string name;          ///< quoted and schema-qualified
  std::string filenode;      ///< changes with every rewrite and TRUNCATE
  std::string triggers;      ///< digest of all triggers and their functions, by row versions
  std::string columns;       ///< digest of what columns mean, and of their defaults
  std::string inheritance;   ///< digest of parents and children, and of when they became such
  std::string row_security;  ///< both flags, and a digest of the policies

  friend bool operator==(const TableFingerprint&, const TableFingerprint&) = default;
};
BOOST_DESCRIBE_STRUCT(TableFingerprint, (), (name, filenode, triggers, columns, inheritance, row_security))

enum class FingerprintReaction {
  restart_copy,  ///< rows may have been missed or moved: throw the copy away and begin it again
  stop,          ///< the run's plan does not fit the table any more
};

struct FingerprintChange {
  std::string component;  ///< a member's name: "filenode"
  FingerprintReaction reaction = FingerprintReaction::stop;
  std::string
      reason;  ///< part of a sentence about the table, for the operator: "was rewritten or truncated (…)"
};

/// One query, well below a millisecond. Does not depend on search_path. Throws DatabaseError.
TableFingerprint read_fingerprint(postgres::Session& session, std::uint32_t table_oid);

/// Null where nothing has changed. Of several changes the one that stops the run is named.
std::optional<FingerprintChange> compare(const TableFingerprint& expected, const TableFingerprint& found);

}  // namespace crossfade::checkers
