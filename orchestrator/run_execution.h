// One process's work on one run, until it ends or the connection is lost: one implementation for each way
// that a run can be carried out. The Runner makes one, and another after a lost connection. One thread.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "orchestrator/journal.h"
#include "orchestrator/ownership.h"
#include "orchestrator/reporter.h"
#include "orchestrator/run_context.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

/// What a command asks of a run.
enum class Goal { cutover, contract, abort, revert, verify };

struct RunRequest {
  std::int64_t run = 0;
  Goal goal = Goal::cutover;
  RunOptions options;
};

struct RunResult {
  Run run;                                         ///< as journalled at the end
  std::optional<boost::json::value> verification;  ///< Goal::verify: the full report
  double total_ms = 0;
};

/// What an execution is made of.
struct ExecutionRequest {
  const postgres::SessionFactory& factory;
  Reporter& reporter;
  const std::stop_token& stop;
  const RunRequest& request;
  std::string own_epoch;  ///< of this process's last execution; empty for the first
};

class RunExecution {
 public:
  virtual ~RunExecution() = default;

  /// Sets `progressed` once something was done that need not be done again. Throws as Runner::execute.
  virtual RunResult run(bool& progressed) = 0;
  virtual const Run& journalled() const = 0;
  virtual const std::string& epoch() const = 0;
  /// So that `status` says why the run stands still. Best effort: the connection may be what failed.
  virtual void record_stop(State state, const std::string& reason) noexcept = 0;
};

/// Takes the run over. Throws Failure (exit 4, 5), DatabaseError.
std::unique_ptr<RunExecution> make_execution(const ExecutionRequest& request);
std::unique_ptr<RunExecution> make_shadow_execution(const ExecutionRequest& request,
                                                    std::unique_ptr<postgres::Session> control, Run run);
std::unique_ptr<RunExecution> make_in_place_execution(const ExecutionRequest& request,
                                                      std::unique_ptr<postgres::Session> control, Run run);

// What both kinds of run may end in; each names the run.
Failure resumable(const Run& run, std::string code, std::string message, std::string found, std::string next);
Failure taken_over_meanwhile(const Run& run);
Failure planned_by_another_version(const Run& run);
Failure paused_by_operator(const Run& run);

}  // namespace crossfade::orchestrator
