// Session and COPY streams over plain libpq, from open to commit (docs/protocol.md, rule 7): libpqxx has no
// binary COPY. The stream is passed through in the server's own pieces, gathered into blocks of 64 KiB on the
// way in, so that memory does not grow with the table.
#pragma once

#include <memory>
#include <string>

#include "postgres/session.h"

namespace crossfade::postgres {

/// Connects. Throws DatabaseError where the server cannot be reached or refuses.
std::unique_ptr<CopySession> connect_libpq(const std::string& connection_string);

}  // namespace crossfade::postgres
