#include "orchestrator/journal_schema.h"

#include <fmt/format.h>

#include "migrations/state_scripts.h"
#include "orchestrator/ownership.h"
#include "postgres/error.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

constexpr std::string_view kJournalVersion = R"sql(
SELECT CASE WHEN pg_catalog.to_regclass('crossfade.state_versions') IS NOT NULL THEN 1 ELSE 0 END AS present
)sql";

constexpr std::string_view kLatestVersion = R"sql(
SELECT COALESCE(pg_catalog.max(version), 0) AS version FROM crossfade.state_versions
)sql";

[[noreturn]] void refuse_newer(std::int64_t found, std::size_t known) {
  throw Failure(ExitCode::refused, {.code = "journal-too-new",
                                    .object = "schema crossfade",
                                    .message = "was written by a newer crossfade",
                                    .expected = fmt::format("state version {} or older", known),
                                    .found = fmt::format("state version {}", found),
                                    .next = "Use the newer binary."});
}

bool up_to_date(postgres::Session& session) {
  if (!journal_exists(session)) return false;
  const std::int64_t version =
      session.run({"journal.version", std::string(kLatestVersion)}).only().integer("version");
  const std::size_t known = migrations::embedded_scripts().size();
  if (version > static_cast<std::int64_t>(known)) refuse_newer(version, known);
  return version == static_cast<std::int64_t>(known);
}

}  // namespace

bool journal_exists(postgres::Session& session) {
  return session.run({"journal.present", std::string(kJournalVersion)}).only().integer("present") == 1;
}

void require_current_journal(postgres::Session& session) {
  if (up_to_date(session)) return;
  throw Failure(ExitCode::refused,
                {.code = "journal-too-old",
                 .object = "schema crossfade",
                 .message = "was written by an older crossfade",
                 .expected = fmt::format("state version {}", migrations::embedded_scripts().size()),
                 .found = "an older one",
                 .next = "`crossfade init` upgrades it; `up` does so by itself."});
}

bool initialise_journal(postgres::Session& session) {
  if (up_to_date(session)) return false;
  try {
    postgres::Transaction transaction(session, "journal.initialise");
    // Several processes may start at once; the second waits here, then finds everything done.
    session.run({"journal.initialise.lock", "SELECT pg_catalog.pg_advisory_xact_lock($1::int, 0)"},
                {std::to_string(kInitLockClass)});
    if (up_to_date(session)) return false;
    session.run({"journal.initialise.schema", "CREATE SCHEMA IF NOT EXISTS crossfade"});
    std::int64_t have = 0;
    if (journal_exists(session))
      have = session.run({"journal.version", std::string(kLatestVersion)}).only().integer("version");
    const auto scripts = migrations::embedded_scripts();
    for (std::size_t index = static_cast<std::size_t>(have); index < scripts.size(); ++index) {
      session.run({"journal.initialise.script", std::string(scripts[index].text)});
      session.run(
          {"journal.initialise.version", "INSERT INTO crossfade.state_versions (version) VALUES ($1)"},
          {std::to_string(index + 1)});
    }
    transaction.commit();
  } catch (const postgres::DatabaseError& error) {
    if (error.sqlstate() != "42501") throw;
    throw Failure(ExitCode::refused, {.code = "missing-privilege",
                                      .object = "schema crossfade",
                                      .message = "the journal cannot be created: " + error.report().message,
                                      .expected = "CREATE on the database for the current role",
                                      .found = "SQLSTATE 42501",
                                      .next = "GRANT CREATE ON DATABASE … TO the role that runs crossfade."});
  }
  return true;
}

}  // namespace crossfade::orchestrator
