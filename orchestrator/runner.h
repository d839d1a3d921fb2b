// Executes one run, from whatever phase its journal is in to the phase that was asked for. This is the
// recipe: the loop over the phases, with every detail elsewhere. It owns the control session, whose advisory
// lock on the table is the proof of ownership; when a connection is lost it opens new ones, takes the run
// over again and goes on from the journal. One thread; the monitor and the workers are its own.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "orchestrator/journal.h"
#include "orchestrator/reporter.h"
#include "orchestrator/run_context.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

/// What a command asks of a run.
enum class Goal { cutover, contract, abort, verify };

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

class Runner {
 public:
  Runner(const postgres::SessionFactory& factory, Reporter& reporter, std::stop_token stop);

  /// Throws Failure: exit 3 differences, 4 stopped and resumable, 5 refused, 1 failed. The journal holds
  /// state and reason before it throws.
  RunResult execute(const RunRequest& request);

 private:
  class Execution;

  const postgres::SessionFactory& factory_;
  Reporter& reporter_;
  std::stop_token stop_;
};

}  // namespace crossfade::orchestrator
