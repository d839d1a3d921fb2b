// A database as its catalog describes it, for servers that no pg_dump at hand can read: one line for each
// object and column with everything about it that pg_dump would print. OIDs and physical numbers are left
// out. Free function; the session belongs to the caller.
#pragma once

#include <string>

#include "postgres/session.h"

namespace crossfade::tests {

/// Without schemas called crossfade….
std::string catalog_description(postgres::Session& session);

}  // namespace crossfade::tests
