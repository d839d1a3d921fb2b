// Six application sessions that write to a random table without pause, each with a ledger of every change
// that the server has acknowledged. Every writer has its own keys; unique values wander between all of them,
// and a shared region of rows is changed by all, in an order that only the database knows and each row
// counts. The statements are built so that a plain table would never refuse one: any error is a finding. A
// Writers object belongs to one thread; counts() and failures() may be called from any. Order: load, start,
// stop, ledger.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/oracle/ledger.h"
#include "tests/oracle/random_schema.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

struct WriterCounts {
  std::int64_t commits = 0;
  std::int64_t rollbacks = 0;   ///< of whole transactions and to savepoints
  std::int64_t moved_rows = 0;  ///< updates that put the row onto another page
  std::int64_t key_changes = 0;
  std::int64_t handed_over = 0;  ///< unique values that another row took
  std::int64_t reinserts = 0;
  std::int64_t commits_in_new = 0;  ///< after the cutover
};

class Writer;
class WritersShared;

class Writers {
 public:
  /// `role` is the application's: it may read and write the table, and owns nothing.
  Writers(const ScratchDatabase& database, const std::string& role, const RandomSchema& schema);
  Writers(const Writers&) = delete;
  Writers& operator=(const Writers&) = delete;
  /// Stops the writers.
  ~Writers();

  /// Fills the table as `owner` and leaves holes on every page, so that updated rows find room on pages
  /// before and behind their own.
  void load(ScratchDatabase& database, const std::string& owner);
  void start();
  /// The rest between two transactions of one writer.
  void set_pause(std::chrono::microseconds pause);
  /// Lets each finish its transaction, and ends them.
  void stop();

  WriterCounts counts() const;
  /// What an application would have seen go wrong; empty is the only good answer.
  std::vector<std::string> failures() const;
  /// What must be in the table now; the writers have stopped.
  Ledger ledger() const;

 private:
  std::shared_ptr<WritersShared> shared_;
  std::vector<std::unique_ptr<Writer>> writers_;
};

}  // namespace crossfade::tests
