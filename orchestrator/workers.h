// Runs the same work on several threads of an Asio pool and waits for all. The first exception asks the
// others to stop and is thrown again to the caller once every thread has ended. Callable from one thread.
#pragma once

#include <functional>
#include <stop_token>

namespace crossfade::orchestrator {

/// `work` gets its number, 0 to count-1, and a token that stops with `stop` or with the first failure.
void run_on_workers(int count, std::stop_token stop, const std::function<void(int, std::stop_token)>& work);

}  // namespace crossfade::orchestrator
