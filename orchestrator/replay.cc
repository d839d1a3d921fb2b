#include "orchestrator/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "orchestrator/rejected_rows.h"
#include "orchestrator/workers.h"
#include "postgres/error.h"
#include "strategies/transform.h"

namespace crossfade::orchestrator {

namespace {

constexpr int kBuckets = 64;
/// Dead rows in the log that are worth a vacuum; below it a scan passes over them in a millisecond or two.
constexpr std::int64_t kVacuumAfter = 20000;
/// Under constant writes the log is never empty; as short as this it is brought over under the lock in
/// milliseconds.
constexpr std::int64_t kShortLog = 100;
/// A key that was put back so often may be in conflict for good. Looking costs a pass over the log, so that
/// conflicts which turned out to pass are looked into less and less often.
constexpr int kPatienceWithKey = 5;
constexpr int kLongestPatienceWithKey = 320;
constexpr std::size_t kKeysLookedInto = 20;
constexpr int kRoundsWithoutProgress = 5;
/// In a row, for one batch. A lock is waited for as long as it takes.
constexpr int kDeadlocksEndured = 200;
constexpr int kPatienceMs = 40;  ///< for a lock, times the replayer's number

std::string bucket_expression(const strategies::ShadowTablePlan& plan) {
  return fmt::format("(pg_catalog.hash_record_extended(ROW({}), 0) & {})",
                     strategies::log_key_columns(plan, "l"), kBuckets - 1);
}

std::string key_texts(const strategies::ShadowTablePlan& plan) {
  std::string out;
  for (std::size_t index = 0; index < plan.key.size(); ++index) {
    out += fmt::format("{}l.key_{}::pg_catalog.text AS key_{}", index == 0 ? "" : ", ", index + 1, index + 1);
  }
  return out;
}

/// The distinct keys as one array parameter a column. Distinct by image, not by equality: 'A' and 'a' may be
/// one key on one side and two on the other (rule 3).
struct KeySet {
  std::set<KeyTexts> keys;
  postgres::Parameters parameters;
};

KeyTexts key_of(const postgres::Rows& rows, std::size_t row, std::size_t columns) {
  KeyTexts key;
  for (std::size_t column = 0; column < columns; ++column) key.push_back(rows.values(row)[column].value());
  return key;
}

KeySet distinct_keys(const postgres::Rows& rows, std::size_t columns) {
  KeySet out;
  for (std::size_t row = 0; row < rows.size(); ++row) out.keys.insert(key_of(rows, row, columns));
  for (std::size_t column = 0; column < columns; ++column) {
    std::vector<std::string> values;
    values.reserve(out.keys.size());
    for (const KeyTexts& key : out.keys) values.push_back(key[column]);
    out.parameters.push_back(postgres::array_literal(values));
  }
  return out;
}

std::int64_t page_of(const std::string& tid) {
  return std::stoll(tid.substr(1, tid.find(',') - 1));
}

}  // namespace

Replayer::Replayer(const RunContext& context, int share, int shares)
    : context_(context),
      share_(share),
      shares_(shares),
      session_(context.sessions.open(fmt::format("replay {}", share), true)),
      patience_(kPatienceWithKey),
      random_(static_cast<std::minstd_rand::result_type>(session_->backend_pid())) {
  // Whatever the statistics say: each key is looked up by the index, on both sides.
  session_->run(
      {"replay.plan",
       "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"});
  // Replayers wait for each other where a unique value went from one's key to another's, and may do so in a
  // circle. Each has a patience of its own, well below deadlock_timeout, so that one of them gives way.
  session_->run({"replay.patience", fmt::format("SET lock_timeout = '{}ms'", kPatienceMs * (share + 1))});
}

ReplayBatch Replayer::replay_batch() {
  std::int64_t limit = context_.options.replay_batch;
  for (int deadlocks = 0;;) {
    try {
      return replay(limit);
    } catch (const postgres::DatabaseError& error) {
      if (error.connection_dead()) throw;
      if (error.lock_not_available() || error.sqlstate() == "40P01" || error.sqlstate() == "40001") {
        if (!error.lock_not_available() && ++deadlocks > kDeadlocksEndured) throw;
        // Nothing was consumed, the transaction has rolled back. A smaller batch meets fewer others, and
        // after pauses of different lengths the same two do not meet again.
        context_.check_stop();
        pause_at_random(20);
        limit = std::max<std::int64_t>(1, limit / 2);
        continue;
      }
      if (!error.data_error()) throw;
      // Some row does not fit. Smaller batches isolate it; nothing was consumed, the transaction has rolled
      // back.
      if (limit > 1) {
        limit = std::max<std::int64_t>(1, limit / 16);
        continue;
      }
      throw_rejected_row(context_, error,
                         fmt::format("JOIN {} AS k ON {}", context_.plan.log.quoted(),
                                     strategies::source_matches_key(
                                         context_.plan, strategies::source_alias(context_.plan), "k")));
    }
  }
}

ReplayBatch Replayer::replay(std::int64_t limit) {
  const auto& plan = context_.plan;
  ReplayBatch batch;
  WorkerTransaction transaction(*session_, context_.sessions, "replay");
  lock_and_check_source(context_, *session_, "replay");

  const std::string share =
      shares_ == 1 ? "" : fmt::format(" AND {} % {} = {}", bucket_expression(plan), shares_, share_);
  const postgres::Rows consumed = session_->run(
      {"replay.consume", fmt::format("DELETE FROM {0} AS l WHERE l.ctid = ANY (ARRAY(SELECT l.ctid FROM {0} "
                                     "AS l WHERE l.ctid >= '({1},0)'::pg_catalog.tid{2}"
                                     " LIMIT {3})) RETURNING {4}, l.ctid AS place",
                                     plan.log.quoted(), first_page_, share, limit, key_texts(plan))});
  batch.consumed = static_cast<std::int64_t>(consumed.size());
  batch.full = batch.consumed >= limit;
  if (batch.consumed == 0) {
    transaction.rollback();
    if (first_page_ > 0) {
      // Behind the last batch nothing is left; rows that became visible later may stand before it.
      first_page_ = 0;
      return replay(limit);
    }
    return batch;
  }
  const KeySet keys = distinct_keys(consumed, plan.key.size());
  batch.keys = static_cast<std::int64_t>(keys.keys.size());
  const std::string from_keys = strategies::keys_from_parameters(plan, "k");
  const std::string distinct_keys_query =
      fmt::format("(SELECT DISTINCT {} FROM {})", strategies::log_key_columns(plan, "k"), from_keys);

  session_->run({"replay.delete", fmt::format("DELETE FROM {} AS s USING {} WHERE {}", plan.shadow.quoted(),
                                              from_keys, strategies::shadow_matches_key(plan, "s", "k"))},
                keys.parameters);
  session_->run(
      {"replay.insert", fmt::format("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE {} ON CONFLICT DO NOTHING",
                                    plan.shadow.quoted(), strategies::copied_columns(plan),
                                    strategies::transform_select(
                                        plan, fmt::format("JOIN {} AS k ON {}", distinct_keys_query,
                                                          strategies::source_matches_key(
                                                              plan, strategies::source_alias(plan), "k"))))},
      keys.parameters);
  const postgres::Rows requeued = session_->run(
      {"replay.requeue",
       fmt::format("INSERT INTO {} AS l SELECT {} FROM {} WHERE EXISTS (SELECT 1 FROM {} AS o WHERE {})"
                   " AND NOT EXISTS (SELECT 1 FROM {} AS s WHERE {}) RETURNING {}",
                   plan.log.quoted(), strategies::log_key_columns(plan, "k"), from_keys,
                   plan.source.name.quoted(), strategies::source_matches_key(plan, "o", "k"),
                   plan.shadow.quoted(), strategies::shadow_matches_key(plan, "s", "k"), key_texts(plan))},
      keys.parameters);
  batch.requeued = static_cast<std::int64_t>(requeued.affected());
  Journal(*session_).add_keys_replayed(context_.run(), batch.keys - batch.requeued, batch.requeued);
  transaction.commit();

  first_page_ = !batch.full ? 0 : page_of(consumed[consumed.size() - 1].text("place"));
  follow_requeued(keys.keys, requeued);
  // Whoever holds the values may belong to another replayer, which needs a moment.
  if (batch.requeued == batch.keys) pause_at_random(5);
  consumed_since_vacuum_ += batch.consumed;
  if (consumed_since_vacuum_ >= kVacuumAfter) vacuum_log();
  return batch;
}

void Replayer::follow_requeued(const std::set<KeyTexts>& keys, const postgres::Rows& requeued) {
  std::map<KeyTexts, int> still;
  std::vector<KeyTexts> suspects;
  for (std::size_t row = 0; row < requeued.size(); ++row) {
    KeyTexts key = key_of(requeued, row, context_.plan.key.size());
    const auto before = requeued_.find(key);
    const int times = before == requeued_.end() ? 1 : before->second + 1;
    if (times >= patience_ && suspects.size() < kKeysLookedInto) suspects.push_back(key);
    still.emplace(std::move(key), times);
  }
  for (const KeyTexts& key : keys) requeued_.erase(key);
  requeued_.merge(still);
  if (requeued_.empty()) patience_ = kPatienceWithKey;
  if (suspects.empty()) return;
  throw_if_violated(context_, *session_, suspects, shares_ > 1);
  requeued_.clear();
  patience_ = std::min(patience_ * 2, kLongestPatienceWithKey);
}

void Replayer::pause_at_random(int longest_ms) {
  const int pause_ms = std::uniform_int_distribution<int>(1, longest_ms)(random_);
  sleep_unless_stopped(std::chrono::milliseconds(pause_ms), context_.stop);
}

bool Replayer::settled(const ReplayBatch& batch, std::int64_t enough) {
  const bool short_log = !batch.full && batch.consumed < enough;
  if (batch.requeued == 0 || (!short_log && batch.requeued < batch.keys)) {
    rounds_without_progress_ = 0;
    return short_log;
  }
  if (++rounds_without_progress_ <= kRoundsWithoutProgress) return false;
  rounds_without_progress_ = 0;
  return true;
}

std::int64_t Replayer::drain(const std::stop_token& stop) {
  std::int64_t keys = 0;
  while (!stop.stop_requested()) {
    const ReplayBatch batch = replay_batch();
    keys += batch.keys - batch.requeued;
    if (settled(batch, kShortLog + 1)) break;
  }
  return keys;
}

void Replayer::vacuum_log() {
  consumed_since_vacuum_ = 0;
  // No truncation: it would want an exclusive lock, and writers of the application stand behind it (rule 14).
  session_->run({"replay.vacuum_log", "VACUUM (TRUNCATE false) " + context_.plan.log.quoted()});
}

int usable_replayers(const RunContext& context, postgres::Session& session) {
  try {
    session.run({"replay.hashable", fmt::format("SELECT {} FROM {} AS l LIMIT 1",
                                                bucket_expression(context.plan), context.plan.log.quoted())});
    std::string nulls;
    for (const strategies::KeyMapping& column : context.plan.key)
      nulls += (nulls.empty() ? "NULL::" : ", NULL::") + column.source_type;
    session.run(
        {"replay.hashable", fmt::format("SELECT pg_catalog.hash_record_extended(ROW({}), 0)", nulls)});
    return std::max(1, context.options.replay_workers);
  } catch (const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw;
    return 1;
  }
}

void catch_up(RunContext& context) {
  const int replayers = usable_replayers(context, context.control);
  run_on_workers(replayers, context.stop, [&](int number, const std::stop_token& stop) {
    Replayer replayer(context, number, replayers);
    while (!stop.stop_requested()) {
      const ReplayBatch batch = replayer.replay_batch();
      context.progress.add_rows(batch.keys - batch.requeued);
      if (replayer.settled(batch, context.options.replay_batch)) break;
    }
  });
  context.check_stop();
}

}  // namespace crossfade::orchestrator
