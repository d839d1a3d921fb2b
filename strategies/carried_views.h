// The part of carry_objects for what is bound to the table by its oid: views on views, materialized views
// with their indexes, functions whose signature has the type of its rows. Their counterparts are made in
// schemas of the run, so that under the lock they only move. Pure functions, thread-safe.
#pragma once

#include <string>

#include "strategies/carried_objects.h"

namespace crossfade::strategies {

/// Adds to `out`, whose schemas are known and whose other lists may be filled already.
void carry_views(const CarryRequest& request, CarriedObjects& out);

/// SECURITY LABEL on a relation of this kind ("TABLE", "VIEW", "MATERIALIZED VIEW") or its column.
std::string label_statement(const postgres::SecurityLabel& label, std::string_view kind,
                            const std::string& relation);

}  // namespace crossfade::strategies
