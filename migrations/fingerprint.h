// The fingerprint of a migration file: XXH3-128 over its bytes as they stand on disk, so `xxh128sum FILE`
// prints the same digits. It notices edits; it is no protection against somebody who forges them. Pure,
// thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace crossfade::migrations {

/// 32 lower-case hexadecimal digits.
std::string fingerprint(std::string_view bytes);

}  // namespace crossfade::migrations
