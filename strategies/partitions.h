// Partitions attached and detached without reading rows under a strong lock. Pure functions, thread-safe.
#pragma once

#include "migrations/new_partition.h"
#include "strategies/in_place.h"

namespace crossfade::strategies {

/// A validated check with the partition's own bounds first, so that ATTACH reads nothing.
InPlaceSteps plan_attach_partition(const StatementContext& context);

/// CREATE TABLE … PARTITION OF a live table as two steps, so that writers of the parent go on.
InPlaceSteps plan_new_partition(const StatementContext& context, const migrations::NewPartition& partition);

/// CONCURRENTLY where there is no default partition.
InPlaceSteps plan_detach_partition(const StatementContext& context);

}  // namespace crossfade::strategies
