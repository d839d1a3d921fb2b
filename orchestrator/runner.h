// Executes one run, from whatever phase its journal is in to the phase that was asked for. When a connection
// is lost it opens new ones, takes the run over again and goes on from the journal (run_execution.h). One
// thread; the monitor and the workers are the execution's own.
#pragma once

#include <stop_token>

#include "orchestrator/reporter.h"
#include "orchestrator/run_execution.h"
#include "postgres/connection.h"

namespace crossfade::orchestrator {

class Runner {
 public:
  Runner(const postgres::SessionFactory& factory, Reporter& reporter, std::stop_token stop);

  /// Throws Failure: exit 3 differences, 4 stopped and resumable, 5 refused, 1 failed. The journal holds
  /// state and reason before it throws.
  RunResult execute(const RunRequest& request);

 private:
  const postgres::SessionFactory& factory_;
  Reporter& reporter_;
  std::stop_token stop_;
};

}  // namespace crossfade::orchestrator
