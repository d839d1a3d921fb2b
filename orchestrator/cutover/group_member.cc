#include "orchestrator/cutover/group_member.h"

#include <boost/json.hpp>

#include "orchestrator/replay.h"
#include "orchestrator/run_execution.h"
#include "orchestrator/verify_run.h"
#include "postgres/connection.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

GroupMember::GroupMember(const GroupSurroundings& surroundings, Run run) : run_(std::move(run)) {
  owner_ = surroundings.factory.open({.application_name = "crossfade/owner"});
  hold_table(*owner_, run_.table_oid, run_.table());
  sessions_ = std::make_unique<RunSessions>(surroundings.factory, run_, take_over(*owner_, run_.run));
  control_ = sessions_->open("control");
  journal_ = std::make_unique<Journal>(*control_);
  run_ = journal_->load(run_.run).value();
  try {
    plan_ = boost::json::value_to<strategies::ShadowTablePlan>(run_.plan);
  } catch (const boost::system::system_error&) {
    throw planned_by_another_version(run_);
  }
  context_ = std::make_unique<RunContext>(
      RunContext{plan_, *sessions_, surroundings.options, *control_, *journal_, surroundings.progress,
                 surroundings.reporter, surroundings.stop, postgres::read_server_facts(*control_).encoding,
                 boost::json::value_to<checkers::TableFingerprint>(run_.source_fingerprint)});
}

void GroupMember::bring_up_to_date(double good_for_s) {
  catch_up(*context_);
  const bool fresh = run_.verified_age_s && *run_.verified_age_s <= good_for_s;
  if (fresh || context_->options.skip_verification) return;
  const checkers::VerificationReport report = verify_run(*context_, true);
  if (!record_verification(*context_, report)) throw differences_found(plan_, report);
}

}  // namespace crossfade::orchestrator
