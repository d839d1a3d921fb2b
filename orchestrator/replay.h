// Replay: brings the shadow to what the source holds now, for batches of logged keys (docs/protocol.md). A
// Replayer owns one session and a fixed share of the keys' hash buckets, so that a key belongs to exactly one
// replayer at a time (rule 12). Statements of a batch are separate and in order: consume, delete, insert,
// requeue (rule 9). One thread each.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "orchestrator/run_context.h"
#include "orchestrator/unique_conflicts.h"

namespace crossfade::orchestrator {

struct ReplayBatch {
  std::int64_t consumed = 0;  ///< log rows taken
  std::int64_t keys = 0;      ///< distinct ones
  std::int64_t requeued = 0;  ///< put back: another row holds a unique value
  bool full = false;          ///< as large as it was allowed to be: there may be more to consume
};

class Replayer {
 public:
  /// `share` of `shares`: which buckets are this one's.
  Replayer(const RunContext& context, int share, int shares);

  /// One transaction, tried again where it met a lock, a deadlock or a serialization failure. Nothing
  /// consumed means that nothing was visible in this replayer's share. Throws SourceChanged, Failure (exit 5
  /// where a row does not fit, or a new unique constraint is violated for good), DatabaseError.
  ReplayBatch replay_batch();

  /// Batches until the share is nearly empty, `stop`, or until what is left makes no progress. Returns keys
  /// replayed.
  std::int64_t drain(const std::stop_token& stop);

  /// To be asked after each batch: whether another one is of no use for now, because the log is short (the
  /// batch was not full, and fewer rows were consumed than `enough`), or because the keys in it are put back
  /// again and again.
  bool settled(const ReplayBatch& batch, std::int64_t enough);

  /// Makes the consumed rows' space free for new ones, so that a scan of the log passes over few dead rows.
  void vacuum_log();

 private:
  ReplayBatch replay(std::int64_t limit);
  void follow_requeued(const std::set<KeyTexts>& keys, const postgres::Rows& requeued);
  void pause_at_random(int longest_ms);

  const RunContext& context_;
  int share_;
  int shares_;
  std::unique_ptr<postgres::Session> session_;
  std::int64_t first_page_ = 0;
  std::int64_t consumed_since_vacuum_ = 0;
  std::map<KeyTexts, int> requeued_;  ///< how often in succession; counted for each key by itself
  int patience_;                      ///< so often, before the key's conflict is looked into
  int rounds_without_progress_ = 0;
  std::minstd_rand random_;
};

/// How many replayers may share the work: 1 where the key's types have no hash function.
int usable_replayers(const RunContext& context, postgres::Session& session);

/// Replays with the run's workers until the log is short: until a full look at it finds less than one batch.
void catch_up(RunContext& context);

}  // namespace crossfade::orchestrator
