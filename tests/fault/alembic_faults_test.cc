// `alembic upgrade` is killed again and again on its way, each time further on, then the same command once
// more: whatever was killed, Alembic's version stands where crossfade's own record of the revisions stands,
// and the schema at the end is the one that the real Alembic makes.
#include <signal.h>

#include "tests/end-to-end/alembic_project.h"

namespace crossfade::tests {
namespace {

/// Each is met on the way of the run that follows the one before.
constexpr const char* kKills[] = {
    "journal.completion:before:kill",      "journal.completion:after:kill",
    "capture.commit:after:kill",           "cutover.swap:after:kill",
    "cutover.commit:after:kill",           "journal.finish_step#2:after:kill",
    "in_place.commit:after:kill",          "journal.completion#3:after:kill",
    "journal.completion_alone:after:kill",
};

Finished upgrade_until_killed(const Product& product, const AlembicProject& project,
                              const std::string& fault) {
  Command command = product.command({"--progress", "none", "alembic", "upgrade", "--config",
                                     project.settings(), "--approve", "--contract"});
  command.environment["CROSSFADE_FAULT"] = fault;
  return run(std::move(command));
}

/// Versions that Alembic's table has and crossfade's record has not.
std::string versions_without_a_record(Product& product) {
  if (product.database().scalar("SELECT to_regclass('alembic_version') IS NULL") == "t") return "0";
  return product.database().scalar(
      "SELECT count(*) FROM alembic_version v WHERE NOT EXISTS (SELECT FROM crossfade.revisions r WHERE "
      "r.revision = 'alembic:' || v.version_num)");
}

TEST(KilledAlembicUpgrade, GoesOnAndNeverMovesTheVersionApartFromItsRevision) {
  Product product;
  const AlembicProject shop("shop", product);
  for (const char* fault : kKills) {
    SCOPED_TRACE(fault);
    const Finished killed = upgrade_until_killed(product, shop, fault);
    EXPECT_EQ(killed.signal, SIGKILL) << describe(killed);
    EXPECT_EQ(versions_without_a_record(product), "0");
    EXPECT_EQ(shop.alembic({"current"}).exit_code, 0);
  }
  const Answer finished = shop.ask("upgrade", {"--approve", "--contract"});
  ASSERT_EQ(finished.exit_code(), 0) << describe(finished.finished);
  EXPECT_EQ(versions_without_a_record(product), "0");
  expect_shop_is_upgraded(product);
}

}  // namespace
}  // namespace crossfade::tests
