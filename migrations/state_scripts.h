// crossfade's own schema as numbered SQL scripts, embedded from migrations/state/*.sql at build time. The
// number in front of a script's name is the state version that it brings the schema to. Immutable data,
// thread-safe.
#pragma once

#include <span>
#include <string_view>

namespace crossfade::migrations {

struct EmbeddedScript {
  std::string_view name;  ///< "0001_journal"
  std::string_view text;
};

/// In the order of their names.
std::span<const EmbeddedScript> embedded_scripts();

}  // namespace crossfade::migrations
