// The part of the journal that is about revisions and their statements.
#include <fmt/format.h>

#include "orchestrator/journal.h"
#include "postgres/problem.h"

namespace crossfade::orchestrator {

namespace {

using postgres::Row;
using postgres::Rows;

std::string to_text(migrations::Direction direction) {
  return direction == migrations::Direction::down ? "down" : "up";
}

Failure completion_missed(const Run& run, const std::string& sql, std::uint64_t rows) {
  return Failure(
      ExitCode::failed,
      {.code = "completion-missed",
       .object = fmt::format("revision {}", run.revision),
       .message = "the statement that records the revision did not change exactly one row: " + sql,
       .expected = "1 row",
       .found = fmt::format("{} rows", rows),
       .next = "Somebody else has moved the version table meanwhile. Compare it with the database's "
               "schema, correct it, and run the command again; nothing of this last step was kept."});
}

}  // namespace

void Journal::finish_statement(const Run& run, const strategies::NumberedStatement& statement) {
  session_.run({"journal.finish_statement",
                "INSERT INTO crossfade.statements (revision, direction, number, fingerprint, sql, run)"
                " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING"},
               {run.revision, to_text(run.end.direction), std::to_string(statement.number),
                statement.fingerprint, statement.sql, std::to_string(run.run)});
}

void Journal::finish_part(const Run& run) {
  for (const strategies::NumberedStatement& statement : run.end.statements) finish_statement(run, statement);
  if (!run.end.completes) return;
  if (run.end.direction == migrations::Direction::up) {
    session_.run(
        {"journal.apply", "INSERT INTO crossfade.revisions (revision, fingerprint, run) VALUES ($1, $2, $3)"},
        {run.revision, run.file_fingerprint, std::to_string(run.run)});
  } else {
    session_.run({"journal.take_back", "DELETE FROM crossfade.revisions WHERE revision = $1"},
                 {run.revision});
    session_.run({"journal.forget_statements", "DELETE FROM crossfade.statements WHERE revision = $1"},
                 {run.revision});
  }
  for (const std::string& sql : run.end.completion) {
    const Rows rows = session_.run({"journal.completion", sql});
    if (rows.affected() != 1) throw completion_missed(run, sql, rows.affected());
  }
}

void Journal::forget_revision(const Run& run, std::span<const int> statements) {
  for (const int number : statements) {
    session_.run(
        {"journal.forget_run_statements", "DELETE FROM crossfade.statements WHERE run = $1 AND number = $2"},
        {std::to_string(run.run), std::to_string(number)});
  }
  if (run.end.direction == migrations::Direction::down) {
    session_.run({"journal.record_again",
                  "INSERT INTO crossfade.revisions (revision, fingerprint, run) VALUES ($1, $2, $3)"
                  " ON CONFLICT DO NOTHING"},
                 {run.revision, run.file_fingerprint, std::to_string(run.run)});
    return;
  }
  const Rows forgotten = session_.run(
      {"journal.forget_revision", "DELETE FROM crossfade.revisions WHERE revision = $1"}, {run.revision});
  // Of a revision that never came to its end, or is taken back already, nothing else has been recorded.
  if (forgotten.affected() == 0) return;
  for (const std::string& sql : run.end.completion_back) {
    const Rows rows = session_.run({"journal.completion_back", sql});
    if (rows.affected() != 1) throw completion_missed(run, sql, rows.affected());
  }
}

void Journal::finish_empty_revision(const migrations::MigrationFile& file) {
  Run run{.revision = file.revision, .file_fingerprint = file.fingerprint};
  if (file.direction == migrations::Direction::up) {
    session_.run(
        {"journal.apply_empty", "INSERT INTO crossfade.revisions (revision, fingerprint) VALUES ($1, $2)"},
        {file.revision, file.fingerprint});
  } else {
    session_.run({"journal.take_back_empty", "DELETE FROM crossfade.revisions WHERE revision = $1"},
                 {file.revision});
    session_.run({"journal.forget_empty", "DELETE FROM crossfade.statements WHERE revision = $1"},
                 {file.revision});
  }
  for (const std::string& sql : file.completion) {
    const Rows rows = session_.run({"journal.completion_alone", sql});
    if (rows.affected() != 1) throw completion_missed(run, sql, rows.affected());
  }
}

std::vector<strategies::NumberedStatement> Journal::finished_statements(const std::string& revision,
                                                                        migrations::Direction direction) {
  std::vector<strategies::NumberedStatement> out;
  const Rows rows = session_.run({"journal.finished_statements",
                                  "SELECT number, fingerprint, sql FROM crossfade.statements"
                                  " WHERE revision = $1 AND direction = $2 ORDER BY number"},
                                 {revision, to_text(direction)});
  for (const Row row : rows)
    out.push_back({static_cast<int>(row.integer("number")), row.text("fingerprint"), row.text("sql")});
  return out;
}

void Journal::approve(const std::string& revision, migrations::Direction direction,
                      const std::string& fingerprint, const std::string& who) {
  session_.run(
      {"journal.approve",
       "INSERT INTO crossfade.approvals (revision, direction, fingerprint, who) VALUES ($1, $2, $3, $4)"
       " ON CONFLICT DO NOTHING"},
      {revision, to_text(direction), fingerprint, who});
}

bool Journal::approved(const std::string& revision, migrations::Direction direction,
                       const std::string& fingerprint) {
  return !session_
              .run({"journal.approved",
                    "SELECT 1 AS one FROM crossfade.approvals WHERE revision = $1 AND direction = $2 AND "
                    "fingerprint = $3"},
                   {revision, to_text(direction), fingerprint})
              .empty();
}

void Journal::note_saved_plan(std::optional<std::int64_t> run, const std::string& fingerprint) {
  session_.run({"journal.note_saved_plan",
                "INSERT INTO crossfade.events (run, what, detail)"
                " VALUES ($1, 'saved plan', pg_catalog.jsonb_build_object('fingerprint', $2::text))"},
               {run ? std::optional(std::to_string(*run)) : std::nullopt, fingerprint});
}

bool Journal::saved_plan_begun(const std::string& fingerprint) {
  return !session_
              .run({"journal.saved_plan",
                    "SELECT 1 AS one FROM crossfade.events WHERE what = 'saved plan' AND detail ->> "
                    "'fingerprint' = $1 LIMIT 1"},
                   {fingerprint})
              .empty();
}

bool Journal::is_part_of_saved_plan(std::int64_t run, const std::string& fingerprint) {
  return !session_
              .run({"journal.saved_plan_part",
                    "SELECT 1 AS one FROM crossfade.events WHERE run = $1 AND what = 'saved plan' AND "
                    "detail ->> 'fingerprint' = $2 LIMIT 1"},
                   {std::to_string(run), fingerprint})
              .empty();
}

std::vector<std::string> Journal::tables_changed_by_saved_plan(const std::string& fingerprint) {
  std::vector<std::string> out;
  const Rows rows = session_.run(
      {"journal.saved_plan_tables",
       "SELECT DISTINCT d.table_schema AS schema, d.table_name AS name FROM crossfade.definitions d JOIN "
       "crossfade.events e USING (run) WHERE e.what = 'saved plan' AND e.detail ->> 'fingerprint' = $1"},
      {fingerprint});
  for (const postgres::Row row : rows)
    out.push_back(postgres::QualifiedName{row.text("schema"), row.text("name")}.display());
  return out;
}

void Journal::save_definition(std::int64_t run, const postgres::QualifiedName& table,
                              const boost::json::value& before) {
  session_.run({"journal.definition_before",
                "INSERT INTO crossfade.definitions (run, table_schema, table_name, before) VALUES ($1, $2, "
                "$3, $4::jsonb)"
                " ON CONFLICT DO NOTHING"},
               {std::to_string(run), table.schema, table.name, boost::json::serialize(before)});
}

std::optional<boost::json::value> Journal::definition_after(std::int64_t run,
                                                            const postgres::QualifiedName& table) {
  const Rows rows = session_.run({"journal.left_definition",
                                  "SELECT after::text AS after FROM crossfade.definitions WHERE run = $1 AND "
                                  "table_schema = $2 AND table_name = $3 AND after IS NOT NULL"},
                                 {std::to_string(run), table.schema, table.name});
  if (rows.empty()) return std::nullopt;
  return boost::json::parse(rows[0].text("after"));
}

void Journal::save_definition_after(std::int64_t run, const postgres::QualifiedName& table,
                                    const boost::json::value& after) {
  session_.run(
      {"journal.definition_after",
       "INSERT INTO crossfade.definitions (run, table_schema, table_name, after) VALUES ($1, $2, $3, "
       "$4::jsonb) ON CONFLICT (run, table_schema, table_name) DO UPDATE SET after = excluded.after"},
      {std::to_string(run), table.schema, table.name, boost::json::serialize(after)});
}

}  // namespace crossfade::orchestrator
