// Chooses the unique index whose order batches follow: over NOT NULL columns that the statement does not set,
// so that no row moves while the batches pass over it. Pure function, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postgres/catalog.h"
#include "postgres/problem.h"
#include "strategies/batched_update.h"

namespace crossfade::strategies {

struct BatchKeyChoice {
  std::string index;
  std::vector<BatchKeyColumn> columns;  ///< empty: refused
  std::optional<Problem> refusal;
};

BatchKeyChoice choose_batch_key(const postgres::Table& table, const std::vector<std::string>& set_columns);

}  // namespace crossfade::strategies
