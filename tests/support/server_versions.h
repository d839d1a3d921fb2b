// The PostgreSQL servers of all supported major versions, which scripts/setup installs beside Debian's own.
// Free function, thread-safe.
#pragma once

#include <filesystem>
#include <vector>

namespace crossfade::tests {

struct ServerVersion {
  int major = 0;
  std::filesystem::path binaries;  ///< for ThrowawayServerOptions
};

/// 14 to 18. Throws std::runtime_error that names the folders where one is missing: a version that is not
/// tested is a failure, never a skipped test.
const std::vector<ServerVersion>& server_versions();

}  // namespace crossfade::tests
