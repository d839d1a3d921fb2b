// The other half of the oracle: what must stand in the new table, worked out in SQL that the test wrote
// itself, and compared with it byte by byte. prepare() runs before the migration, because it copies the old
// columns' types. An Expectation refers to its database and schema, which must outlive it; one thread at a
// time.
#pragma once

#include <string>
#include <vector>

#include "postgres/quoting.h"
#include "tests/oracle/ledger.h"
#include "tests/oracle/random_schema.h"
#include "tests/support/scratch_database.h"

namespace crossfade::tests {

class Expectation {
 public:
  Expectation(ScratchDatabase& database, const RandomSchema& schema) : database_(database), schema_(schema) {}

  void prepare();
  /// The first differences between the live table and the ledger, one a line; empty where there are none.
  std::vector<std::string> differences_from(const Ledger& ledger);
  /// The same against the kept old table, transformed; nothing may have been written since the cutover.
  std::vector<std::string> differences_from_old_table(const postgres::QualifiedName& old_table);

 private:
  void create_expected();
  void expect_transformed(const std::string& from);
  void load_before(const Ledger& ledger);
  void load_inserted_later(const Ledger& ledger);
  void overwrite_with_later_writes(const Ledger& ledger);
  void compute_generated();
  std::vector<std::string> compare();

  ScratchDatabase& database_;
  const RandomSchema& schema_;
};

}  // namespace crossfade::tests
