// Session over libpqxx. All that differs between libpqxx 6.4 and 7.x is in pqxx_session.cc. The connection is
// never re-activated: libpqxx 6 would silently reconnect and lose advisory locks and settings
// (docs/protocol.md, rule 7).
#pragma once

#include <memory>
#include <string>

#include "postgres/session.h"

namespace crossfade::postgres {

/// Connects. Throws DatabaseError where the server cannot be reached or refuses.
std::unique_ptr<Session> connect_pqxx(const std::string& connection_string);

}  // namespace crossfade::postgres
