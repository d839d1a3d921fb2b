// The journal's schema in the database: there or not, current or not, created and upgraded by the numbered
// scripts that the binary carries. Free functions over the caller's session, which has no transaction open.
#pragma once

#include "postgres/session.h"

namespace crossfade::orchestrator {

/// Creates or migrates the journal's schema. Idempotent and safe when raced. Throws Failure (exit 5) where
/// the schema is newer than this binary or the role may not create it. Returns whether anything was changed.
bool initialise_journal(postgres::Session& session);

/// For commands that create nothing: throws Failure (exit 5) where the journal is newer than this binary, or
/// so old that it must be upgraded by `init` or `up` first.
void require_current_journal(postgres::Session& session);

/// False where the schema is not there: reading commands then show nothing and create nothing.
bool journal_exists(postgres::Session& session);

}  // namespace crossfade::orchestrator
