// The oracle: random schemas are rewritten by the real command while six sessions write to them. Afterwards
// the new table must hold, byte for byte, what the writers know and what the old table's transformation says.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <thread>

#include "tests/oracle/expectation.h"
#include "tests/oracle/random_schema.h"
#include "tests/oracle/writers.h"
#include "tests/support/json.h"
#include "tests/support/process.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

std::vector<std::uint64_t> seeds() {
  if (const char* seed = std::getenv("CROSSFADE_ORACLE_SEED")) return {std::strtoull(seed, nullptr, 10)};
  const std::uint64_t last = std::getenv("CROSSFADE_TEST_LONG") != nullptr ? 24 : 4;
  std::vector<std::uint64_t> out;
  for (std::uint64_t seed = 1; seed <= last; ++seed) out.push_back(seed);
  return out;
}

bool wait_until(milliseconds limit, const std::function<bool()>& condition) {
  const auto until = Clock::now() + limit;
  while (!condition()) {
    if (Clock::now() > until) return false;
    std::this_thread::sleep_for(milliseconds(2));
  }
  return true;
}

/// The kernel's one-letter state of a process; 'T' is stopped.
char state_of(pid_t process) {
  std::ifstream file(fmt::format("/proc/{}/stat", process));
  std::stringstream text;
  text << file.rdbuf();
  const auto end = text.str().rfind(')');
  return end == std::string::npos || end + 2 >= text.str().size() ? '?' : text.str()[end + 2];
}

class RewriteUnderWriters : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override {
    owner_ = database_.owner();
    application_ = database_.create_role("application");
    const auto session = database_.application_session(owner_);
    for (const std::string& statement : schema_.create) session->run({"oracle.create", statement});
    const std::string schema = postgres::quote_identifier(schema_.table.schema);
    session->run(
        {"oracle.grant", fmt::format("GRANT USAGE ON SCHEMA {} TO {}; GRANT SELECT, INSERT, UPDATE, DELETE "
                                     "ON {} TO {}",
                                     schema, application_, schema_.table.quoted(), application_)});
    expectation_.prepare();
    writers_.emplace(database_, application_, schema_);
    writers_->load(database_, owner_);
    std::filesystem::create_directory(directory_);
    std::ofstream(directory_ / "0001_rewrite.sql") << schema_.migration;
  }

  void TearDown() override {
    if (writers_) writers_->stop();
    std::filesystem::remove_all(directory_);
    if (HasFailure()) ADD_FAILURE() << schema_.describe();
  }

  Command crossfade(std::vector<std::string> arguments, const std::string& command) {
    arguments.insert(arguments.begin(),
                     {"--database", database_.connection_string(owner_), "--dir", directory_.string(),
                      "--format", "json", "--progress", "plain", command});
    for (const char* option : {"--replay-workers", "3", "--replay-batch", "50", "--verify-rows", "500",
                               "--cutover-attempts", "200"})
      arguments.emplace_back(option);
    Command out = crossfade_command(std::move(arguments));
    out.limit = seconds(180);
    return out;
  }

  /// `up` with a copy that is stopped half-way until enough rows have moved between pages, and a purge that
  /// waits until the rows that were copied twice are counted.
  Finished rewrite(std::vector<std::string> options) {
    Command command = crossfade(std::move(options), "up");
    for (const char* option : {"--workers", "3", "--chunk-pages", "1"})
      command.arguments.emplace_back(option);
    const std::int64_t pages = std::stoll(
        database_.scalar("SELECT pg_relation_size($1::regclass) / 8192", {schema_.table.quoted()}));
    command.environment["CROSSFADE_FAULT"] = fmt::format("copy.write.commit#{}:before:stop", pages / 2);
    writers_->start();
    Process process(std::move(command));
    if (!wait_until(seconds(60), [&] { return state_of(process.pid()) == 'T' || !process.running(); }) ||
        !process.running()) {
      ADD_FAILURE() << "the copy was not reached";
      return process.wait();
    }
    let_rows_move();
    const auto holder = database_.application_session();
    const std::string shadow = postgres::QualifiedName{"crossfade_1", schema_.table.name}.quoted();
    holder->run({"oracle.hold", "BEGIN; LOCK TABLE " + shadow + " IN ROW EXCLUSIVE MODE"});
    process.send_signal(SIGCONT);
    count_rows_copied_twice(*holder, shadow, process);
    holder->run({"oracle.release", "ROLLBACK"});
    rest_until_the_end(process);
    return process.wait();
  }

  /// Replay must win in the end, on a slow machine too: the writers rest longer and longer.
  void rest_until_the_end(Process& process) {
    milliseconds pause(4);
    do {
      writers_->set_pause(pause);
      pause = std::min(pause * 2, milliseconds(64));
    } while (!wait_until(seconds(4), [&] { return !process.running(); }));
  }

  /// Into pages that are still to be copied, too: without a vacuum there would be room in new ones alone.
  void let_rows_move() {
    database_.execute("VACUUM " + schema_.table.quoted());
    constexpr std::int64_t kMoves = 400;
    const std::int64_t before = writers_->counts().moved_rows;
    EXPECT_TRUE(wait_until(seconds(60), [&] {
      return writers_->counts().moved_rows - before >= kMoves || !writers_->failures().empty();
    })) << "rows do not move";
    moved_while_copying_ = writers_->counts().moved_rows - before;
  }

  void count_rows_copied_twice(postgres::Session& session, const std::string& shadow, Process& process) {
    const auto purge_waits = [&] {
      return session
                 .run({"oracle.waits",
                       "SELECT count(*) AS waiting FROM pg_locks WHERE relation = $1::regclass AND NOT "
                       "granted"},
                      {shadow})
                 .only()
                 .integer("waiting") > 0;
    };
    ASSERT_TRUE(wait_until(seconds(60), [&] { return !process.running() || purge_waits(); }));
    std::string key;
    for (const KeyColumn& column : schema_.key)
      key += (key.empty() ? "" : ", ") + postgres::quote_identifier(column.name);
    copied_twice_ =
        session
            .run({"oracle.twice", fmt::format("SELECT count(*) AS twice FROM (SELECT FROM {} GROUP BY {} "
                                              "HAVING count(*) > 1) AS keys",
                                              shadow, key)})
            .only()
            .integer("twice");
  }

  void expect_that_it_was_hard() {
    EXPECT_GT(moved_while_copying_, 0);
    EXPECT_GT(copied_twice_, 0);
    EXPECT_GE(
        std::stoll(database_.scalar("SELECT detail->>'rows' FROM crossfade.events WHERE what = 'purged'")),
        copied_twice_);
    EXPECT_GT(std::stoll(database_.scalar("SELECT keys_requeued FROM crossfade.runs")), 0);
    EXPECT_GT(std::stoll(database_.scalar("SELECT keys_replayed FROM crossfade.runs")), 0);
    EXPECT_GT(writers_->counts().key_changes, 0);
    EXPECT_GT(writers_->counts().handed_over, 0);
    EXPECT_GT(writers_->counts().reinserts, 0);
    EXPECT_GT(writers_->counts().rollbacks, 0);
  }

  /// An application that meets nothing but a plain table would have seen no error either.
  void expect_no_failed_query() { EXPECT_EQ(writers_->failures(), std::vector<std::string>{}); }

  void report(const Finished& finished) const {
    const WriterCounts counts = writers_->counts();
    std::printf(
        "seed %llu, %s: %lld ms; %lld commits (%lld after the cutover), %lld rollbacks; while stopped %lld "
        "rows "
        "moved; %lld keys copied twice\n",
        static_cast<unsigned long long>(GetParam()), schema_.key_kind.c_str(),
        static_cast<long long>(finished.elapsed.count()), static_cast<long long>(counts.commits),
        static_cast<long long>(counts.commits_in_new), static_cast<long long>(counts.rollbacks),
        static_cast<long long>(moved_while_copying_), static_cast<long long>(copied_twice_));
  }

  RandomSchema schema_ = make_random_schema(GetParam());
  ScratchDatabase database_;
  std::string owner_;
  std::string application_;
  std::filesystem::path directory_ = database_.server().folder() / (database_.name() + "_migrations");
  Expectation expectation_{database_, schema_};
  std::optional<Writers> writers_;
  std::int64_t moved_while_copying_ = 0;
  std::int64_t copied_twice_ = 0;
};

