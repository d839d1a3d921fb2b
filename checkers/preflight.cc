#include "checkers/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "checkers/preflight_check.h"

namespace crossfade::checkers {

namespace {

constexpr std::string_view kServer = R"sql(
SELECT pg_catalog.current_setting('server_version_num') AS version, pg_catalog.quote_ident(current_user) AS role
)sql";

/// What costs others something, and no row. Everything else cannot be accepted away.
constexpr std::string_view kAcceptable[] = {"event-trigger", "publication-of-all-tables"};

bool accepted(const PreflightRequest& request, std::string_view code) {
  return std::find(std::begin(kAcceptable), std::end(kAcceptable), code) != std::end(kAcceptable) &&
         std::find(request.allowed.begin(), request.allowed.end(), code) != request.allowed.end();
}

std::string filled(std::string_view text, std::string_view table, std::string_view object,
                   std::string_view found, std::string_view role) {
  return fmt::format(fmt::runtime(text), fmt::arg("table", table), fmt::arg("object", object),
                     fmt::arg("found", found), fmt::arg("role", role));
}

std::vector<Problem> run_checks(postgres::Session& session, const PreflightRequest& request,
                                std::span<const std::span<const PreflightCheck>> tables) {
  const postgres::Rows server = session.run({"preflight.server", std::string(kServer)});
  const std::int64_t version = server.only().integer("version");
  const std::string role = server.only().text("role");

  std::vector<Problem> findings;
  for (const std::span<const PreflightCheck> table : tables) {
    for (const PreflightCheck& check : table) {
      if (version < check.since_version || accepted(request, check.code)) continue;
      const postgres::Rows rows = session.run({std::string(check.query_name), std::string(check.query)},
                                              {std::to_string(request.table_oid)});
      for (const postgres::Row row : rows) {
        const std::string object = row.text_or("object", request.display);
        const std::string found = row.text_or("found", "");
        const auto fill = [&](std::string_view text) {
          return filled(text, request.display, object, found, role);
        };
        findings.push_back({.code = std::string(check.code),
                            .object = object,
                            .message = fill(check.message),
                            .expected = fill(check.expected),
                            .found = found,
                            .next = fill(check.next)});
      }
    }
  }
  return findings;
}

}  // namespace

std::vector<Problem> preflight(postgres::Session& session, const PreflightRequest& request) {
  const std::array tables = {relation_checks(), dependent_checks(), database_checks(), rights_checks(),
                             dependent_rights_checks()};
  return run_checks(session, request, tables);
}

std::vector<Problem> preflight_of_empty_copy(postgres::Session& session, const PreflightRequest& request) {
  const std::array tables = {relation_checks(), carried_checks(), database_checks(), rights_checks()};
  return run_checks(session, request, tables);
}

std::vector<Problem> missing_rights(postgres::Session& session, const PreflightRequest& request) {
  const std::array tables = {rights_checks(), dependent_rights_checks()};
  return run_checks(session, request, tables);
}

}  // namespace crossfade::checkers
