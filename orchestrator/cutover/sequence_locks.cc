#include "orchestrator/cutover/sequence_locks.h"

#include <fmt/format.h>

#include "postgres/quoting.h"

namespace crossfade::orchestrator {

namespace {

// To become its own owner's changes nothing of a sequence, but needs its exclusive lock.
constexpr std::string_view kLockSequence =
    "DO $crossfade$ BEGIN EXECUTE (SELECT 'ALTER SEQUENCE ' || c.oid::pg_catalog.regclass || ' OWNER TO ' || "
    "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) FROM pg_catalog.pg_class c WHERE c.oid = "
    "{}::pg_catalog.regclass); END $crossfade$; ";

}  // namespace

std::string sequence_locks(const strategies::ShadowTablePlan& plan) {
  std::string out;
  for (const strategies::SequenceMove& move : plan.sequences) {
    if (move.kind != "serial") continue;
    out += fmt::format(kLockSequence, postgres::quote_literal(move.source.quoted()));
  }
  return out;
}

}  // namespace crossfade::orchestrator
