// SIGINT and SIGTERM as a stop request: the first asks, the second ends the process at once. Made by the main
// thread before any other exists, so that all of them inherit the blocked signals; one for each process.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace crossfade::orchestrator {

class SignalThread {
 public:
  SignalThread();
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;
  ~SignalThread();
  std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace crossfade::orchestrator
