#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "migrations/revision_directory.h"
#include "migrations/statement.h"

namespace crossfade::migrations {
namespace {

class Examples : public ::testing::Test {
 protected:
  const std::filesystem::path folder_ =
      std::filesystem::path(CROSSFADE_SOURCE_DIR) / "migrations" / "examples";
  const RevisionDirectory directory_ = load_directory(folder_);
};

TEST_F(Examples, AreOneDirectoryWithOneHead) {
  EXPECT_GE(directory_.in_order().size(), 3u);
  EXPECT_NO_THROW(directory_.only_head());
}

TEST_F(Examples, ParseInFull) {
  for (const MigrationFile& file : directory_.in_order()) {
    const auto statements = parse_statements(file.up_sql, file.path, file.up_first_line);
    EXPECT_TRUE(!statements.empty() || !file.rewrites.empty()) << file.path;
    EXPECT_NO_THROW(parse_statements(file.down_sql, file.path, file.down_first_line)) << file.path;
  }
}

TEST_F(Examples, HoldOnlyStatementsThatATableRewriteAccepts) {
  for (const MigrationFile& file : directory_.in_order()) {
    for (const Statement& statement : parse_statements(file.up_sql, file.path, file.up_first_line)) {
      EXPECT_NE(statement.kind, StatementKind::other) << location(statement, file.path);
      EXPECT_TRUE(statement.table.has_value()) << location(statement, file.path);
      EXPECT_FALSE(statement.concurrent) << location(statement, file.path);
    }
  }
}

}  // namespace
}  // namespace crossfade::migrations
