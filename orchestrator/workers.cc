#include "orchestrator/workers.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <exception>
#include <mutex>

namespace crossfade::orchestrator {

void run_on_workers(int count, std::stop_token stop, const std::function<void(int, std::stop_token)>& work) {
  std::stop_source source;
  const std::stop_callback forward(stop, [&source] { source.request_stop(); });
  std::mutex mutex;
  std::exception_ptr first;
  boost::asio::thread_pool pool(static_cast<std::size_t>(count));
  for (int index = 0; index < count; ++index) {
    boost::asio::post(pool, [&, index] {
      try {
        work(index, source.get_token());
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!first) first = std::current_exception();
        source.request_stop();
      }
    });
  }
  pool.join();
  if (first) std::rethrow_exception(first);
}

}  // namespace crossfade::orchestrator
