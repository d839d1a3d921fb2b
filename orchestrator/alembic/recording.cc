#include "orchestrator/alembic/recording.h"

#include <fmt/format.h>

#include <algorithm>

#include "migrations/executed_statements.h"
#include "orchestrator/alembic/schema_clone.h"
#include "orchestrator/alembic/statement_log.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

/// Whether Alembic asked the copy for its revision. A project that takes its URL from elsewhere would
/// otherwise upgrade the database itself, with none of crossfade's care.
void require_copy(SchemaClone& clone, const AlembicProject& project, const std::string& url,
                  const std::string& table) {
  const std::size_t before = clone.log_size();
  const ChildResult result = project.run_with_database(url, clone.variables(), {"current"});
  const std::string log = clone.log_since(before);
  if (has_logged(log, table)) {
    require_success(result, project.display({"current"}));
    return;
  }
  throw Failure(
      ExitCode::refused,
      {.code = "record-target",
       .object = project.display({"current"}),
       .message = "the project does not take its database from where crossfade puts the copy's URL; nothing "
                  "was run",
       .expected = "a project that reads DATABASE_URL, SQLALCHEMY_DATABASE_URL, SQLALCHEMY_DATABASE_URI, or "
                   "sqlalchemy.url of alembic.ini",
       .found = "it connected elsewhere" +
                (result.exit_code == 0 ? std::string() : ": " + last_words(result.errors)),
       .next = "Name the environment variable with --record-url-variable, or the -x argument with "
               "--record-argument, or write {url} in --command where it belongs."});
}

}  // namespace

Recording record(const postgres::SessionFactory& factory, const AlembicProject& project,
                 const AlembicOptions& options, const VersionTable& versions, const std::stop_token& stop) {
  SchemaClone clone(factory, versions, stop);
  const std::string url = clone.url(project.url_scheme());
  require_copy(clone, project, url, versions.name.name);
  const std::size_t before = clone.log_size();
  require_success(project.run_with_database(url, clone.variables(), {"upgrade", options.target}),
                  project.display({"upgrade", options.target}) + " on the copy");
  std::vector<std::string> statements;
  for (LoggedStatement& statement : committed_statements(clone.log_since(before))) {
    if (!statement.application.starts_with("crossfade")) statements.push_back(std::move(statement.text));
  }
  const migrations::TableReference table{versions.name.schema, versions.name.name};
  migrations::ExecutedScript executed = migrations::script_of_executed(statements, table);
  return {std::move(executed.script), std::move(executed.queries)};
}

}  // namespace crossfade::orchestrator
