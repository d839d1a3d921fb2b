#include "orchestrator/batched_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "orchestrator/batch_journal.h"
#include "orchestrator/batch_queries.h"
#include "orchestrator/lock_attempts.h"
#include "orchestrator/rejected_batch_row.h"
#include "orchestrator/run_context.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLongestBackOff{2000};
/// Searches that find no row to blame before the server's own words have to do.
constexpr int kUnexplainedRejections = 3;

class BatchRun {
 public:
  BatchRun(const strategies::BatchedUpdatePlan& plan, const BatchedUpdateContext& context,
           const std::function<void()>& finish)
      : plan_(plan),
        context_(context),
        finish_(finish),
        session_(context.session),
        journal_(context.session, context.run, context.step) {}

  std::int64_t run() {
    const std::stop_callback cancel(context_.stop, [this] { session_.cancel(); });
    lock_timeout_ = lock_timeout_ms(session_, {.lock_ms = context_.options.lock_budget_ms});
    last_success_ = Clock::now();
    while (!position_ || !position_->finished) {
      check_stop();
      const Clock::time_point begun = Clock::now();
      try {
        if (!position_) {
          open();
        } else {
          do_batch();
        }
      } catch (const postgres::DatabaseError& error) {
        recover(error);
        continue;
      }
      succeeded(Clock::now() - begun);
    }
    return position_->rows;
  }

 private:
  /// Finds where the step stands, or fixes its end: rows that are added behind it later are not waited for.
  void open() {
    WorkerTransaction transaction(session_, context_.sessions, "batch.open");
    std::optional<BatchPosition> found = journal_.load();
    if (!found) {
      enter_batch(plan_, session_, lock_timeout_);
      found = BatchPosition{.end_key = read_end_key(plan_, session_),
                            .rows_per_batch = context_.options.first_rows};
      journal_.begin(*found);
    }
    transaction.commit();
    position_ = std::move(found);
  }

  void do_batch() {
    const Clock::time_point begun = Clock::now();
    range_.reset();
    WorkerTransaction transaction(session_, context_.sessions, "batch");
    enter_batch(plan_, session_, lock_timeout_);
    BatchPosition after = *position_;
    const std::optional<BatchBound> bound = next_bound();
    if (bound) {
      after.finished = bound->passed < position_->rows_per_batch || bound->key == *position_->end_key;
      // The last range ends where the step ends: rows may have been added in between.
      range_ = BatchRange{position_->last_key, after.finished ? *position_->end_key : bound->key};
      after.rows += change_range(plan_, session_, *range_);
      after.rows_passed += bound->passed;
      after.last_key = range_->upper;
    } else {
      after.finished = true;
      after.last_key = position_->end_key;
    }
    if (!after.finished) after.rows_per_batch = fitting(Clock::now() - begun);
    journal_.advance(*position_, after);
    if (after.finished) {
      session_.run({"batch.durable", "SET LOCAL synchronous_commit TO DEFAULT"});
      finish_();
    }
    transaction.commit();
    position_ = std::move(after);
  }

  std::optional<BatchBound> next_bound() {
    if (!position_->end_key) return std::nullopt;
    return read_bound(plan_, session_, {position_->last_key, *position_->end_key}, position_->rows_per_batch);
  }

  std::int64_t within_limits(double rows) const {
    const BatchOptions& options = context_.options;
    return std::clamp(static_cast<std::int64_t>(rows), options.fewest_rows, options.most_rows);
  }

  /// At most twice as many rows as this time, because the next ones may be slower.
  std::int64_t fitting(Clock::duration took) const {
    const double wanted = std::chrono::duration<double>(context_.options.target).count();
    const double seconds = std::max(std::chrono::duration<double>(took).count(), 1e-6);
    const auto rows = static_cast<double>(position_->rows_per_batch);
    return within_limits(rows * std::clamp(wanted / seconds, 0.25, 2.0));
  }

