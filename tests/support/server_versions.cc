#include "tests/support/server_versions.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <stdexcept>
#include <string>

namespace crossfade::tests {

namespace {

namespace fs = std::filesystem;

constexpr int kOldest = 14;
constexpr int kNewest = 18;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// As scripts/setup has it.
fs::path installed_servers() {
  if (const std::string given = variable("CROSSFADE_SERVERS"); !given.empty()) return given;
  if (::geteuid() == 0) return "/var/cache/crossfade/servers";
  const std::string cache = variable("XDG_CACHE_HOME");
  return fs::path(cache.empty() ? variable("HOME") + "/.cache" : cache) / "crossfade" / "servers";
}

ServerVersion find(int major) {
  const fs::path ours = installed_servers() / std::to_string(major) / "bin";
  const fs::path debian = fs::path("/usr/lib/postgresql") / std::to_string(major) / "bin";
  for (const fs::path& folder : {ours, debian}) {
    std::error_code error;
    if (fs::exists(folder / "postgres", error)) return {major, folder};
  }
  throw std::runtime_error(fmt::format("PostgreSQL {} is in neither {} nor {}; run scripts/setup", major,
                                       ours.string(), debian.string()));
}

}  // namespace

const std::vector<ServerVersion>& server_versions() {
  static const std::vector<ServerVersion> versions = [] {
    std::vector<ServerVersion> out;
    for (int major = kOldest; major <= kNewest; ++major) out.push_back(find(major));
    return out;
  }();
  return versions;
}

}  // namespace crossfade::tests
