// Recognises SQL that PostgreSQL understands only from a later major version on than the parser does, so that
// an operator is not told that correct SQL is wrong. A guess, made only after the parser has refused.
// Thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "migrations/tokens.h"

namespace crossfade::migrations {

struct NewerSyntax {
  std::string_view what;  ///< for people: "SET EXPRESSION"
  int major_version;      ///< the first that understands it
};

/// `statement` has no comments. `refused_at` is the offset in `text` where the parser gave up.
std::optional<NewerSyntax> newer_syntax(std::string_view text, std::span<const Token> statement,
                                        std::size_t refused_at);

}  // namespace crossfade::migrations
