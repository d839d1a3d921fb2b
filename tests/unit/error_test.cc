#include "postgres/error.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "postgres/problem.h"

namespace crossfade::postgres {
namespace {

DatabaseError with_state(std::string sqlstate) {
  return DatabaseError(
      {.sqlstate = std::move(sqlstate), .query_name = "copy.chunk.finish", .message = "it failed"});
}

class RetryableState : public testing::TestWithParam<const char*> {};
class FinalState : public testing::TestWithParam<const char*> {};
class DeadState : public testing::TestWithParam<const char*> {};

TEST_P(RetryableState, IsWorthAnotherTryOnTheSameSession) {
  EXPECT_TRUE(with_state(GetParam()).retryable());
  EXPECT_FALSE(with_state(GetParam()).connection_dead());
}
// Serialization failure, deadlock, lock timeout, statement timeout, too many connections.
INSTANTIATE_TEST_SUITE_P(DatabaseError, RetryableState,
                         testing::Values("40001", "40P01", "55P03", "57014", "53300"));

TEST_P(FinalState, IsNotRetriedAndLeavesTheSessionUsable) {
  EXPECT_FALSE(with_state(GetParam()).retryable());
  EXPECT_FALSE(with_state(GetParam()).connection_dead());
}
// Syntax, missing table, privileges, unique violation, cast, disk full.
INSTANTIATE_TEST_SUITE_P(DatabaseError, FinalState,
                         testing::Values("42601", "42P01", "42501", "23505", "22P02", "53100"));

TEST_P(DeadState, NeedsAnotherSessionAndIsRetryable) {
  EXPECT_TRUE(with_state(GetParam()).connection_dead());
  EXPECT_TRUE(with_state(GetParam()).retryable());
}
// Connection exceptions, terminated, crashed, starting up, database dropped, idle timeouts.
INSTANTIATE_TEST_SUITE_P(DatabaseError, DeadState,
                         testing::Values("08000", "08006", "57P01", "57P02", "57P03", "57P04", "57P05",
                                         "25P03", "25P04"));

TEST(DatabaseError, ALostConnectionIsDeadWhateverTheState) {
  const DatabaseError error({.sqlstate = "XX000", .connection_lost = true});
  EXPECT_TRUE(error.connection_dead());
  EXPECT_TRUE(error.retryable());
  EXPECT_FALSE(error.in_doubt());
}

TEST(DatabaseError, ALostCommitIsInDoubt) {
  const DatabaseError error({.sqlstate = "08006", .connection_lost = true, .commit_in_doubt = true});
  EXPECT_TRUE(error.in_doubt());
}

TEST(DatabaseError, ClassesTwentyTwoAndTwentyThreeAreDataErrors) {
  EXPECT_TRUE(with_state("22003").data_error());
  EXPECT_TRUE(with_state("23514").data_error());
  EXPECT_FALSE(with_state("42703").data_error());
  EXPECT_FALSE(with_state("40001").data_error());
}

TEST(DatabaseError, NamesSingleStates) {
  EXPECT_TRUE(with_state("55P03").lock_not_available());
  EXPECT_TRUE(with_state("57014").cancelled());
  EXPECT_TRUE(with_state("53100").out_of_space());
  EXPECT_FALSE(with_state("57014").lock_not_available());
}

TEST(DatabaseError, SaysStateQueryDetailAndHint) {
  const DatabaseError error({.sqlstate = "23505",
                             .query_name = "replay.insert",
                             .message = "duplicate key",
                             .detail = "Key (id)=(7) exists.",
                             .hint = "Look at it."});
  EXPECT_EQ(std::string(error.what()),
            "duplicate key (SQLSTATE 23505, query replay.insert)\n  detail: Key (id)=(7) exists.\n  hint: "
            "Look at it.");
}

TEST(Failure, CarriesItsExitCodeAndDescribesItsProblem) {
  const Failure failure(ExitCode::refused, {.code = "standby",
                                            .object = "db1",
                                            .message = "the server is a standby",
                                            .expected = "a primary server",
                                            .found = "a standby",
                                            .next = "Connect to the primary."});
  EXPECT_EQ(failure.exit_code(), ExitCode::refused);
  const std::string text = failure.what();
  for (const char* part :
       {"db1", "the server is a standby", "a primary server", "a standby", "Connect to the primary."}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  }
}

}  // namespace
}  // namespace crossfade::postgres
