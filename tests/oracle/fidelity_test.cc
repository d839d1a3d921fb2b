// Everything that hangs on a table survives its rewrite: what crossfade leaves is, byte for byte of pg_dump
// and row for row, what a plain ALTER leaves. Where the server refuses the plain ALTER because of what hangs
// on the table, the plain side has it created behind the change.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "postgres/error.h"
#include "tests/end-to-end/product.h"
#include "tests/oracle/fidelity_cases.h"
#include "tests/support/catalog_description.h"
#include "tests/support/generated_page.h"
#include "tests/support/quick_runs.h"
#include "tests/support/server_versions.h"

namespace crossfade::tests {
namespace {

constexpr int kNewestDumped = 15;

std::vector<std::string> all_rows(Product& product) {
  std::vector<std::string> out;
  for (const std::string& table : product.database().column(
           "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
           "WHERE c.relkind IN ('r', 'm', 'v') AND n.nspname NOT LIKE 'crossfade%' AND n.nspname NOT IN "
           "('pg_catalog', 'information_schema') AND (c.relkind <> 'm' OR c.relispopulated) ORDER BY 1")) {
    out.push_back(table);
    for (std::string& row : product.rows(table)) out.push_back(std::move(row));
  }
  return out;
}

void set_up(Product& product, const FidelityCase& each, const std::string& sql) {
  product.as(each.as_superuser ? "postgres" : each.role, sql);
}

/// The change in plain SQL, where PostgreSQL lets it be.
void change_plainly(Product& product, const FidelityCase& each, const std::string& change) {
  std::string sql = each.plainly.empty() ? change : each.plainly;
  if (each.setup.find("orders_id_seq AS integer") != std::string::npos)
    sql += "ALTER SEQUENCE orders_id_seq AS bigint;";
  if (sql.starts_with("-- crossfade:rewrite")) sql = "VACUUM FULL " + change.substr(21);
  if (each.kind == "typed table") sql = "VACUUM FULL things";
  product.as(each.role, sql);
}

/// pg_dump where there is one that knows the server, else the catalog itself.
std::string schema_of(Product& product, int major) {
  if (major <= kNewestDumped) return product.schema();
  const auto session = product.database().session();
  return catalog_description(*session);
}

void compare_with_plain(const FidelityCase& each, postgres::ThrowawayServer& server,
                        int major = kNewestDumped) {
  const std::string change = each.change.empty() ? kFidelityChange : each.change;
  std::optional<Product> plain(std::in_place, server);
  Product faded(server);
  for (Product* product : {&*plain, &faded}) product->as(each.role, kFidelityBase);
  set_up(faded, each, each.setup);
  bool behind = false;
  try {
    set_up(*plain, each, each.setup);
    change_plainly(*plain, each, change);
  } catch (const postgres::DatabaseError&) {
    // What hangs on a changed column keeps the server from changing it; then it comes behind the change.
    plain.emplace(server);
    plain->as(each.role, kFidelityBase);
    change_plainly(*plain, each, change);
    set_up(*plain, each, each.setup);
    behind = true;
  }
  faded.write("0001_change.sql", change);
  const Finished finished = faded.run({"up", "--contract", "--approve"}, each.role);
  ASSERT_EQ(finished.exit_code, 0) << describe(finished);
  EXPECT_EQ(schema_of(faded, major), schema_of(*plain, major))
      << (behind ? "the plain change came first" : "");
  EXPECT_EQ(all_rows(faded), all_rows(*plain));
  EXPECT_THAT(faded.traces(), ::testing::IsEmpty());
}

class Fidelity : public ::testing::TestWithParam<FidelityCase> {
 protected:
  static void SetUpTestSuite() {
    shared_server({.settings = {{"wal_level", "logical"}, {"allow_system_table_mods", "on"}}});
  }
};

TEST_P(Fidelity, IsThatOfAPlainAlter) {
  compare_with_plain(GetParam(), shared_server());
}

INSTANTIATE_TEST_SUITE_P(Everything, Fidelity, ::testing::ValuesIn(one_of_each(3, fidelity_cases())),
                         [](const auto& instance) { return instance.param.name; });

std::vector<FidelityCase> mixtures() {
  const std::uint64_t seeds = long_run() ? 120 : 4;
  std::vector<FidelityCase> out;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) out.push_back(random_fidelity_case(seed));
  return out;
}

INSTANTIATE_TEST_SUITE_P(Mixed, Fidelity, ::testing::ValuesIn(mixtures()),
                         [](const auto& instance) { return instance.param.name; });

struct Elsewhere {
  int major = 0;
  FidelityCase each;
};

void PrintTo(const Elsewhere& elsewhere, std::ostream* stream) {
  *stream << elsewhere.each.name << " on " << elsewhere.major;
}

/// On the other versions every so many of them, not the same ones on each.
std::vector<Elsewhere> cases_elsewhere() {
  const std::size_t share = long_run() ? 1 : 24;
  std::vector<Elsewhere> out;
  for (const ServerVersion& version : server_versions()) {
    if (version.major == kNewestDumped) continue;
    std::size_t at = static_cast<std::size_t>(version.major);
    for (const FidelityCase& each : fidelity_cases()) {
      if (each.since_version > version.major * 10000 || ++at % share != 0) continue;
      // Made by hand beside the old table, the plain side's NOT NULL constraints get other names.
      if (version.major >= 18 && !each.plainly.empty()) continue;
      out.push_back({version.major, each});
    }
  }
  return out;
}

class FidelityElsewhere : public ::testing::TestWithParam<Elsewhere> {
 protected:
  static void TearDownTestSuite() { servers().clear(); }

