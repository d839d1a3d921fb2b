// The journal of batched changes: one row of crossfade.batches for each step. A set of named queries over one
// Session that the caller owns; its writes belong to whatever transaction that session has open, so that a
// batch and how far it came commit together. Used by one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "postgres/session.h"

namespace crossfade::orchestrator {

/// A key's columns as text.
using BatchKey = std::vector<std::string>;

struct BatchPosition {
  std::optional<BatchKey> last_key;  ///< everything up to it is done; null: nothing is
  std::optional<BatchKey> end_key;   ///< the last to be visited; null: the table was empty
  std::int64_t rows = 0;             ///< changed
  std::int64_t rows_passed = 0;      ///< visited, whether the statement's WHERE took them or not
  std::int64_t rows_per_batch = 0;
  bool finished = false;
};

class BatchJournal {
 public:
  BatchJournal(postgres::Session& session, std::int64_t run, std::string step);

  std::optional<BatchPosition> load();
  void begin(const BatchPosition& position);
  /// Throws std::logic_error unless the step stood at `before` and is not finished: nobody else may have
  /// moved it, and no batch is done twice.
  void advance(const BatchPosition& before, const BatchPosition& after);

 private:
  postgres::Session& session_;
  std::int64_t run_;
  std::string step_;
};

}  // namespace crossfade::orchestrator
