// Cancels whatever a session runs once a deadline has passed, again and again, until it is destroyed. The
// server counts statement_timeout for each statement of a batch anew, and knows a timeout for the whole
// transaction only from version 17 on. The session must outlive it; one thread makes and destroys it.
#pragma once

#include <chrono>
#include <thread>

#include "orchestrator/run_context.h"
#include "postgres/session.h"

namespace crossfade::orchestrator {

class Watchdog {
 public:
  Watchdog(postgres::Session& session, std::chrono::steady_clock::time_point deadline)
      : thread_([&session, deadline](const std::stop_token& stop) {
          using std::chrono::milliseconds;
          sleep_unless_stopped(
              std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()), stop);
          while (!stop.stop_requested()) {
            session.cancel();
            sleep_unless_stopped(kCancelAgain, stop);
          }
        }) {}

 private:
  static constexpr std::chrono::milliseconds kCancelAgain{20};
  std::jthread thread_;
};

}  // namespace crossfade::orchestrator
