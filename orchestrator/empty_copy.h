// An empty copy of a live table on which single statements are tried, so that the server itself says what
// each does: whether it writes the rows anew, reads the table, builds an index. Works inside a transaction of
// the caller's, who rolls it back; locks the live table in ACCESS SHARE. Statements add up: each finds the
// copy as the ones before it left it. One thread; must not outlive the session.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "migrations/hazards.h"
#include "migrations/statement.h"
#include "postgres/catalog.h"
#include "postgres/error.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct Trial {
  migrations::HazardFacts facts;               ///< rewrites, scans and builds_index are set
  std::optional<postgres::ErrorReport> error;  ///< the server refused; nothing was changed, no fact is known
};

class EmptyCopy {
 public:
  /// `schema` must not exist; it is made. Throws DatabaseError, after which the transaction is good for
  /// nothing but a rollback, to a savepoint or of the whole.
  EmptyCopy(postgres::Session& session, const postgres::Table& source, const std::string& schema);

  /// The statement needs a `table`, and names no other relation. Throws DatabaseError where the connection
  /// is lost.
  Trial run(const migrations::Statement& statement);

 private:
  struct State {
    std::int64_t filenode = 0;
    std::set<std::string> index_filenodes;
    std::optional<std::int64_t> scans;  ///< unknown where the server counts nothing
  };
  State state();

  postgres::Session& session_;
  postgres::QualifiedName copy_;
  std::uint32_t oid_ = 0;
};

}  // namespace crossfade::orchestrator
