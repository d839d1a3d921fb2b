// Chooses the key by which source, log and shadow know the same row (docs/protocol.md, rule 19): a unique
// index of the source over NOT NULL columns, each of which reaches the shadow by an injective, immutable
// mapping of itself alone. Pure functions, thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "postgres/problem.h"
#include "strategies/plan.h"
#include "strategies/rehearsal.h"

namespace crossfade::strategies {

struct KeyChoice {
  std::vector<KeyMapping> key;  ///< empty: refused
  std::vector<Problem> refusals;
};

KeyChoice choose_key(const ShapeRehearsal& rehearsal);

/// Whether casting `from` to `to` maps different values to different values, and keeps their order.
struct CastQuality {
  bool injective = false;
  bool order_preserved = false;
};
CastQuality cast_quality(const postgres::Column& from, const postgres::Column& to, bool session_in_utc);

}  // namespace crossfade::strategies
