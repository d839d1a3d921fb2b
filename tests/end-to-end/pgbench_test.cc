// The classical application: pgbench with prepared statements keeps running while its largest table gets
// another key type. Not one of its transactions may fail, and the books must balance at the end.
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

TEST(Pgbench, NotOneTransactionFails) {
  Product product;
  const std::string bench = (product.database().server().binaries() / "pgbench").string();
  const auto pgbench = [&](std::vector<std::string> arguments, const std::string& role) {
    arguments.insert(arguments.begin(), bench);
    arguments.push_back(product.database().connection_string(role));
    return Command{.arguments = std::move(arguments), .environment = {}, .input = {}};
  };
  ASSERT_EQ(run(pgbench({"--initialize", "--scale=2", "--quiet"}, "keeper")).exit_code, 0);
  product.as("keeper",
             "GRANT SELECT, INSERT, UPDATE, DELETE ON pgbench_accounts, pgbench_branches, pgbench_tellers, "
             "pgbench_history TO shop");
  product.write("0001_widen.sql", "ALTER TABLE pgbench_accounts ALTER COLUMN aid TYPE bigint;\n");

  // SELECT abalance by aid: no result column changes its type, so prepared statements stay valid.
  Process traffic(
      pgbench({"--client=4", "--jobs=1", "--protocol=prepared", "--no-vacuum", "--time=300"}, "shop"));
  while (product.database().scalar("SELECT count(*) < 200 FROM pgbench_history") == "t")
    ASSERT_TRUE(traffic.running());
  const Answer up = product.ask({"up", "--contract"});
  EXPECT_EQ(up.exit_code(), 0) << describe(up.finished);
  const std::string at_cutover = product.database().scalar("SELECT count(*) + 200 FROM pgbench_history");
  while (product.database().scalar("SELECT count(*) < " + at_cutover + " FROM pgbench_history") == "t")
    ASSERT_TRUE(traffic.running()) << describe(traffic.wait());
  traffic.send_signal(SIGINT);
  const Finished ended = traffic.wait();
  EXPECT_THAT(ended.errors, ::testing::Not(::testing::HasSubstr("ERROR"))) << describe(ended);
  EXPECT_THAT(ended.errors, ::testing::Not(::testing::HasSubstr("aborted"))) << describe(ended);

  EXPECT_EQ(product.database().scalar(
                "SELECT (SELECT sum(abalance) FROM pgbench_accounts) = (SELECT sum(delta) FROM "
                "pgbench_history) AND (SELECT sum(bbalance) FROM pgbench_branches) = (SELECT "
                "sum(delta) FROM pgbench_history)"),
            "t");
  EXPECT_EQ(product.database().scalar("SELECT format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = "
                                      "'pgbench_accounts'::regclass AND attname = 'aid'"),
            "bigint");
  EXPECT_EQ(up.text("/runs/0/verify/differences"), "0");
  EXPECT_NE(up.text("/runs/0/keys_replayed"), "0");
}

}  // namespace
}  // namespace crossfade::tests