  static std::map<int, std::unique_ptr<postgres::ThrowawayServer>>& servers() {
    static std::map<int, std::unique_ptr<postgres::ThrowawayServer>> servers;
    return servers;
  }

  static postgres::ThrowawayServer& server(int major) {
    std::unique_ptr<postgres::ThrowawayServer>& server = servers()[major];
    if (!server) {
      const auto version = std::find_if(server_versions().begin(), server_versions().end(),
                                        [&](const ServerVersion& each) { return each.major == major; });
      server = std::make_unique<postgres::ThrowawayServer>(postgres::ThrowawayServerOptions{
          .binaries = version->binaries,
          .settings = {{"wal_level", "logical"}, {"allow_system_table_mods", "on"}}});
    }
    return *server;
  }
};

TEST_P(FidelityElsewhere, IsThatOfAPlainAlter) {
  compare_with_plain(GetParam().each, server(GetParam().major), GetParam().major);
}

INSTANTIATE_TEST_SUITE_P(OtherVersions, FidelityElsewhere, ::testing::ValuesIn(cases_elsewhere()),
                         [](const auto& instance) {
                           return fmt::format("{}On{}", instance.param.each.name, instance.param.major);
                         });

TEST(FidelityPage, IsMadeFromTheTable) {
  std::string page = "| kind | what becomes of it | cases |\n|---|---|---|\n";
  for (const FidelityKind& kind : fidelity_kinds()) {
    const auto cases = std::count_if(fidelity_cases().begin(), fidelity_cases().end(),
                                     [&](const FidelityCase& each) { return each.kind == kind.name; });
    EXPECT_GT(cases, 0) << kind.name;
    page += fmt::format("| {} | {} | {} |\n", kind.name, kind.fate, cases);
  }
  expect_generated("fidelity.md", "kinds", page);
  for (const FidelityCase& each : fidelity_cases()) {
    EXPECT_TRUE(std::any_of(fidelity_kinds().begin(), fidelity_kinds().end(), [&](const FidelityKind& kind) {
      return kind.name == each.kind;
    })) << each.name;
  }
}

}  // namespace
}  // namespace crossfade::tests
