// goose's annotations: `-- +goose Up`, `Down`, `StatementBegin`, `StatementEnd`, `NO TRANSACTION`. goose
// reads lines and knows nothing of literals; crossfade reads SQL. Where the two would see different things
// the file is refused. Private to this folder. Pure functions, thread-safe.
#pragma once

#include <span>

#include "migrations/sections.h"

namespace crossfade::migrations {

/// Empty where the file has no annotation. Throws Failure(usage): "malformed-marker" for annotations in an
/// order or a place that goose refuses, or that only one of the two would see; "foreign-format" for ENVSUB
/// ON, which would change the SQL by the environment.
Sections read_goose_sections(const Source& source, std::span<const Token> tokens);

}  // namespace crossfade::migrations
