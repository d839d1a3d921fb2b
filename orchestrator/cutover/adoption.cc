#include "orchestrator/cutover/adoption.h"

#include "orchestrator/carried_objects.h"
#include "orchestrator/cutover/swap.h"
#include "orchestrator/source_drift.h"

namespace crossfade::orchestrator {

std::string Adoption::digest_now(postgres::Session& session) const {
  std::string out;
  for (const RunContext* context : contexts_) out += drift_digest(session, context->plan.source.oid) + " ";
  return out;
}

bool Adoption::bring_up_to_date(postgres::Session& session) {
  const std::string digest = digest_now(session);
  if (digest == digest_) return true;
  std::vector<CarriedMember> group;
  std::vector<postgres::QualifiedName> names;
  for (RunContext* context : contexts_) {
    auto source = adopt_drift(*context, session);
    if (!source) return false;
    group.push_back({context, std::move(*source)});
    names.push_back(context->plan.source.name);
  }
  carried_ = prepare_carried_objects(group, session, digest);
  neighbours_ = find_neighbours(session, carried_, names);
  digest_ = digest;
  return true;
}

bool Adoption::still_holds(postgres::Session& session) {
  if (digest_now(session) == digest_) return true;
  digest_.clear();
  return false;
}

std::string Adoption::view_locks() const {
  std::string out;
  for (const strategies::CarriedObjects& each : carried_) out += joined(each.lock_first);
  return out;
}

}  // namespace crossfade::orchestrator
