// A logical subscriber on a second server keeps up with a published table through its rewrite, without a
// refresh.
#include <thread>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

class Subscriber : public ::testing::TestWithParam<std::string> {
 protected:
  static void SetUpTestSuite() { shared_server({.settings = {{"wal_level", "logical"}}}); }
};

bool wait_until_equal(Product& publisher, Product& subscriber, const std::string& query) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < until) {
    if (publisher.database().column(query) == subscriber.database().column(query)) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

TEST_P(Subscriber, KeepsUpThroughTheCutover) {
  Product publisher;
  postgres::ThrowawayServer second;
  Product subscriber(second);
  publisher.as("keeper", kAccounts);
  // The subscriber has the wider column already, as the plan advises.
  subscriber.as("keeper",
                "CREATE TABLE accounts (id bigint PRIMARY KEY, owner text NOT NULL, balance bigint)");
  publisher.as("postgres",
               "CREATE PUBLICATION news " + GetParam() + "; ALTER PUBLICATION news OWNER TO postgres");
  if (GetParam().starts_with("FOR TABLE accounts"))
    publisher.as("postgres", "ALTER PUBLICATION news OWNER TO keeper");
  const std::string name = publisher.database().name();
  subscriber.as("postgres", "CREATE SUBSCRIPTION " + name + " CONNECTION " +
                                postgres::quote_literal(publisher.database().connection_string()) +
                                " PUBLICATION news");
  const std::string rows = "SELECT (id, owner, balance)::text FROM accounts ORDER BY id";
  ASSERT_TRUE(wait_until_equal(publisher, subscriber, rows));

  publisher.write("0001_change.sql",
                  "ALTER TABLE accounts ALTER COLUMN id TYPE bigint, ALTER COLUMN balance TYPE bigint;\n");
  const Finished planned = publisher.run({"plan"});
  EXPECT_EQ(planned.exit_code, 0) << describe(planned);
  EXPECT_THAT(planned.output + planned.errors, ::testing::HasSubstr("subscribers"));
  EXPECT_EQ(publisher.run({"up", "--postpone-cutover"}).exit_code, 4);
  publisher.as(
      "keeper",
      "UPDATE accounts SET balance = balance + 1 WHERE id % 3 = 0; DELETE FROM accounts WHERE id % 97 = 0");
  const Finished cut_over = publisher.run({"cutover"});
  EXPECT_EQ(cut_over.exit_code, 0) << describe(cut_over);
  publisher.as("keeper",
               "INSERT INTO accounts VALUES (3000000000, 'large', 5000000000); UPDATE accounts SET balance = "
               "1 WHERE id = "
               "5; DELETE FROM accounts WHERE id = 8");
  EXPECT_TRUE(wait_until_equal(publisher, subscriber, rows));
  EXPECT_EQ(publisher.run({"contract"}).exit_code, 0);
  publisher.as("keeper", "UPDATE accounts SET owner = 'after' WHERE id = 6");
  EXPECT_TRUE(wait_until_equal(publisher, subscriber, rows));
  EXPECT_EQ(subscriber.database().scalar("SELECT count(*) FROM accounts WHERE owner = 'after'"), "1");
  subscriber.as("postgres", "ALTER SUBSCRIPTION " + name + " DISABLE");
  subscriber.as("postgres", "DROP SUBSCRIPTION " + name);
}

INSTANTIATE_TEST_SUITE_P(Publications, Subscriber,
                         ::testing::Values("FOR TABLE accounts", "FOR TABLE accounts (id, owner, balance)",
                                           "FOR TABLES IN SCHEMA public"),
                         [](const auto& instance) { return fmt::format("Of{}", instance.index); });

}  // namespace
}  // namespace crossfade::tests
