#include <fmt/format.h>
#include <gmock/gmock.h>

#include "postgres/error.h"
#include "tests/integration/batched_run.h"

namespace crossfade::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BatchedRejection : public BatchedRun {
 protected:
  BatchedRejection() {
    database_.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, c integer NOT NULL DEFAULT 0, s text NOT NULL DEFAULT '1');"
        "INSERT INTO t SELECT n FROM generate_series(1, 1000) n");
  }

  /// The refusal, which must name the row; afterwards the rows that are done.
  std::string found_by(const std::string& sql) {
    const Failure failure = failure_of(plan(sql));
    EXPECT_EQ(failure.exit_code(), ExitCode::refused);
    EXPECT_EQ(failure.problem().code, "data-rejected");
    EXPECT_EQ(failure.problem().object, "public.t");
    EXPECT_FALSE(step_finished());
    return failure.problem().found;
  }

  std::string rows_done() {
    return database_.scalar("SELECT rows FROM crossfade.batches WHERE step = '" + step_ + "'");
  }
};

TEST_F(BatchedRejection, NamesTheRowThatFailsACastAndGoesOnOnceItIsMended) {
  database_.execute("UPDATE t SET s = 'seven' WHERE id = 777");
  const std::string sql = "UPDATE t SET c = c + s::integer";
  const std::string found = found_by(sql);
  EXPECT_THAT(found, HasSubstr("id = 777"));
  EXPECT_THAT(found, HasSubstr("invalid input syntax for type integer"));
  const int done = std::stoi(rows_done());
  EXPECT_GT(done, 600);
  EXPECT_LT(done, 777);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM t WHERE c = 1"), std::to_string(done))
      << "the search leaves nothing";
  database_.execute("UPDATE t SET s = '1' WHERE id = 777");
  EXPECT_EQ(execute(sql), 1000);
  EXPECT_EQ(database_.scalar("SELECT count(*) FROM t WHERE c = 1"), "1000");
}

TEST_F(BatchedRejection, NamesTheFirstAndTheLastRow) {
  database_.execute("ALTER TABLE t ADD CHECK (c <> 1 OR id BETWEEN 2 AND 999)");
  EXPECT_THAT(found_by("UPDATE t SET c = c + 1"), HasSubstr("id = 1"));
  database_.execute("DELETE FROM t WHERE id = 1");
  EXPECT_THAT(found_by("UPDATE t SET c = c + 1"), HasSubstr("id = 1000"));
}

TEST_F(BatchedRejection, NamesARowOfACompositeKey) {
  database_.execute(
      "ALTER TABLE t DROP CONSTRAINT t_pkey, ADD PRIMARY KEY (s, id), ADD CHECK (c = 0 OR id <> 300)");
  EXPECT_THAT(found_by("UPDATE t SET c = 1"), HasSubstr("s, id = 1, 300"));
}

TEST_F(BatchedRejection, NamesADuplicateThatOnlyTheBatchItselfMakes) {
  database_.execute("CREATE UNIQUE INDEX ON t (c) WHERE c <> 0");
  EXPECT_THAT(found_by("UPDATE t SET c = CASE WHEN id IN (210, 230) THEN 7 ELSE 0 END"),
              HasSubstr("id = 230"));
}

TEST_F(BatchedRejection, NamesTheRowOfAConstraintThatIsCheckedAtTheCommit) {
  database_.execute(
      "CREATE TABLE target (id integer PRIMARY KEY); INSERT INTO target VALUES (0), (1);"
      "ALTER TABLE t ADD CONSTRAINT known FOREIGN KEY (c) REFERENCES target DEFERRABLE INITIALLY DEFERRED");
  const std::string found = found_by("UPDATE t SET c = CASE id WHEN 555 THEN 2 ELSE 1 END");
  EXPECT_THAT(found, HasSubstr("id = 555"));
  EXPECT_THAT(found, HasSubstr("known"));
}

TEST_F(BatchedRejection, NamesTheRowThatATriggerRefuses) {
  database_.execute(
      "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF OLD.id = 42 THEN RAISE "
      "EXCEPTION 'not "
      "this one'; END IF; RETURN OLD; END $$; CREATE TRIGGER guard BEFORE DELETE ON t FOR EACH ROW EXECUTE "
      "FUNCTION "
      "guard()");
  const std::string found = found_by("DELETE FROM t");
  EXPECT_THAT(found, HasSubstr("id = 42"));
  EXPECT_THAT(found, HasSubstr("not this one"));
}

TEST_F(BatchedRejection, TellsAReferencedRowFromTheDelete) {
  database_.execute("CREATE TABLE lines (t integer REFERENCES t); INSERT INTO lines VALUES (321)");
  EXPECT_THAT(found_by("DELETE FROM t WHERE id > 5"), HasSubstr("id = 321"));
}

TEST_F(BatchedRejection, IsNotWhatAWrongStatementGets) {
  EXPECT_THROW(execute("UPDATE t SET nothing = 1"), postgres::DatabaseError);
  EXPECT_THROW(execute("UPDATE t SET c = nothing"), postgres::DatabaseError);
}

}  // namespace
}  // namespace crossfade::tests
