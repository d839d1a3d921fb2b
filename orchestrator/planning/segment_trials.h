// Trials of a segment's statements on an empty copy of their table, as statements before them will have left
// it. Nothing stays; one thread. References are kept: the arguments must live as long.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "orchestrator/planning/earlier_changes.h"
#include "orchestrator/planning/revision_statements.h"
#include "orchestrator/planning/segment_plan.h"
#include "postgres/catalog.h"
#include "postgres/session.h"
#include "strategies/rehearsal.h"

namespace crossfade::orchestrator {

/// One command's: the table before it, and what it does to it.
struct CommandTrial {
  postgres::Table before;
  strategies::StatementOutcome outcome;
};

class SegmentTrials {
 public:
  SegmentTrials(postgres::Session& session, const EarlierChanges& earlier, const SegmentRequest& request,
                const postgres::Table& source)
      : session_(session), earlier_(earlier), request_(request), source_(source) {}

  /// Throws Failure (exit 5) where the server refuses a statement.
  strategies::ShapeRehearsal of(std::vector<migrations::Statement> statements) const;

  /// The table that an UPDATE or DELETE will meet, where statements before it change it; else null. Its
  /// batches follow a key that may have another type by then, or be new.
  std::optional<postgres::Table> table_by_then(const migrations::Statement& statement) const;

  /// What the server makes of the other clauses of a column that has a foreign key; null for all else.
  std::optional<CommandTrial> without_foreign_keys(const NumberedCommand& command) const;

  /// Indexes of the table that earlier statements drop.
  std::vector<std::string> dropped_indexes() const;

 private:
  postgres::Session& session_;
  const EarlierChanges& earlier_;
  const SegmentRequest& request_;
  const postgres::Table& source_;
};

}  // namespace crossfade::orchestrator
