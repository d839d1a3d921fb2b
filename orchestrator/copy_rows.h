// Backfill: copies the source into the unindexed shadow, page range by page range, COPY to COPY through this
// process. Each worker owns two sessions and does one chunk a transaction; the chunk's rows and its journal
// row commit together, so a crash costs at most the chunk under way. Nothing is held between chunks: no lock,
// no snapshot.
#pragma once

#include "orchestrator/run_context.h"

namespace crossfade::orchestrator {

/// Returns when every chunk of the run is finished, by this process or another. Throws SourceChanged, Failure
/// (exit 4 on stop, exit 5 where the data does not fit the new table), DatabaseError.
void copy_all_chunks(RunContext& context);

}  // namespace crossfade::orchestrator
