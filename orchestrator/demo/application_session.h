// One connection of the demo's application and what it does in one transaction. Written the way an
// application is that survives a change of column types: every result column has a cast, so that a prepared
// statement's result type stays the same. One thread at a time; a session whose connection is lost is good
// for nothing but destruction.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>

#include "orchestrator/demo/latency_record.h"

namespace crossfade::orchestrator::demo {

/// What committed transactions have done to the table; the demo compares it with the table at the end.
struct OwnChanges {
  std::int64_t rows_inserted = 0;
  std::int64_t rows_deleted = 0;
  std::int64_t keys_changed = 0;
  std::int64_t changes_added = 0;    ///< rows updated: each adds one to orders.changes
  std::int64_t changes_removed = 0;  ///< orders.changes of the deleted rows
  std::int64_t in_doubt = 0;         ///< writing transactions whose connection was lost before the answer

  OwnChanges& operator+=(const OwnChanges& other);
};

/// A query that failed. The transaction has been rolled back, except where the connection is lost.
class QueryFailed : public std::runtime_error {
 public:
  QueryFailed(std::string query, std::string sqlstate, const std::string& message, bool connection_lost,
              bool in_doubt)
      : std::runtime_error(message),
        query_(std::move(query)),
        sqlstate_(std::move(sqlstate)),
        connection_lost_(connection_lost),
        in_doubt_(in_doubt) {}

  const std::string& query() const { return query_; }
  const std::string& sqlstate() const { return sqlstate_; }
  bool connection_lost() const { return connection_lost_; }
  /// The transaction may have committed nevertheless.
  bool in_doubt() const { return in_doubt_; }

 private:
  std::string query_;
  std::string sqlstate_;
  bool connection_lost_;
  bool in_doubt_;
};

class ApplicationSession {
 public:
  /// Connects and prepares the writing statements. `record` gets the latency of every query and must outlive
  /// the session. Throws QueryFailed.
  ApplicationSession(const std::string& connection_string, std::uint64_t seed, LatencyRecord& record);
  ApplicationSession(const ApplicationSession&) = delete;
  ApplicationSession& operator=(const ApplicationSession&) = delete;
  ~ApplicationSession();

  struct Outcome {
    OwnChanges changes;
    std::int64_t highest_id = 0;  ///< of the ids that the transaction took from the sequence; 0 for none
  };
  /// Runs one transaction, chosen at random, on orders with ids in [1, highest_id]. Throws QueryFailed.
  Outcome run_transaction(std::int64_t highest_id);

 private:
  class Connection;

  Outcome look_up(std::int64_t id);
  Outcome list_customer(std::int64_t id);
  Outcome update(std::int64_t id);
  Outcome insert();
  Outcome remove(std::int64_t id);
  Outcome change_key(std::int64_t id);
  Outcome several_statements(std::int64_t first, std::int64_t second);

  std::int64_t random_id(std::int64_t highest_id);

  std::unique_ptr<Connection> connection_;
  std::mt19937_64 random_;
};

}  // namespace crossfade::orchestrator::demo
