// A server's csvlog under log_statement = all, read back as the statements that took effect: in order, with
// their parameters in place, without what was rolled back or failed. Pure functions over the log's text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crossfade::orchestrator {

struct LoggedStatement {
  std::string session;      ///< tells sessions apart
  std::string application;  ///< application_name
  std::string text;
};

/// What committed. Transactions that are still open at the log's end count as rolled back. Throws Failure
/// (exit 1) "statement-log" for a text that is not csvlog, or a parameter that the log does not show.
std::vector<LoggedStatement> committed_statements(std::string_view csv);

/// Whether somebody else than crossfade sent a statement with this text, whatever became of it.
bool has_logged(std::string_view csv, std::string_view text);

/// `sql` with each $n as the literal that DETAIL has for it: "parameters: $1 = 'x', $2 = NULL".
std::string with_parameters(std::string_view sql, std::string_view detail);

}  // namespace crossfade::orchestrator
