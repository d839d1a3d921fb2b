// Alembic ends every text that it prints with a semicolon and an empty line. Where that text ends in a
// comment, the semicolon becomes part of the comment, and two statements run into one. Private to this
// folder. Pure function, thread-safe.
#pragma once

#include <string>

#include "migrations/source_text.h"

namespace crossfade::migrations {

/// The same text, byte for byte in its place, but for comments that had swallowed a semicolon: of these only
/// the semicolon is left. Throws Failure(usage, "alembic-script") where both readings are SQL.
std::string with_semicolons(const Source& source);

}  // namespace crossfade::migrations
