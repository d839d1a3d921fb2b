// The commands of an ALTER TABLE, read from its parse tree together with its text: the tree says what a
// command is, the text gives expressions and types exactly as they were written. Private to this folder.
// Thread-safe.
#pragma once

#include <boost/json.hpp>
#include <span>
#include <vector>

#include "migrations/source_text.h"
#include "migrations/statement.h"
#include "migrations/tokens.h"

namespace crossfade::migrations {

/// `commands` is the tree's list, `tokens` are those behind the table's name up to the end of the statement,
/// without comments. Locations in the tree and tokens are offsets into `source.text`.
std::vector<AlterCommand> read_alter_commands(const Source& source, std::span<const Token> tokens,
                                              const boost::json::array& commands);

}  // namespace crossfade::migrations
