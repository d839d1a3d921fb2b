// The definitions of a revision's tables, before its first step and after its last, as the journal keeps
// them: what `show` prints, with the lines that went and came. One thread.
#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

struct KeptDefinition {
  std::string table;                      ///< for people
  std::optional<postgres::Table> before;  ///< absent: not kept, or the run has not begun
  std::optional<postgres::Table> after;   ///< absent: dropped, or the run has not ended
  bool dropped = false;
};

/// In the order of the runs that carried the revision out; of the last `up` alone. Empty where the journal
/// is not there. Throws DatabaseError.
std::vector<KeptDefinition> kept_definitions(postgres::Session& session, const std::string& revision);

/// One line a column, constraint and index; `-` went, `+` came.
std::string definitions_text(const std::vector<KeptDefinition>& definitions);
/// [{"table", "before": [line …] or null, "after": …}]
boost::json::array definitions_document(const std::vector<KeptDefinition>& definitions);

}  // namespace crossfade::orchestrator
