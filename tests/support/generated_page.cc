#include "tests/support/generated_page.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace crossfade::tests {

void expect_generated(const std::string& page, const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(CROSSFADE_SOURCE_DIR) / "docs" / page;
  std::ifstream stream(path);
  ASSERT_TRUE(stream) << path;
  std::string whole{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const std::string begin = "<!-- " + name + " -->\n";
  const std::size_t opening = whole.find(begin);
  const std::size_t to = whole.find("<!-- /" + name + " -->");
  ASSERT_TRUE(opening != std::string::npos && to != std::string::npos) << path << " has no part " << name;
  const std::size_t from = opening + begin.size();
  if (std::getenv("CROSSFADE_WRITE_DOCS") != nullptr) {
    std::ofstream(path) << whole.replace(from, to - from, text);
    return;
  }
  EXPECT_EQ(whole.substr(from, to - from), text)
      << "run this test with CROSSFADE_WRITE_DOCS=1 to write " << path << " anew";
}

}  // namespace crossfade::tests
