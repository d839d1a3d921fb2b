// `down --generated` where a file has no down section: from the statements, and from what the journal keeps
// of the tables as they were.
#include <signal.h>

#include "tests/end-to-end/product.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;

class GeneratedDown : public OneRevision {
 protected:
  GeneratedDown() { product_.as("keeper", kAccounts); }
};

TEST_F(GeneratedDown, WhatWasDroppedComesBackAsItWas) {
  const std::string before = product_.schema();
  ASSERT_EQ(
      up("DROP INDEX accounts_owner;\n"
         "ALTER TABLE accounts DROP CONSTRAINT solvent, ALTER COLUMN balance SET DEFAULT 9;\n"
         "ALTER TABLE accounts ALTER COLUMN owner SET DEFAULT 'nobody', ALTER COLUMN owner DROP NOT NULL;\n"
         "ALTER TABLE accounts ADD CONSTRAINT one_owner UNIQUE (owner, id);\n")
          .exit_code(),
      0);
  const Answer offered = product_.ask({"down"});
  EXPECT_EQ(offered.exit_code(), 5);
  EXPECT_THAT(offered.text("/error/found"), HasSubstr("CREATE INDEX accounts_owner ON public.accounts"));
  const Answer down = product_.ask({"down", "--generated"});
  ASSERT_EQ(down.exit_code(), 0) << describe(down.finished);
  EXPECT_EQ(product_.schema(), before);
}

TEST_F(GeneratedDown, UpSaysThatADownIsUnfinished) {
  ASSERT_EQ(up("ALTER TABLE accounts ADD COLUMN a text, ADD COLUMN b text;\n").exit_code(), 0);
  Command command = product_.command({"down", "--generated", "--allow-data-loss"});
  command.environment["CROSSFADE_FAULT"] = "in_place.statement#1:after:kill";
  EXPECT_EQ(run(command).signal, SIGKILL);
  const Answer told = product_.ask({"up"});
  EXPECT_EQ(told.exit_code(), 4) << describe(told.finished);
  EXPECT_EQ(told.error_code(), "unfinished-down");
  EXPECT_EQ(product_.ask({"down", "--generated", "--allow-data-loss", "--contract"}).exit_code(), 0);
  EXPECT_EQ(product_.ask({"up"}).exit_code(), 0);
}

TEST_F(GeneratedDown, ANotNullThatWasThereBeforeStays) {
  const std::string before = product_.schema();
  ASSERT_EQ(up("ALTER TABLE accounts ALTER COLUMN owner SET NOT NULL, ALTER COLUMN balance SET NOT NULL;\n")
                .exit_code(),
            0);
  ASSERT_EQ(product_.ask({"down", "--generated"}).exit_code(), 0);
  EXPECT_EQ(product_.schema(), before);
}

TEST_F(GeneratedDown, WhatNobodyCanKnowHasNoInverse) {
  ASSERT_EQ(up("CREATE INDEX fresh ON accounts (balance);\nDROP INDEX fresh;\n").exit_code(), 0);
  const Answer down = product_.ask({"down", "--generated"});
  EXPECT_EQ(down.exit_code(), 5);
  EXPECT_EQ(down.error_code(), "no-down-section");
}

TEST_F(GeneratedDown, TheJournalKeepsWhatWasMadeAndWhatWasDropped) {
  product_.write("0001_made.sql", "CREATE TABLE notes (id integer PRIMARY KEY, v text DEFAULT 'x');\n");
  product_.write("0002_gone.sql", "DROP TABLE notes;\n");
  ASSERT_EQ(product_.ask({"up", "--approve"}).exit_code(), 0);
  const Finished made = product_.run({"show", "0001_made"});
  EXPECT_THAT(made.output,
              HasSubstr("public.notes:\n    + id integer NOT NULL\n    + v text DEFAULT 'x'::text"));
  const Finished gone = product_.run({"show", "0002_gone"});
  EXPECT_THAT(gone.output, HasSubstr("public.notes: dropped\n    - id integer NOT NULL"));
  const Answer document = product_.ask({"show", "0001_made"});
  EXPECT_TRUE(at(document.document, "/tables/0/before").is_null());
}

}  // namespace
}  // namespace crossfade::tests