TEST_P(RewriteUnderWriters, EqualsTheWritersLedgerAcrossTheCutover) {
  const Finished finished = rewrite({});
  ASSERT_EQ(finished.exit_code, 0) << describe(finished) << ::testing::PrintToString(writers_->failures());
  constexpr std::int64_t kCommits = 300;
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return writers_->counts().commits_in_new >= kCommits || !writers_->failures().empty();
  })) << "nobody writes to the new table";
  writers_->stop();
  report(finished);
  expect_no_failed_query();
  EXPECT_EQ(expectation_.differences_from(writers_->ledger()), std::vector<std::string>{});
  expect_that_it_was_hard();
}

TEST_P(RewriteUnderWriters, EqualsTheTransformedOldTableAtThePostponedCutover) {
  const Finished postponed = rewrite({"--postpone-cutover"});
  ASSERT_EQ(postponed.exit_code, 4) << describe(postponed) << ::testing::PrintToString(writers_->failures());
  ASSERT_EQ(text_at(parse_document(postponed.output), "/error/code"), "postponed") << describe(postponed);
  const std::int64_t before = writers_->counts().commits;
  EXPECT_TRUE(wait_until(seconds(30), [&] {
    return writers_->counts().commits >= before + 500 || !writers_->failures().empty();
  }));
  writers_->stop();
  report(postponed);
  const Finished finished = run(crossfade({"1"}, "cutover"));
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  expect_no_failed_query();
  EXPECT_EQ(expectation_.differences_from_old_table({"crossfade_1_old", schema_.table.name}),
            std::vector<std::string>{});
  EXPECT_EQ(expectation_.differences_from(writers_->ledger()), std::vector<std::string>{});
  expect_that_it_was_hard();
}

INSTANTIATE_TEST_SUITE_P(Seeds, RewriteUnderWriters, ::testing::ValuesIn(seeds()),
                         [](const ::testing::TestParamInfo<std::uint64_t>& seed) {
                           return fmt::format("Seed{}", seed.param);
                         });

}  // namespace
}  // namespace crossfade::tests
