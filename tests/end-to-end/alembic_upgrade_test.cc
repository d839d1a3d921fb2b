// A real Alembic project carried out by crossfade: afterwards Alembic itself finds its version where it would
// have put it, and the schema is the one that Alembic makes.
#include "tests/end-to-end/alembic_project.h"

namespace crossfade::tests {
namespace {

TEST(AlembicUpgrade, MakesWhatTheRealAlembicMakesAndMovesItsVersion) {
  Product product;
  const AlembicProject shop("shop", product);
  const Answer answer = shop.ask("upgrade", {"--approve", "--contract"});
  ASSERT_EQ(answer.exit_code(), 0) << describe(answer.finished);
  expect_shop_is_upgraded(product);

  const Answer again = shop.ask("upgrade", {});
  EXPECT_EQ(again.exit_code(), 0) << describe(again.finished);
  EXPECT_TRUE(again.document.at("runs").as_array().empty());
}

TEST(AlembicUpgrade, GoesOnWhereAlembicItselfStopped) {
  Product product;
  const AlembicProject shop("shop", product);
  shop.upgrade("4f1a01c0de11");
  const Answer plan = shop.ask("plan", {});
  EXPECT_EQ(plan.exit_code(), 0) << describe(plan.finished);
  const Answer one = shop.ask("upgrade", {"+1", "--approve", "--contract"});
  ASSERT_EQ(one.exit_code(), 0) << describe(one.finished);
  EXPECT_EQ(product.ask({"alembic", "current"}).text("/heads/0"), "4f1a01c0de12");
}

}  // namespace
}  // namespace crossfade::tests
