#include "postgres/error.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace crossfade::postgres {

namespace {

std::string headline(const ErrorReport& report) {
  std::string text = report.message + " (SQLSTATE " + report.sqlstate;
  if (!report.query_name.empty()) text += ", query " + report.query_name;
  text += ")";
  if (!report.detail.empty()) text += "\n  detail: " + report.detail;
  if (!report.hint.empty()) text += "\n  hint: " + report.hint;
  return text;
}

bool in_class(const ErrorReport& report, std::string_view sqlstate_class) {
  return report.sqlstate.starts_with(sqlstate_class);
}

}  // namespace

DatabaseError::DatabaseError(ErrorReport report)
    : std::runtime_error(headline(report)), report_(std::move(report)) {}

bool DatabaseError::connection_dead() const {
  // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped, idle_session_timeout; and
  // 25P03/25P04, idle-in-transaction and transaction timeout, which the server reports before it closes the
  // connection.
  static constexpr std::array<std::string_view, 7> kFatal = {"57P01", "57P02", "57P03", "57P04",
                                                             "57P05", "25P03", "25P04"};
  return report_.connection_lost || in_class(report_, "08") ||
         std::find(kFatal.begin(), kFatal.end(), report_.sqlstate) != kFatal.end();
}

bool DatabaseError::retryable() const {
  static constexpr std::array<std::string_view, 5> kAgain = {"40001", "40P01", "55P03", "53300", "57014"};
  return connection_dead() || std::find(kAgain.begin(), kAgain.end(), report_.sqlstate) != kAgain.end();
}

bool DatabaseError::data_error() const {
  return in_class(report_, "22") || in_class(report_, "23");
}

bool DatabaseError::wrong_statement() const {
  return in_class(report_, "42");
}

}  // namespace crossfade::postgres
