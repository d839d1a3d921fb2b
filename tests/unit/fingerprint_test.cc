#include "migrations/fingerprint.h"

#include <gtest/gtest.h>

namespace crossfade::migrations {
namespace {

TEST(Fingerprint, IsWhatXxh128sumPrints) {
  EXPECT_EQ(fingerprint(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_EQ(fingerprint("SELECT 1;\n").size(), 32U);
}

TEST(Fingerprint, NoticesEveryByte) {
  EXPECT_NE(fingerprint("SELECT 1;\n"), fingerprint("SELECT 1;\r\n"));
  EXPECT_NE(fingerprint(std::string_view("a\0b", 3)), fingerprint("a"));
}

}  // namespace
}  // namespace crossfade::migrations
