// Drivers that take parameters as %s see a doubled percent sign where one is meant, and Alembic's offline SQL
// is printed for the driver. What is planned has it single. Which it is shows in the SQL itself, or else in
// the project's env.py.
#pragma once

#include <filesystem>
#include <string>

#include "orchestrator/alembic/options.h"

namespace crossfade::orchestrator {

/// The SQL as the server is to see it. `sources` is the folder of the revisions; env.py stands in it or above
/// it. Throws Failure (exit 2) "percent-signs" where neither the SQL nor env.py tells.
std::string resolve_percent_signs(const std::string& sql, const AlembicOptions& options,
                                  const std::filesystem::path& sources);

}  // namespace crossfade::orchestrator
