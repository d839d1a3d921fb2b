// An application at work on `public.orders`: several connections, each on a thread of its own, that run a
// paced mix of transactions and record the latency of every query. Closed loop: a slow answer delays that
// connection's next transaction, which is then sent late but never given up, so a stall shows in the
// latencies and in the achieved rate. Order of calls: construct, start, any readings from any thread, stop.
// The destructor stops.
#pragma once

#include <atomic>
#include <boost/describe.hpp>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "orchestrator/demo/application_session.h"
#include "orchestrator/demo/latency_record.h"

namespace crossfade::orchestrator::demo {

struct TrafficOptions {
  std::string connection_string;           ///< key/value form, as the application's own role
  int connections = 8;                     ///< at least 1
  double transactions_per_second = 800.0;  ///< of all connections together; above 0
  std::int64_t highest_id = 1;             ///< the table's ids lie in [1, highest_id] when the traffic starts
  std::uint64_t seed = 1;
};

struct FailedQuery {
  double second = 0;  ///< after the start of the traffic
  std::string query;
  std::string sqlstate;
  std::string message;
};
BOOST_DESCRIBE_STRUCT(FailedQuery, (), (second, query, sqlstate, message))

struct TrafficCounts {
  std::uint64_t queries = 0;       ///< sent and answered, with success or not
  std::uint64_t transactions = 0;  ///< committed
  std::uint64_t failed = 0;
  std::uint64_t skipped = 0;  ///< transactions that were due while their connection could not be opened
};

struct TrafficSnapshot {
  TrafficCounts counts;
  LatencySummary last_second;
};

class ApplicationTraffic {
 public:
  explicit ApplicationTraffic(TrafficOptions options);
  ApplicationTraffic(const ApplicationTraffic&) = delete;
  ApplicationTraffic& operator=(const ApplicationTraffic&) = delete;
  ~ApplicationTraffic();

  /// Opens the connections in the background; one that cannot be opened counts as a failed query.
  void start();
  /// Lets every connection finish its transaction, then closes it. Returns once all have ended.
  void stop();

  TrafficSnapshot snapshot() const;
  /// Of the queries that were answered in [from, to), failed ones too.
  struct Interval {
    TrafficClock::time_point from, to;
  };
  /// Over all the intervals together; one that ends before it begins is empty.
  LatencySummary latency(std::initializer_list<Interval> intervals) const;
  /// The first failures of each connection, in the order of time; `snapshot` counts all of them.
  std::vector<FailedQuery> failures() const;
  /// Complete only after `stop`.
  OwnChanges own_changes() const;

 private:
  struct Client {
    LatencyRecord record;
    mutable std::mutex mutex;  ///< for what follows
    TrafficCounts counts;      ///< `transactions` and `queries` are counted by the record
    OwnChanges changes;
    std::vector<FailedQuery> failures;
  };

  void run_client(Client& client, int number, const std::stop_token& stop);
  std::unique_ptr<ApplicationSession> connect(Client& client, std::uint64_t seed);
  void run_transaction(Client& client, std::unique_ptr<ApplicationSession>& session);
  void record_failure(Client& client, const QueryFailed& failure);

  TrafficOptions options_;
  TrafficClock::time_point started_;
  std::atomic<std::int64_t> highest_id_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::jthread> threads_;
};

}  // namespace crossfade::orchestrator::demo
