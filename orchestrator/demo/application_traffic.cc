#include "orchestrator/demo/application_traffic.h"

#include <algorithm>
#include <utility>

#include "orchestrator/demo/traffic_clock.h"

namespace crossfade::orchestrator::demo {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kFailuresKept = 5;

}  // namespace

ApplicationTraffic::ApplicationTraffic(TrafficOptions options)
    : options_(std::move(options)), started_(TrafficClock::now()), highest_id_(options_.highest_id) {
  options_.connection_string += " connect_timeout=10 application_name='orders application'";
  for (int client = 0; client < options_.connections; ++client)
    clients_.push_back(std::make_unique<Client>());
}

ApplicationTraffic::~ApplicationTraffic() {
  stop();
}

void ApplicationTraffic::start() {
  started_ = TrafficClock::now();
  for (int number = 0; number < options_.connections; ++number) {
    Client& client = *clients_[static_cast<std::size_t>(number)];
    threads_.emplace_back(
        [this, &client, number](const std::stop_token& stop) { run_client(client, number, stop); });
  }
}

void ApplicationTraffic::stop() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();  // joins
}

void ApplicationTraffic::run_client(Client& client, int number, const std::stop_token& stop) {
  const std::uint64_t seed = options_.seed * 1000 + static_cast<std::uint64_t>(number);
  const auto interval = std::chrono::duration_cast<TrafficClock::duration>(
      std::chrono::duration<double>(options_.connections / options_.transactions_per_second));
  // The connections take turns, so that the server sees an even stream.
  TrafficClock::time_point due = started_ + interval * number / options_.connections;
  auto session = connect(client, seed);
  TrafficClock::time_point next_attempt = TrafficClock::now() + 1s;
  while (wait_until(due, stop)) {
    if (session) {
      run_transaction(client, session);
      if (!session) next_attempt = TrafficClock::now();
    } else if (TrafficClock::now() >= next_attempt) {
      session = connect(client, seed ^ static_cast<std::uint64_t>(due.time_since_epoch().count()));
      next_attempt = TrafficClock::now() + 1s;
    } else {
      const std::scoped_lock lock(client.mutex);
      ++client.counts.skipped;
    }
    due += interval;
    // Lost time is not made up for by a burst that no real application would send.
    due = std::max(due, TrafficClock::now() - 100ms);
  }
}

std::unique_ptr<ApplicationSession> ApplicationTraffic::connect(Client& client, std::uint64_t seed) {
  try {
    return std::make_unique<ApplicationSession>(options_.connection_string, seed, client.record);
  } catch (const QueryFailed& failure) {
    record_failure(client, failure);
    return nullptr;
  }
}

void ApplicationTraffic::run_transaction(Client& client, std::unique_ptr<ApplicationSession>& session) {
  try {
    const auto outcome = session->run_transaction(highest_id_.load());
    std::int64_t highest = highest_id_.load();
    while (outcome.highest_id > highest && !highest_id_.compare_exchange_weak(highest, outcome.highest_id)) {
    }
    const std::scoped_lock lock(client.mutex);
    client.changes += outcome.changes;
  } catch (const QueryFailed& failure) {
    record_failure(client, failure);
    if (failure.connection_lost()) session.reset();
  }
}

void ApplicationTraffic::record_failure(Client& client, const QueryFailed& failure) {
  const std::scoped_lock lock(client.mutex);
  ++client.counts.failed;
  if (failure.in_doubt()) ++client.changes.in_doubt;
  if (client.failures.size() >= kFailuresKept) return;
  std::string message = failure.what();
  while (!message.empty() && message.back() == '\n') message.pop_back();
  const double second = std::chrono::duration<double>(TrafficClock::now() - started_).count();
  client.failures.push_back({second, failure.query(), failure.sqlstate(), std::move(message)});
}

TrafficSnapshot ApplicationTraffic::snapshot() const {
  const auto now = TrafficClock::now();
  TrafficSnapshot snapshot{.counts = {}, .last_second = latency({{now - 1s, now}})};
  for (const auto& client : clients_) {
    const std::scoped_lock lock(client->mutex);
    snapshot.counts.failed += client->counts.failed;
    snapshot.counts.skipped += client->counts.skipped;
    const LatencyRecord::Totals totals = client->record.totals();
    snapshot.counts.queries += totals.queries;
    snapshot.counts.transactions += totals.transactions;
  }
  return snapshot;
}

LatencySummary ApplicationTraffic::latency(std::initializer_list<Interval> intervals) const {
  LatencyRecord::Window window;
  TrafficClock::duration length{};
  for (const Interval& interval : intervals) {
    if (interval.from >= interval.to) continue;
    length += interval.to - interval.from;
    for (const auto& client : clients_) client->record.collect(interval.from, interval.to, window);
  }
  return summarise(std::move(window), length);
}

std::vector<FailedQuery> ApplicationTraffic::failures() const {
  std::vector<FailedQuery> all;
  for (const auto& client : clients_) {
    const std::scoped_lock lock(client->mutex);
    all.insert(all.end(), client->failures.begin(), client->failures.end());
  }
  std::sort(all.begin(), all.end(),
            [](const FailedQuery& left, const FailedQuery& right) { return left.second < right.second; });
  return all;
}

OwnChanges ApplicationTraffic::own_changes() const {
  OwnChanges total;
  for (const auto& client : clients_) {
    const std::scoped_lock lock(client->mutex);
    total += client->changes;
  }
  return total;
}

}  // namespace crossfade::orchestrator::demo
