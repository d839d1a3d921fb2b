#include "orchestrator/command_line/signal_thread.h"

#include <unistd.h>

namespace crossfade::orchestrator {

namespace {

sigset_t block_signals() {
  sigset_t signals{};
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

void wait(const std::stop_token& done, std::stop_source& stop, const sigset_t& signals) {
  while (!done.stop_requested()) {
    int received = 0;
    if (sigwait(&signals, &received) != 0 || done.stop_requested()) continue;
    if (stop.stop_requested()) ::_exit(128 + received);
    stop.request_stop();
  }
}

}  // namespace

SignalThread::SignalThread()
    : thread_([stop = stop_, signals = block_signals()](const std::stop_token& done) mutable {
        wait(done, stop, signals);
      }) {}

SignalThread::~SignalThread() {
  thread_.request_stop();
  pthread_kill(thread_.native_handle(), SIGTERM);  // wakes it; blocked in every other thread
}

}  // namespace crossfade::orchestrator
