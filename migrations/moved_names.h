// Aims a definition that the server has printed at objects in other schemas: the same names there. It reads
// tokens, not the grammar, so that the definitions of newer servers are understood as well. Pure functions,
// thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "postgres/quoting.h"

namespace crossfade::migrations {

struct MovedName {
  postgres::QualifiedName from;
  std::string schema;  ///< where the object of that name is meant to be found
};

/// The text with every qualified mention of one of the names in its new schema, 'schema.name'::regclass
/// included. Definitions printed under an empty search_path mention everything that way.
std::string with_moved_names(std::string_view text, std::span<const MovedName> names);

}  // namespace crossfade::migrations
