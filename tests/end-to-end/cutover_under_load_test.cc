// An application that is not the owner, in all the ways in which it may come to a table, while the table, its
// views and its neighbours change places: no statement fails, and every acknowledged write is there.
#include <atomic>
#include <mutex>
#include <thread>

#include "postgres/error.h"
#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

class Load {
 public:
  explicit Load(Product& product) : product_(product) {}
  ~Load() { stop(); }

  /// `work` once and again in a session of the role's, until stop().
  template <class Prepare, class Work>
  void add(const std::string& name, const std::string& role, Prepare prepare, Work work) {
    threads_.emplace_back([this, name, role, prepare, work](const std::stop_token& stop) {
      try {
        const auto session = product_.database().factory(role).open({.application_name = "load"});
        session->run({"load.settings", "RESET ALL"});
        prepare(*session);
        for (int round = 0; !stop.stop_requested(); ++round) {
          work(*session, round);
          ++rounds_;
        }
      } catch (const std::exception& error) {
        const std::lock_guard lock(mutex_);
        errors_.push_back(name + ": " + error.what());
      }
    });
  }

  void stop() { threads_.clear(); }
  std::vector<std::string> errors() const { return errors_; }
  int rounds() const { return rounds_; }

 private:
  Product& product_;
  std::mutex mutex_;
  std::vector<std::string> errors_;
  std::atomic<int> rounds_ = 0;
  std::vector<std::jthread> threads_;
};

void rest(int ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

TEST(CutoverUnderLoad, FailsNoStatementOfAnyRole) {
  Product product;
  product.as(
      "keeper",
      std::string(kAccounts) +
          "; CREATE SCHEMA api; GRANT USAGE ON SCHEMA api TO shop;"
          "CREATE TABLE owners (name text PRIMARY KEY); INSERT INTO owners SELECT DISTINCT owner FROM "
          "accounts;"
          "CREATE TABLE parts (id bigserial PRIMARY KEY, account integer NOT NULL REFERENCES accounts, n "
          "integer);"
          "ALTER TABLE accounts ADD FOREIGN KEY (owner) REFERENCES owners;"
          "CREATE VIEW api.entries AS SELECT id, owner, balance FROM public.accounts WHERE balance >= 0;"
          "CREATE VIEW api.rich AS SELECT id, owner FROM api.entries WHERE balance > 100;"
          "CREATE TABLE audit (what text); GRANT INSERT ON audit TO shop;"
          "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN INSERT INTO "
          "public.audit VALUES (TG_OP); RETURN NULL; END';"
          "CREATE TRIGGER noted AFTER INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION noted();"
          "GRANT SELECT, INSERT, UPDATE, DELETE ON api.entries, api.rich, owners, parts TO shop;"
          "GRANT USAGE ON SEQUENCE parts_id_seq TO shop");
  product.write("0001_change.sql", "ALTER TABLE accounts ALTER COLUMN balance TYPE bigint;\n");
  std::atomic<int> inserted = 0;
  std::atomic<int> children = 0;
  Load load(product);
  const auto nothing = [](postgres::Session&) {};
  load.add(
      "inserts through a view", "shop",
      [](postgres::Session& session) {
        session.run({"load.path", "SET search_path = api, pg_temp"});
      },
      [&](postgres::Session& session, int round) {
        session.run(
            {"load.insert", fmt::format("INSERT INTO entries VALUES ({}, 'owner 1', 200)", 100000 + round)});
        ++inserted;
        rest(2);
      });
  load.add(
      "prepared updates through a view of a view", "shop",
      [](postgres::Session& session) {
        session.run(
            {"load.prepare", "PREPARE change (integer) AS UPDATE api.rich SET owner = owner WHERE id = $1"});
      },
      [](postgres::Session& session, int round) {
        session.run({"load.update", fmt::format("EXECUTE change ({})", 200 + round % 100)});
        rest(2);
      });
  load.add(
      "replica role", "postgres",
      [](postgres::Session& session) {
        session.run({"load.role", "SET session_replication_role = replica"});
      },
      [](postgres::Session& session, int round) {
        session.run(
            {"load.replica", fmt::format("UPDATE public.accounts SET balance = balance + 1 WHERE id = {}",
                                         400 + round % 100)});
        rest(2);
      });
  load.add("repeatable reads", "shop", nothing, [](postgres::Session& session, int) {
    session.run({"load.begin", "BEGIN ISOLATION LEVEL REPEATABLE READ"});
    const std::string first =
        session.run({"load.count", "SELECT count(*) AS n FROM public.accounts"}).only().text("n");
    rest(60);
    const std::string second =
        session.run({"load.count", "SELECT count(*) AS n FROM public.accounts"}).only().text("n");
    session.run({"load.commit", "COMMIT"});
    if (first != second || first == "0") throw std::runtime_error("saw " + first + " rows, then " + second);
    rest(40);
  });
  load.add("a cursor", "shop", nothing, [](postgres::Session& session, int) {
    session.run({"load.cursor", "BEGIN; DECLARE c CURSOR FOR SELECT owner FROM api.entries"});
    session.run({"load.fetch", "FETCH 100 FROM c"});
    rest(30);
    session.run({"load.fetch", "FETCH ALL FROM c; COMMIT"});
    rest(50);
  });
  load.add("a child first, then the table", "shop", nothing, [&](postgres::Session& session, int round) {
    session.run({"load.child",
                 fmt::format("BEGIN; INSERT INTO public.parts (account, n) VALUES ({}, 1)", 1 + round % 50)});
    session.run(
        {"load.parent", fmt::format("UPDATE public.accounts SET balance = balance + 1 WHERE id = {}; COMMIT",
                                    500 + round % 50)});
    ++children;
    rest(3);
  });
  load.add("the table first, then a child", "shop", nothing, [&](postgres::Session& session, int round) {
    session.run(
        {"load.parent", fmt::format("BEGIN; UPDATE public.accounts SET balance = balance + 1 WHERE id = {}",
                                    600 + round % 50)});
    session.run({"load.child", fmt::format("INSERT INTO public.parts (account, n) VALUES ({}, 2); COMMIT",
                                           51 + round % 50)});
    ++children;
    rest(3);
  });
  rest(300);
  const Finished up = product.run({"up", "--cutover-attempts", "200"});
  rest(300);
  load.stop();
  EXPECT_EQ(up.exit_code, 0) << describe(up);
  EXPECT_THAT(load.errors(), ::testing::IsEmpty());
  EXPECT_GT(load.rounds(), 100);
  auto& database = product.database();
  EXPECT_EQ(database.scalar("SELECT pg_typeof(balance) FROM accounts LIMIT 1"), "bigint");
  EXPECT_EQ(database.scalar("SELECT count(*) FROM accounts WHERE id >= 100000"), std::to_string(inserted));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM audit"), std::to_string(inserted));
  EXPECT_EQ(database.scalar("SELECT count(*) FROM parts"), std::to_string(children));
  EXPECT_EQ(database.scalar("SELECT bool_and(convalidated) FROM pg_constraint WHERE contype = 'f'"), "t");
}

}  // namespace
}  // namespace crossfade::tests
