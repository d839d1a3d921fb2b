// Which statements of a revision are planned together, and where a part of it begins and ends. Reads the
// catalog; one thread.
#pragma once

#include <cstddef>
#include <vector>

#include "orchestrator/planning/earlier_changes.h"
#include "orchestrator/planning/revision_statements.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

/// The index behind the neighbours from `first` on that one trial can try together, with the UPDATE that
/// fills a column which one of them adds.
std::size_t end_of_segment(postgres::Session& session, const std::vector<RevisionStatement>& statements,
                           std::size_t first);

/// It is planned by what the catalog says shortly before: the table that takes the other's place, and the
/// partitions, which schedulers and earlier statements add to.
bool begins_part(postgres::Session& session, const RevisionStatement& statement);

/// Its steps are one for each partition, and statements before it, which have not run yet, make, take away or
/// key a partition.
bool waits_for_partitions(postgres::Session& session, const EarlierChanges& earlier,
                          const RevisionStatement& statement);

/// What follows is planned by names and definitions that hold only once this is carried out: the part ends
/// here, and the next one is planned anew.
bool ends_part(const RevisionStatement& statement);

}  // namespace crossfade::orchestrator
