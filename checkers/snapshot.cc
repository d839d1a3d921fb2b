#include "checkers/snapshot.h"

#include <string>
#include <vector>

namespace crossfade::checkers {

Snapshot::Snapshot(postgres::Session& session, const Comparison& comparison, const SnapshotHook& hook)
    : transaction_(session, "verify", postgres::Isolation::repeatable_read_read_only) {
  // Compiling the long expressions takes longer than it saves.
  session.run({"verify.settings", "SET LOCAL jit = off"});
  std::vector<postgres::QualifiedName> relations = comparison.relations;
  if (comparison.log) relations.push_back(*comparison.log);
  std::string names;
  for (const postgres::QualifiedName& relation : relations)
    names += (names.empty() ? "" : ", ") + relation.quoted();
  if (!names.empty()) session.run({"verify.lock", "LOCK TABLE " + names + " IN ACCESS SHARE MODE"});
  session.run({"verify.snapshot", "SELECT pg_catalog.pg_current_snapshot()"});
  if (hook) hook(session);
}

}  // namespace crossfade::checkers