  void succeeded(Clock::duration took) {
    last_success_ = Clock::now();
    back_off_ = kFirstBackOff;
    unexplained_ = 0;
    const std::int64_t passed = position_->rows_passed;
    if (context_.progress)
      context_.progress(passed, position_->finished ? passed : std::max(passed, plan_.estimated_rows));
    waiting("");
    if (position_->finished) return;
    const auto pause = std::chrono::duration_cast<milliseconds>(took * context_.options.pause_share);
    if (pause.count() == 0) return;
    waiting(fmt::format("a pause of {} ms between batches", pause.count()));
    sleep_unless_stopped(pause, context_.stop);
    waiting("");
  }

  /// Returns where the batch is worth another attempt.
  void recover(const postgres::DatabaseError& error) {
    if (error.connection_dead()) throw error;
    if (error.cancelled()) check_stop();
    if (error.retryable()) {
      back_off(error);
    } else if (range_ && rejects_row(error)) {
      search(error);
    } else {
      throw error;
    }
  }

  void back_off(const postgres::DatabaseError& error) {
    if (position_)
      position_->rows_per_batch = within_limits(static_cast<double>(position_->rows_per_batch) / 2);
    const std::string holders = describe_lock_holders(session_, plan_.table);
    if (Clock::now() - last_success_ > context_.options.patience) {
      throw Failure(ExitCode::resumable,
                    {.code = "lock-not-available",
                     .object = plan_.table.display(),
                     .message = "the next batch cannot be done: " + error.report().message,
                     .expected = fmt::format("rows that nobody locks for longer than {} ms", lock_timeout_),
                     .found = holders,
                     .next = "Wait for these sessions or end them, then run `crossfade up` again; it goes on "
                             "with this batch."});
    }
    const std::string what =
        error.lock_not_available() ? "locks on " + plan_.table.display() : error.report().message;
    waiting(fmt::format("{}, next with {} rows a batch: {}", what, position_ ? position_->rows_per_batch : 0,
                        holders));
    sleep_unless_stopped(back_off_, context_.stop);
    back_off_ = std::min(back_off_ * 2, kLongestBackOff);
  }

  void search(const postgres::DatabaseError& error) {
    waiting("the search for the row that is refused: " + error.report().message);
    std::optional<RejectedRow> row;
    try {
      row = find_rejected_row(plan_, session_, context_.sessions, *range_, lock_timeout_);
    } catch (const postgres::DatabaseError& stopped) {
      if (stopped.connection_dead()) throw;
      if (stopped.cancelled()) check_stop();
    }
    if (row || ++unexplained_ >= kUnexplainedRejections) throw rejected(plan_, *range_, error, row);
    sleep_unless_stopped(back_off_, context_.stop);
  }

  void check_stop() const {
    if (!context_.stop.stop_requested()) return;
    throw Failure(ExitCode::resumable, {.code = "stopped",
                                        .object = fmt::format("run {}", context_.run),
                                        .message = "stopped on request",
                                        .next = "Run `crossfade up` again; it goes on where it stopped."});
  }

  void waiting(const std::string& reason) const {
    if (context_.waiting) context_.waiting(reason);
  }

  const strategies::BatchedUpdatePlan& plan_;
  const BatchedUpdateContext& context_;
  const std::function<void()>& finish_;
  postgres::Session& session_;
  BatchJournal journal_;
  int lock_timeout_ = 0;
  std::optional<BatchPosition> position_;  ///< as committed, but for the size of the next batch
  std::optional<BatchRange> range_;        ///< of the last attempt
  Clock::time_point last_success_;
  milliseconds back_off_ = kFirstBackOff;
  int unexplained_ = 0;
};

}  // namespace

std::int64_t run_batched_update(const strategies::BatchedUpdatePlan& plan,
                                const BatchedUpdateContext& context, const std::function<void()>& finish) {
  return BatchRun(plan, context, finish).run();
}

}  // namespace crossfade::orchestrator
